"""What SMOTE and its relatives share: groups that grow by rows on the lines between given rows."""

from __future__ import annotations

from collections import Counter
from functools import reduce

import numpy as np

from evenshelf.plurals import counted, plural
from evenshelf.remedies.neighbours import nearest_rows
from evenshelf.remedies.resample import wanted_counts
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows

# A group of n rows has n * k segments to draw from. Beyond this many draws per row and segment the law of large
# numbers has done its work, and each draw stands for several (a weight) instead.
DRAWS_PER_ROW = 2
LEAST_DRAWS = 50

# Distances from rows of growing groups to all rows: every row is looked at up to about 23,000 rows in all, beyond that
# an equal number of each larger group. Here this is a few seconds.
MOST_DISTANCES = 2**29


def draws_for(missing: int, rows: int) -> int:
    """How many rows are drawn for `missing` synthetic ones between so many given `rows`; the rest is their weight."""
    return min(missing, max(LEAST_DRAWS, DRAWS_PER_ROW * rows))


def most_looked_at(counts: Codes, rows: int, most: int) -> int:
    """Rows of one group whose neighbours among all `rows` are looked for, within `most` distances in all.

    Parameters
    ----------
    counts
        ``[g]`` rows of the groups that grow.
    rows
        All rows, > 0.
    most
        Distances to compute.

    Returns
    -------
    At least :data:`LEAST_DRAWS`; the largest count where all can be looked at.
    """
    left, cap = most // rows, 0
    ordered = np.sort(counts)
    for i, count in enumerate(ordered):
        # what smaller groups leave of their equal part goes to the larger ones
        cap = min(int(count), left // (len(ordered) - i))
        if cap < count:
            break  # larger groups get no more, or what is left by rounding would go beyond the bound
        left -= cap
    return max(cap, LEAST_DRAWS)


class Growth:
    """Groups that grow, the rows made for them so far, and what is to be told of it.

    Parameters
    ----------
    vectors, target, prior, rng
        As of :meth:`~evenshelf.remedies.Remedy.resample`.
    strength
        In [0, 1], see ``random_over``.
    k
        Neighbours that a row is joined to, >= 1; all of them where there are fewer.

    Attributes
    ----------
    groups
        Those that are to grow, each handled against all others.
    """

    def __init__(
        self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator, *, strength: float, k: int
    ) -> None:
        self.vectors, self.target, self.rng, self.k = vectors, target, rng, k
        self._missing = wanted_counts(prior, strength) - prior.counts
        self.groups: Codes = np.flatnonzero(self._missing > 0)
        self._parts = [Rows.copies(np.arange(len(target)), target)]
        self._made = self._sampled = 0
        self._shrunk: set[int] = set()
        self._single: set[int] = set()
        self._plain: Counter[str] = Counter()
        self._looked: int | None = None

    def missing(self, group: int) -> int:
        """Rows that a group is to get."""
        return int(self._missing[group])

    def members(self, group: int) -> Codes:
        """Rows of a group."""
        return np.flatnonzero(self.target == group)

    def smote(self, group: int, why: str = "") -> None:
        """Make all rows of a group by plain SMOTE.

        Parameters
        ----------
        why
            What such groups lack for anything better, such as ``"no row in danger"``.
        """
        rows = self.members(group)
        if why:
            self._plain[why] += 1
        self.between(group, rows, np.arange(len(rows)), self.missing(group))

    def between(self, group: int, rows: Codes, seeds: Codes, missing: int, *, reach: float = 1.0) -> None:
        """Make rows between random seeds and one of the k nearest to each; a seed alone is repeated.

        Parameters
        ----------
        rows
            Rows of the group in which neighbours are looked for.
        seeds
            Positions in `rows`, at least one.
        missing
            How many to make, > 0.
        reach
            The step is uniform in [0, reach), or (reach, 0] where that is negative: away from the neighbour.
        """
        near = self.neighbours(group, rows, seeds)
        draws = draws_for(missing, len(rows))
        start = self.rng.integers(0, len(seeds), draws)
        end = near[start, self.rng.integers(0, near.shape[1], draws)] if near.shape[1] else rows[seeds[start]]
        step = np.float32(reach) * self.rng.random(draws, dtype=np.float32)
        self.add(group, rows[seeds[start]], end, step, np.full(draws, missing / draws, np.float32))

    def neighbours(self, group: int, rows: Codes, seeds: Codes) -> Codes:
        """``[s, k]`` the nearest of a group's `rows` to each seed: fewer than k if they are few, none of one."""
        k = min(self.k, len(rows) - 1)
        if 0 < k < self.k:
            self._shrunk.add(group)
        if not k:
            self._single.add(group)
            return np.empty((len(seeds), 0), np.int64)
        within = self.vectors[rows]
        return rows[nearest_rows(within[seeds], within, k, seeds)[0]]

    def add(self, group: int, first: Codes, second: Codes, step: Floats, weight: Floats) -> None:
        """Add made rows to a group; see :class:`Rows`."""
        codes = np.full(len(first), group, np.int64)
        self._made += round(float(weight.sum(dtype=np.float64)))
        self._parts.append(Rows(first, second, step, weight, codes, codes, np.zeros(len(first), np.float32)))

    def surroundings(self, m: int) -> list[tuple[int, Codes, Codes]]:
        """For each group its rows, and the m nearest of all rows to each of them.

        The cost is bounded by :data:`MOST_DISTANCES`: of a group of more rows than :func:`most_looked_at` allows, that
        many are drawn.

        Returns
        -------
        Group, ``[q]`` rows of it, ``[q, m]`` rows near them (m at most all other rows).
        """
        if not len(self.groups):
            return []
        members = [self.members(group) for group in self.groups]
        most = most_looked_at(np.array([len(rows) for rows in members]), len(self.target), MOST_DISTANCES)
        for i, rows in enumerate(members):
            if len(rows) > most:
                members[i] = np.sort(self.rng.permutation(rows)[:most])
                self._looked, self._sampled = most, self._sampled + 1
        looked = np.concatenate(members)
        near, _ = nearest_rows(self.vectors[looked], self.vectors, min(m, len(self.target) - 1), looked)
        parts = np.split(near, np.cumsum([len(rows) for rows in members])[:-1])
        return [(int(g), rows, part) for g, rows, part in zip(self.groups, members, parts, strict=True)]

    def rows(self, *notes: str) -> Rows:
        """All given and made rows, with what was done."""
        said = [f"{self._made:,} synthetic rows beside {len(self.target):,} given ones", *notes]
        for why, n in self._plain.items():
            verbs = plural(n, "was", "were")
            said.append(f"{counted(n, 'group has', 'groups have')} {why} and {verbs} made by plain SMOTE")
        if self._looked is not None:
            groups = counted(self._sampled, "group", "groups")
            said.append(f"of {groups} {self._looked:,} random rows each were looked at, to bound the cost")
        if self._shrunk:
            have = counted(len(self._shrunk), "group has", "groups have")
            said.append(f"{have} fewer than {self.k + 1} rows and used all of them as neighbours")
        if self._single:
            groups = counted(len(self._single), "group of one row was", "groups of one row were")
            said.append(f"{groups} repeated, there being nothing to interpolate")
        return Rows(**{**vars(reduce(Rows.joined, self._parts)), "notes": tuple(said)})

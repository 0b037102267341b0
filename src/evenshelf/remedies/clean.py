"""Remedies that drop training rows by their neighbours, or leave a few that stand for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.plurals import counted
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.neighbours import BLOCK, nearest_rows
from evenshelf.remedies.registry import register
from evenshelf.remedies.resample import reduced_counts
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows

Flags = NDArray[np.bool_]

KINDS = ("mode", "all")
# k-means ends when no row changes its cluster; these bound it before: steps, and products of all steps together.
MOST_STEPS = 30
LEAST_STEPS = 3
MOST_PRODUCTS = 10**11
CAP = 30_000
"""Most rows that are searched for what is to be cleaned; the cost grows with its square."""


@register
@dataclass(frozen=True)
class Tomek(Remedy):
    """Drops the row of the more frequent group from each pair of groups' rows that are nearest to each other.

    Of a link between groups of the same size both rows stay. imbalanced-learn does the same with two groups; with more,
    it drops every row of a link but those of the smallest group.

    At most 30,000 rows are searched, see ``smote_tomek``.
    """

    name: ClassVar[str] = "tomek"
    title: ClassVar[str] = "Tomek links"
    family: ClassVar[Family] = Family.UNDER_SAMPLING
    paper: ClassVar[str] = "Tomek, IEEE Transactions on Systems, Man, and Cybernetics 6, 1976"
    formula: ClassVar[str] = "drop i if j is its nearest row, i that of j, y[i] != y[j], and n[y[i]] > n[y[j]]"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        searched = drawn_evenly(target, CAP, rng)
        links = searched[tomek_links(vectors[searched], target[searched])]
        sizes = prior.counts[target[links]]
        dropped = np.concatenate([links[sizes[:, 0] > sizes[:, 1], 0], links[sizes[:, 0] < sizes[:, 1], 1]])
        keep = np.ones(len(target), np.bool_)
        keep[dropped] = False
        found = counted(len(links), "Tomek link", "Tomek links")
        return _kept(keep, vectors, target, searched, f"; {found} between groups")


@register
@dataclass(frozen=True)
class ENN(Remedy):
    """Drops rows whose nearest rows are of other groups; those of the smallest group stay.

    At most 30,000 rows are searched, see ``smote_tomek``.

    Parameters
    ----------
    k
        Neighbours, >= 1; where there are fewer other rows, all of them.
    kind
        ``"mode"`` drops a row if another group has more of its neighbours than its own, ``"all"`` unless all are
        of its own. A tie with its own group keeps a row, where imbalanced-learn keeps or drops it by the order of the
        groups' names.
    """

    k: int = 3
    kind: str = "mode"

    name: ClassVar[str] = "enn"
    title: ClassVar[str] = "Edited nearest neighbours"
    family: ClassVar[Family] = Family.UNDER_SAMPLING
    paper: ClassVar[str] = "Wilson, IEEE Transactions on Systems, Man, and Cybernetics 2(3), 1972"
    formula: ClassVar[str] = "drop i if the plurality (mode), or any (all), of its k nearest rows are of other groups"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {"kind": KINDS}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_kind(self.kind)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        smallest = prior.counts[prior.present].min()
        searched = drawn_evenly(target, CAP, rng)
        dropped = searched[at_odds(vectors[searched], target[searched], self.k, self.kind)]
        keep = prior.counts[target] == smallest
        keep[np.setdiff1d(np.arange(len(target)), dropped)] = True
        return _kept(keep, vectors, target, searched)


@register
@dataclass(frozen=True)
class NearMiss(Remedy):
    """Keeps the rows of the larger groups that are near to those of the smallest.

    As in imbalanced-learn, all groups are compared with the smallest one; groups that are smallest together count as
    one.

    Parameters
    ----------
    version
        In [1, 3]. 1 keeps rows with the least mean distance to their k nearest rows of the smallest group, 2 to their k
        farthest ones; 3 takes the nearest few of each row of the smallest group into a short list, ``k`` at full
        strength and in proportion to the wanted rows below it, and keeps those of the list with the largest mean
        distance to their k nearest.
    k
        Neighbours, >= 1; where the smallest group has fewer rows, all of them.
    strength
        In [0, 1], see ``random_under``.
    """

    version: int = 1
    k: int = 3
    strength: float = 1.0

    name: ClassVar[str] = "near_miss"
    title: ClassVar[str] = "NearMiss"
    family: ClassVar[Family] = Family.UNDER_SAMPLING
    paper: ClassVar[str] = "Mani & Zhang, ICML workshop on learning from imbalanced datasets, 2003"
    formula: ClassVar[str] = "rows of g by mean distance to k rows of the smallest group, down to the wanted size"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"version": (1, 2, 3), "strength": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("version", self.version, 1, 3, whole=True)
        check_range("k", self.k, 1, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        wanted = reduced_counts(prior, self.strength)
        rare = vectors[prior.counts[target] == prior.counts[prior.present].min()]
        kept: list[Codes] = []
        short = 0
        for group in np.flatnonzero(prior.present):
            rows = np.flatnonzero(target == group)
            if wanted[group] < len(rows):
                rows = self._selected(vectors, rows, rare, int(wanted[group]))
                short += len(rows) < wanted[group]
            kept.append(rows)
        index = np.sort(np.concatenate(kept))
        notes = [f"{len(target) - len(index):,} of {counted(len(target), 'row', 'rows')} dropped"]
        if short:
            groups = counted(short, "group has", "groups have")
            notes.append(f"{groups} fewer rows than wanted, the short list of version 3 holding no more")
        return Rows.copies(index, target[index], notes=notes)

    def _selected(self, vectors: Floats, rows: Codes, rare: Floats, wanted: int) -> Codes:
        if self.version == 3:
            near = min(-(-self.k * wanted // len(rare)), len(rows))
            rows = rows[np.unique(nearest_rows(rare, vectors[rows], near)[0])]
        k = min(self.k, len(rare))
        distance = nearest_rows(vectors[rows], rare, k, farthest=self.version == 2)[1].mean(axis=1)
        order = np.argsort(-distance if self.version == 3 else distance, kind="stable")
        return rows[order[:wanted]]


@register
@dataclass(frozen=True)
class ClusterCentroids(Remedy):
    """Leaves of each larger group the rows nearest to the centres of its k-means clusters.

    A given row stands for each centre (hard voting), for several where it is the nearest to several. k-means starts
    from random rows and takes at most 30 steps, fewer (at least 3) where groups are so large that these would need
    more than 10^11 products.

    Parameters
    ----------
    strength
        In [0, 1], see ``random_under``.
    """

    strength: float = 1.0

    name: ClassVar[str] = "cluster_centroids"
    title: ClassVar[str] = "Cluster centroids"
    family: ClassVar[Family] = Family.UNDER_SAMPLING
    paper: ClassVar[str] = "Yen & Lee, Expert Systems with Applications 36(3), 2009; imbalanced-learn"
    formula: ClassVar[str] = "rows of g nearest to the centres of n[g] ** (1 - strength) min(n) ** strength clusters"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        wanted = reduced_counts(prior, self.strength)
        times = np.ones(len(target), np.int64)
        for group in np.flatnonzero(wanted < prior.counts):
            rows = np.flatnonzero(target == group)
            points = vectors[rows]
            centres = k_means(points, int(wanted[group]), rng)
            times[rows] = np.bincount(nearest_rows(centres, points, 1)[0][:, 0], minlength=len(rows))
        index = np.flatnonzero(times)
        notes = [f"{len(target) - len(index):,} of {counted(len(target), 'row', 'rows')} dropped"]
        several = int((times > 1).sum())
        if several:
            notes.append(f"{counted(several, 'row is', 'rows are')} the nearest to more than one centre")
        return Rows.copies(index, target[index], times[index], notes)


def check_kind(kind: str) -> None:
    """Raise :class:`SettingError` unless `kind` is one of :data:`KINDS`."""
    if kind not in KINDS:
        raise SettingError(f"kind={kind!r} is not one of: {', '.join(KINDS)}.")


def drawn_evenly(target: Codes, cap: int, rng: np.random.Generator) -> Codes:
    """At most `cap` rows, but at least one of each group: all of the smaller groups, as many of each larger one."""
    counts = np.bincount(target)
    if len(target) <= cap:
        return np.arange(len(target))
    # the most rows of a group such that all groups together stay within the cap
    low, high = 1, int(counts.max())
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if int(np.minimum(counts, middle).sum()) <= cap else (low, middle - 1)
    picked = [rng.permutation(np.flatnonzero(target == group))[:low] for group in np.flatnonzero(counts)]
    return np.sort(np.concatenate(picked))


def searched_note(searched: int, rows: int) -> list[str]:
    """What is told where not all rows were searched."""
    if searched == rows:
        return []
    return [f"{searched:,} of {rows:,} rows were searched, drawn from the largest groups"]


def tomek_links(vectors: Floats, target: Codes) -> Codes:
    """``[m, 2]`` pairs of rows of two groups, each the nearest row of the other, the earlier row first."""
    rows = np.arange(len(target))
    near = nearest_rows(vectors, vectors, 1, rows)[0][:, 0]
    first = np.flatnonzero((near[near] == rows) & (target[near] != target) & (rows < near))
    return np.stack([first, near[first]], axis=1)


def at_odds(vectors: Floats, target: Codes, k: int, kind: str) -> Flags:
    """``[n]`` whether the k nearest rows (all others, if there are fewer) speak against the group of a row."""
    k = min(k, len(target) - 1)
    labels = target[nearest_rows(vectors, vectors, k, np.arange(len(target)))[0]]
    own = (labels == target[:, None]).sum(axis=1)
    if kind == "all":
        return np.asarray(own < k)
    labels = np.sort(labels, axis=1)
    places = np.arange(k)
    begins = np.ones(labels.shape, np.bool_)
    begins[:, 1:] = labels[:, 1:] != labels[:, :-1]
    begun = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    return np.asarray(own < (places - begun + 1).max(axis=1))


def keep_one_of_each(keep: Flags, target: Codes, points: Callable[[Codes], Floats]) -> int:
    """Keep the most central row (nearest to the mean) of each group that would lose all; how many groups these are."""
    lost = np.setdiff1d(target, target[keep])
    for group in lost:
        rows = np.flatnonzero(target == group)
        found = points(rows)
        middle = found.mean(axis=0, dtype=np.float64, keepdims=True).astype(np.float32)
        keep[rows[nearest_rows(middle, found, 1)[0][0, 0]]] = True
    return len(lost)


def kept_note(groups: int) -> str:
    """What is told where :func:`keep_one_of_each` had to act."""
    return f"{counted(groups, 'group', 'groups')} would have lost all rows and kept the most central one"


def k_means(points: Floats, k: int, rng: np.random.Generator) -> Floats:
    """``[k, d]`` centres of clusters, from random rows; see :class:`ClusterCentroids` for the number of steps."""
    n = len(points)
    middle: Floats = points.mean(axis=0, dtype=np.float64, keepdims=True).astype(np.float32)
    if k == 1:
        return middle
    # what is common to all rows would eat up the digits of the products
    points = points - middle
    centres = points[np.sort(rng.choice(n, k, replace=False))]
    steps = int(np.clip(MOST_PRODUCTS // (n * k * points.shape[1]), LEAST_STEPS, MOST_STEPS))
    before = np.full(n, -1, np.int64)
    for _ in range(steps):
        cluster = _clusters(points, centres)
        if (cluster == before).all():
            break
        before = cluster
        order = np.argsort(cluster, kind="stable")
        # a cluster without rows keeps its centre
        filled, first, size = np.unique(cluster[order], return_index=True, return_counts=True)
        sums = np.add.reduceat(points[order], first, axis=0, dtype=np.float64)
        centres[filled] = sums / size[:, None]
    return np.asarray(centres + middle, dtype=np.float32)


def _clusters(points: Floats, centres: Floats) -> Codes:
    """``[n]`` the nearest centre of each row; of those that rounding cannot tell apart, any."""
    squares = np.einsum("ij,ij->i", centres, centres)
    found = np.empty(len(points), np.int64)
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK]
        found[start : start + BLOCK] = (squares - 2.0 * (block @ centres.T)).argmin(axis=1)
    return found


def _kept(keep: Flags, vectors: Floats, target: Codes, searched: Codes, more: str = "") -> Rows:
    """The rows that are kept, one of each group at least."""
    saved = keep_one_of_each(keep, target, lambda rows: vectors[rows])
    index = np.flatnonzero(keep)
    notes = [f"{len(target) - len(index):,} of {counted(len(target), 'row', 'rows')} dropped{more}"]
    notes += searched_note(len(searched), len(target))
    if saved:
        notes.append(kept_note(saved))
    return Rows.copies(index, target[index], notes=notes)

"""Whether made rows copy the given ones: the three-sample test of Meehan, Chaudhuri & Dasgupta (AISTATS 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.remedies.neighbours import nearest_rows
from evenshelf.remedies.rows import Codes, Floats

Distances = NDArray[np.float64]

POOL = 4000
"""Most given rows of a group that distances are measured to; of more, so many are drawn."""
COPY_PERCENTILE = 1.0
PARTS = (10, 50, 90)
"""Percentiles of distances that are told."""
UNKNOWN = "not known"
FAR, MANY = 3.0, 0.1
NEAR_RATIO, FAR_RATIO = 0.9, 1.25


@dataclass(frozen=True, eq=False)
class CopyTest:
    """What the test found.

    Attributes
    ----------
    ratio
        How many times as far made rows lie from the nearest given row of their group as given rows do from each other:
        the median over made rows, each in units of the median of its group. ``nan`` where no group can tell.
    z
        Normal score of the rank sums of both kinds of distances, over all groups (Mann-Whitney, stratified): far below
        0, made rows are nearer than unseen ones would be.
    copies
        ``[e]`` made rows that are nearer to a given one than all but the nearest 1% of given rows are to each other.
    made, held_out
        Distances to the nearest given row, each in units of the median of its group: of made rows (of groups that can
        tell), and of given rows that are held out in turn.
    """

    ratio: float
    z: float
    copies: NDArray[np.bool_]
    made: Distances
    held_out: Distances

    @property
    def judgement(self) -> str:
        """In a word or two."""
        if self.copies.mean() > MANY:
            return "copies"
        if self.z < -FAR and self.ratio < NEAR_RATIO:
            return "too near"
        if self.z > FAR and self.ratio > FAR_RATIO:
            return "unlike the data"
        return "like the data"

    def facts(self) -> dict[str, Any]:
        """JSON-able: what was found, and :data:`PARTS` of both kinds of distances; ``None`` where no group can tell."""
        told = len(self.made) > 0 and len(self.held_out) > 0
        unknown = not told and not self.copies.mean() > MANY
        return {
            "rows": len(self.copies),
            "copies": int(self.copies.sum()),
            "judgement": UNKNOWN if unknown else self.judgement,
            "ratio": float(self.ratio) if told else None,
            "z": float(self.z) if told else None,
            **{
                name: [float(v) for v in np.percentile(values, PARTS)] if told else None
                for name, values in (("made", self.made), ("held_out", self.held_out))
            },
        }


def copy_test(made: Floats, made_of: Codes, given: Floats, given_of: Codes, rng: np.random.Generator) -> CopyTest:
    """Compare distances from made rows to given ones with those that rows which are not copies would have.

    The test wants distances of held-out rows to the training rows. Here each given row is held out in turn: its
    distance is that to the nearest other one. A made row leaves out a random given row as well, so that both have as
    many to be near to; to be told a copy, it leaves out none.

    Parameters
    ----------
    made, made_of
        ``[e, k]`` vectors and ``[e]`` groups.
    given, given_of
        ``[n, k]`` and ``[n]``; no two rows of a group are equal.
    rng
        Draws what is left out.
    """
    groups = np.unique(made_of)
    nearest, relative = np.zeros(len(made)), np.full(len(made), np.nan)
    unit = np.full(int(max(made_of.max(initial=0), given_of.max(initial=0))) + 1, np.nan)
    own_relative: list[Distances] = []
    deviation = variance = 0.0
    for group in groups:
        mine, pool = np.flatnonzero(made_of == group), given[given_of == group]
        if len(pool) > POOL:
            pool = pool[np.sort(rng.permutation(len(pool))[:POOL])]
        n = len(pool)
        distance = nearest_rows(made[mine], pool, min(2, n))[1]
        nearest[mine] = distance[:, 0]
        if n < 2:
            continue
        apart = nearest_rows(pool, pool, 1, np.arange(n))[1][:, 0]
        fair = np.where(rng.random(len(mine)) < 1.0 / n, distance[:, 1], distance[:, 0])
        if not apart.any():
            continue
        # rows that differ only in axes left out have no distance here, and are no measure of one
        unit[group] = np.median(apart[apart > 0.0])
        relative[mine] = fair / unit[group]
        own_relative.append(apart / unit[group])
        more, spread = _rank_sum(fair, apart)
        deviation, variance = deviation + more, variance + spread
    if not own_relative:
        return CopyTest(np.nan, 0.0, nearest == 0.0, np.empty(0), np.empty(0))
    # a group of one row has no distance of its own: the usual one of the others stands for it
    unit = np.where(np.isnan(unit), np.nanmedian(unit), unit)
    held_out = np.concatenate(own_relative)
    bound = float(np.percentile(held_out, COPY_PERCENTILE))
    copies = (nearest == 0.0) | (nearest < bound * unit[made_of])
    z = deviation / max(variance, 1e-300) ** 0.5
    return CopyTest(float(np.nanmedian(relative)), z, copies, relative[~np.isnan(relative)], held_out)


def _rank_sum(one: Distances, two: Distances) -> tuple[float, float]:
    """How far the Mann-Whitney statistic of `one` is above its expectation, and its variance, ties included."""
    from scipy.stats import rankdata  # noqa: PLC0415 - slow to import

    m, n = len(one), len(two)
    ranks = rankdata(np.concatenate([one, two]))
    _, ties = np.unique(ranks, return_counts=True)
    total = m + n
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / (total * (total - 1))
    statistic = float(ranks[:m].sum()) - m * (m + 1) / 2
    return statistic - m * n / 2, m * n / 12 * (total + 1 - tied)

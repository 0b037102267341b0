"""Relatives of SMOTE that make rows where a group meets the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.plurals import counted
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.lines import Growth, draws_for
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows


def in_danger(foreign: Codes, m: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether at least half, but not all, of the m rows nearest to a row are of other groups (`foreign` many are)."""
    return np.asarray((foreign >= m / 2) & (foreign < m))


@register
@dataclass(frozen=True)
class BorderlineSMOTE(Remedy):
    """SMOTE that starts only from rows in danger: half or more, but not all, of the nearest rows are of other groups.

    A group without a row in danger is made by plain SMOTE, where imbalanced-learn leaves it as it is; a group of one
    row is repeated. In kind 2 neighbours come from all groups, and the step towards a row of another group is below a
    half, as in the paper (imbalanced-learn shortens that step once more). Draws are bounded as in ``smote``. Rows in
    danger are looked for within 2**29 distances: beyond about 23,000 training rows, among random rows of each larger
    group.

    Parameters
    ----------
    k
        Neighbours that a row in danger is joined to, >= 1.
    m
        Nearest rows, of all groups, that tell whether a row is in danger, >= 1.
    kind
        In [1, 2]: neighbours of the same group, or of all groups.
    strength
        In [0, 1], see ``random_over``.
    """

    k: int = 5
    m: int = 10
    kind: int = 1
    strength: float = 1.0

    name: ClassVar[str] = "borderline_smote"
    title: ClassVar[str] = "Borderline-SMOTE"
    family: ClassVar[Family] = Family.INTERPOLATION
    paper: ClassVar[str] = "Han, Wang & Mao, ICIC 2005"
    formula: ClassVar[str] = "SMOTE from x[i] with m / 2 <= foreign[i] < m, foreign[i] of its m nearest in other groups"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"kind": (1, 2)}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("m", self.m, 1, whole=True)
        check_range("kind", self.kind, 1, 2, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        growth = Growth(vectors, target, prior, rng, strength=self.strength, k=self.k)
        total = 0
        for group, rows, near in growth.surroundings(self.m if self.kind == 1 else max(self.m, self.k)):
            m = min(self.m, near.shape[1])
            danger = np.flatnonzero(in_danger((target[near[:, :m]] != group).sum(axis=1), m))
            total += len(danger)
            if not len(danger):
                growth.smote(group, "no row in danger")
            elif self.kind == 1:
                members = growth.members(group)
                growth.between(group, members, np.searchsorted(members, rows[danger]), growth.missing(group))
            else:
                missing = growth.missing(group)
                draws = draws_for(missing, len(rows))
                start = danger[rng.integers(0, len(danger), draws)]
                end = near[start, rng.integers(0, min(self.k, near.shape[1]), draws)]
                # a foreign neighbour pulls less, or the made row would lie in its group
                reach = np.where(target[end] == group, np.float32(1.0), np.float32(0.5))
                step = reach * rng.random(draws, dtype=np.float32)
                growth.add(group, rows[start], end, step, np.full(draws, missing / draws, np.float32))
        return growth.rows(
            f"{counted(total, 'row is', 'rows are')} in danger, by at most {self.m} rows nearest to each"
        )


@register
@dataclass(frozen=True)
class ADASYN(Remedy):
    """SMOTE that makes more rows from rows that have more neighbours of other groups.

    As in imbalanced-learn the number of each row is rounded, so that a group gets about, not exactly, what it misses.
    Where that makes no row at all, rows are drawn by the same shares; a group whose rows have no neighbour of another
    group is made by plain SMOTE (imbalanced-learn raises in both cases); a group of one row is repeated. Above
    ``max(50, 2 n)`` synthetic rows per group, each one stands for several. Neighbours are looked for within 2**29
    distances: beyond about 23,000 training rows, those of random rows of each larger group.

    Parameters
    ----------
    k
        Neighbours, both of all groups to count the foreign ones and of the same group to join, >= 1.
    strength
        In [0, 1], see ``random_over``.
    """

    k: int = 5
    strength: float = 1.0

    name: ClassVar[str] = "adasyn"
    title: ClassVar[str] = "ADASYN"
    family: ClassVar[Family] = Family.INTERPOLATION
    paper: ClassVar[str] = "He, Bai, Garcia & Li, IJCNN 2008"
    formula: ClassVar[str] = "SMOTE with foreign[i] / sum(foreign) of the rows from x[i], foreign[i] of its k nearest"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"k": (5, 2)}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        growth = Growth(vectors, target, prior, rng, strength=self.strength, k=self.k)
        drawn = 0
        for group, rows, near in growth.surroundings(self.k):
            foreign = (target[near] != group).sum(axis=1)
            if not foreign.any():
                growth.smote(group, "no neighbour of another group")
                continue
            missing = growth.missing(group)
            share = (foreign / near.shape[1]) / (foreign / near.shape[1]).sum()
            times = np.rint(share * missing).astype(np.int64)
            if not times.any():
                times = rng.multinomial(missing, share)
                drawn += 1
            _make(growth, group, rows, times)
        notes = ["rows with more neighbours of other groups were drawn from more often"]
        if drawn:
            groups = counted(drawn, "group was", "groups were")
            notes.append(f"{groups} drawn by the shares of the rows, whose numbers all rounded to 0")
        return growth.rows(*notes)


def _make(growth: Growth, group: int, rows: Codes, times: Codes) -> None:
    """Make ``times[i]`` rows between ``rows[i]`` and neighbours in its group, in fewer draws where they are many."""
    seeds = np.flatnonzero(times)
    times = times[seeds]
    total = int(times.sum())
    # rounded up, so that no seed is lost
    draws = -(-times * draws_for(total, len(rows)) // total)
    members = growth.members(group)
    near = growth.neighbours(group, members, np.searchsorted(members, rows[seeds]))
    start = np.repeat(np.arange(len(seeds)), draws)
    first = rows[seeds[start]]
    second = near[start, growth.rng.integers(0, near.shape[1], len(start))] if near.shape[1] else first
    step = growth.rng.random(len(start), dtype=np.float32)
    growth.add(group, first, second, step, (times / draws)[start].astype(np.float32))

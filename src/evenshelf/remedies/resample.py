"""Remedies that repeat or drop training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.plurals import counted
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows


@register
@dataclass(frozen=True)
class RandomOver(Remedy):
    """Repeats random rows of the smaller groups.

    Repeats are carried as weights: the same optimum as with copies, at the cost of none.

    Parameters
    ----------
    strength
        In [0, 1]; 1 brings each group to the size of the largest, 0 does nothing; between, group g grows from n to
        ``n ** (1 - strength) * max ** strength`` rows.
    """

    strength: float = 1.0

    name: ClassVar[str] = "random_over"
    title: ClassVar[str] = "Random over-sampling"
    family: ClassVar[Family] = Family.OVER_SAMPLING
    paper: ClassVar[str] = "Japkowicz & Stephen, Intelligent Data Analysis 6(5), 2002"
    formula: ClassVar[str] = "rows of g drawn with replacement up to n[g] ** (1 - strength) max(n) ** strength"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        times = np.ones(len(target), np.int64)
        wanted = wanted_counts(prior, self.strength)
        for group in np.flatnonzero(wanted > prior.counts):
            rows = np.flatnonzero(target == group)
            missing = int(wanted[group] - prior.counts[group])
            times[rows] += rng.multinomial(missing, np.full(len(rows), 1.0 / len(rows)))
        made = int(times.sum()) - len(target)
        note = f"{counted(made, 'copy', 'copies')} added to {counted(len(target), 'row', 'rows')}"
        return Rows.copies(np.arange(len(target)), target, times, (note,))


@register
@dataclass(frozen=True)
class RandomUnder(Remedy):
    """Keeps a random part of the larger groups.

    Parameters
    ----------
    strength
        In [0, 1]; 1 cuts each group to the size of the smallest, 0 does nothing; between, group g shrinks from n to
        ``n ** (1 - strength) * min ** strength`` rows.
    """

    strength: float = 1.0

    name: ClassVar[str] = "random_under"
    title: ClassVar[str] = "Random under-sampling"
    family: ClassVar[Family] = Family.UNDER_SAMPLING
    paper: ClassVar[str] = "Kubat & Matwin, ICML 1997"
    formula: ClassVar[str] = "rows of g drawn without replacement down to n[g] ** (1 - strength) min(n) ** strength"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        wanted = reduced_counts(prior, self.strength)
        kept: list[Codes] = []
        for group in np.flatnonzero(prior.present):
            rows = np.flatnonzero(target == group)
            kept.append(rng.permutation(rows)[: wanted[group]])
        index = np.sort(np.concatenate(kept))
        note = f"{len(target) - len(index):,} of {len(target):,} rows dropped"
        return Rows.copies(index, target[index], notes=(note,))


def wanted_counts(prior: Prior, strength: float) -> Codes:
    """``[G]`` rows that each group is to have after over-sampling; a cold group stays empty."""
    counts = prior.counts.astype(np.float64)
    largest = counts.max()
    wanted = np.where(prior.present, np.maximum(counts, 1) ** (1.0 - strength) * largest**strength, 0)
    return np.maximum(np.rint(wanted), prior.counts).astype(np.int64)


def reduced_counts(prior: Prior, strength: float) -> Codes:
    """``[G]`` rows that each group is to have after under-sampling, at least one; a cold group stays empty."""
    smallest = prior.counts[prior.present].min()
    wanted = np.zeros(len(prior.counts), np.int64)
    for group in np.flatnonzero(prior.present):
        wanted[group] = max(round(int(prior.counts[group]) ** (1.0 - strength) * smallest**strength), 1)
    return wanted

"""Remedies that draw training rows from another distribution over the groups."""

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
class SquareRoot(Remedy):
    """Samples each group in proportion to the square root of its size, as many rows in all as before.

    Large groups keep a random part of their rows, small ones repeat random rows of theirs. Repeats are carried as
    weights.

    Parameters
    ----------
    strength
        In [0, 1]; 1 samples by the square root, 0 does nothing; between, group g gets rows in proportion to
        ``n ** (1 - strength / 2)``.
    """

    strength: float = 1.0

    name: ClassVar[str] = "square_root"
    title: ClassVar[str] = "Square-root sampling"
    family: ClassVar[Family] = Family.OVER_SAMPLING
    paper: ClassVar[str] = "Mahajan et al., ECCV 2018; Kang et al., ICLR 2020"
    formula: ClassVar[str] = "N n[g] ** q / sum(n ** q) rows of g, q = 1 - strength / 2"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        wanted = power_counts(prior, 1.0 - self.strength / 2.0)
        times = np.ones(len(target), np.int64)
        dropped = 0
        for group in np.flatnonzero(wanted != prior.counts):
            rows = np.flatnonzero(target == group)
            missing = int(wanted[group]) - len(rows)
            if missing > 0:
                times[rows] += rng.multinomial(missing, np.full(len(rows), 1.0 / len(rows)))
            else:
                times[rng.permutation(rows)[wanted[group] :]] = 0
                dropped -= missing
        index = np.flatnonzero(times)
        added = int(times.sum()) - len(target) + dropped
        note = f"{dropped:,} of {counted(len(target), 'row', 'rows')} dropped, {counted(added, 'copy', 'copies')} added"
        return Rows.copies(index, target[index], times[index], (note,))


@register
@dataclass(frozen=True)
class ProgressivelyBalanced(Remedy):
    """Goes from sampling examples alike to sampling groups alike; here, the mean of that schedule as weights.

    In the paper the probability of group g in epoch t of T is ``(1 - t / T) n[g] / N + t / T / G``. A head that is
    trained to the optimum of one objective has no epochs: its examples weigh what the schedule gives them on average,
    half of it from each end. What the order of the epochs adds to that (the last ones count more) is not modelled.

    Parameters
    ----------
    strength
        In [0, 1]; where the schedule ends: 1 at groups sampled alike, 0 where it starts, which does nothing; between,
        at the blend of the two.
    """

    strength: float = 1.0

    name: ClassVar[str] = "progressively_balanced"
    title: ClassVar[str] = "Progressively balanced sampling (mean)"
    family: ClassVar[Family] = Family.WEIGHTS
    paper: ClassVar[str] = "Kang et al., ICLR 2020"
    formula: ClassVar[str] = "w[g] = 1 - strength / 2 + strength / 2 N / (G n[g])"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.WEIGHT,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1.0)

    def weight(self, prior: Prior) -> Floats:
        """See :meth:`Remedy.weight`."""
        half = self.strength / 2.0
        alike = prior.total / (max(int(prior.present.sum()), 1) * np.maximum(prior.counts, 1))
        return np.where(prior.present, 1.0 - half + half * alike, 1.0).astype(np.float32)


def power_counts(prior: Prior, power: float) -> Codes:
    """``[G]`` rows in proportion to ``n ** power``, the same in all but for rounding; >= 1 where there is a row."""
    share = np.where(prior.present, np.maximum(prior.counts, 1).astype(np.float64) ** power, 0.0)
    wanted = np.rint(prior.total * share / share.sum()).astype(np.int64)
    return np.asarray(np.maximum(wanted, prior.present), dtype=np.int64)

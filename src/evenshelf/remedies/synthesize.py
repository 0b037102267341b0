"""Remedies that make rows between rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Codes, Floats, Prior, Remedy, Rows, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.neighbours import nearest_within
from evenshelf.remedies.registry import register
from evenshelf.remedies.resample import wanted_counts

# A group of n rows has n * k segments to draw from. Beyond this many draws per row and segment the law of large
# numbers has done its work, and each draw stands for several (a weight) instead.
DRAWS_PER_ROW = 2
LEAST_DRAWS = 50


@register
@dataclass(frozen=True)
class SMOTE(Remedy):
    """Makes rows of the smaller groups on the lines between near rows of the same group.

    A group of fewer than k + 1 rows uses all its rows as neighbours, a group of one row is repeated; where
    imbalanced-learn raises, this goes on and tells. Above ``max(50, 2 n)`` synthetic rows per group, each one stands
    for several: the loss has the same expectation, at a bounded cost.

    Parameters
    ----------
    k
        Neighbours, >= 1.
    strength
        In [0, 1], see ``random_over``.
    """

    k: int = 5
    strength: float = 1.0

    name: ClassVar[str] = "smote"
    title: ClassVar[str] = "SMOTE"
    paper: ClassVar[str] = "Chawla et al., JAIR 16, 2002"
    formula: ClassVar[str] = "x[i] + u (x[j] - x[i]), j among the k nearest of the group, u uniform in [0, 1)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"k": (5, 2)}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        wanted = wanted_counts(prior, self.strength)
        parts: list[Rows] = [Rows.copies(np.arange(len(target)), target)]
        single = shrunk = 0
        for group in np.flatnonzero(wanted > prior.counts):
            rows = np.flatnonzero(target == group)
            missing = int(wanted[group] - prior.counts[group])
            draws = min(missing, max(LEAST_DRAWS, DRAWS_PER_ROW * len(rows)))
            start = rng.integers(0, len(rows), draws)
            k = min(self.k, len(rows) - 1)
            single += k == 0
            shrunk += 0 < k < self.k
            if k:
                near = nearest_within(vectors[rows], k)
                end = near[start, rng.integers(0, k, draws)]
            else:
                end = start
            codes = np.full(draws, group, np.int64)
            parts.append(
                Rows(
                    first=rows[start],
                    second=rows[end],
                    step=rng.random(draws, dtype=np.float32),
                    weight=np.full(draws, missing / draws, np.float32),
                    target=codes,
                    other=codes,
                    share=np.zeros(draws, np.float32),
                )
            )
        made = int((wanted - prior.counts).clip(min=0).sum())
        notes = [f"{made:,} synthetic rows beside {len(target):,} given ones"]
        if shrunk:
            notes.append(f"{shrunk} groups have fewer than {self.k + 1} rows and used all of them as neighbours")
        if single:
            notes.append(f"{single} groups of one row were repeated, there being nothing to interpolate")
        joined = parts[0]
        for part in parts[1:]:
            joined = joined.joined(part)
        return Rows(**{**vars(joined), "notes": tuple(notes)})


@register
@dataclass(frozen=True)
class Mixup(Remedy):
    """Trains on random blends of two rows, with their groups blended alike.

    Parameters
    ----------
    alpha
        Of the Beta(alpha, alpha) that the blend is drawn from, in [0, 10]; 0 does nothing (no blend).
    """

    alpha: float = 0.2

    name: ClassVar[str] = "mixup"
    title: ClassVar[str] = "Mixup on vectors"
    paper: ClassVar[str] = "Zhang et al., ICLR 2018"
    formula: ClassVar[str] = "(1 - t) x[i] + t x[j] with group y[j] at probability t, t ~ Beta(alpha, alpha)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"alpha": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"alpha": (0.2, 1.0)}

    def __post_init__(self) -> None:
        check_range("alpha", self.alpha, 0.0, 10.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        first = np.arange(len(target))
        if self.alpha == 0.0:
            return Rows.copies(first, target, notes=("nothing blended: alpha is 0",))
        second = rng.permutation(len(target))
        blend = rng.beta(self.alpha, self.alpha, len(target)).astype(np.float32)
        # t and 1 - t are equally likely; the smaller one keeps each given row the main part of one blend
        step = np.minimum(blend, 1.0 - blend)
        return Rows(
            first=first,
            second=second,
            step=step,
            weight=np.ones(len(target), np.float32),
            target=target,
            other=target[second],
            share=step,
            notes=(f"{len(target):,} blends in place of as many rows",),
        )

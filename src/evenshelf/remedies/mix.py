"""Remedies that train on blends of two rows, with their groups blended alike or in favour of the rarer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows


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
    family: ClassVar[Family] = Family.MIXING
    paper: ClassVar[str] = "Zhang et al., ICLR 2018"
    formula: ClassVar[str] = "(1 - t) x[i] + t x[j] with group y[j] at probability t, t ~ Beta(alpha, alpha)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"alpha": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"alpha": (0.2, 1.0)}

    def __post_init__(self) -> None:
        check_range("alpha", self.alpha, 0.0, 10.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        if self.alpha == 0.0:
            return _unblended(target)
        second, step = _partners(self.alpha, target, rng)
        return _blends(target, second, step, step)


@register
@dataclass(frozen=True)
class Remix(Remedy):
    """Mixup whose label goes to the rarer of the two groups, where that has at least its share of the blend.

    Parameters
    ----------
    alpha
        Of the Beta(alpha, alpha) that the blend is drawn from, in [0, 10]; 0 does nothing (no blend).
    kappa
        How many times as many rows the other group must have, in [1, 1000].
    tau
        The rarer group gets the whole label if the other one's part of the blend is less, in [0, 1].
    """

    alpha: float = 0.2
    kappa: float = 3.0
    tau: float = 0.5

    name: ClassVar[str] = "remix"
    title: ClassVar[str] = "Remix on vectors"
    family: ClassVar[Family] = Family.MIXING
    paper: ClassVar[str] = "Chou et al., ECCV Workshops 2020"
    formula: ClassVar[str] = "Mixup, but y[j] alone if n[y[i]] >= kappa n[y[j]] and 1 - t < tau; y[i] likewise"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"alpha": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"alpha": (0.2, 1.0)}

    def __post_init__(self) -> None:
        check_range("alpha", self.alpha, 0.0, 10.0)
        check_range("kappa", self.kappa, 1.0, 1000.0)
        check_range("tau", self.tau, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        if self.alpha == 0.0:
            return _unblended(target)
        second, step = _partners(self.alpha, target, rng)
        one, two = prior.counts[target], prior.counts[target[second]]
        share = step.copy()
        share[(two >= self.kappa * one) & (step < self.tau)] = 0.0
        share[(one >= self.kappa * two) & (1.0 - step < self.tau)] = 1.0
        changed = int((share != step).sum())
        return _blends(target, second, step, share, f"{changed:,} of them have the label of the rarer group alone")


@register
@dataclass(frozen=True)
class BalancedMixup(Remedy):
    """Blends each row with one drawn so that all groups are equally likely.

    Parameters
    ----------
    alpha
        Of the Beta(alpha, 1) that the part of the drawn row comes from, in [0, 10]; 0 does nothing (no blend).
    """

    alpha: float = 0.2

    name: ClassVar[str] = "balanced_mixup"
    title: ClassVar[str] = "Balanced Mixup on vectors"
    family: ClassVar[Family] = Family.MIXING
    paper: ClassVar[str] = "Galdran et al., MICCAI 2021"
    formula: ClassVar[str] = "(1 - t) x[i] + t x[j], y[j] uniform over groups, t ~ Beta(alpha, 1); groups alike"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"alpha": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"alpha": (0.2, 1.0)}

    def __post_init__(self) -> None:
        check_range("alpha", self.alpha, 0.0, 10.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        if self.alpha == 0.0:
            return _unblended(target)
        order = np.argsort(target, kind="stable")
        ends = np.cumsum(prior.counts)
        groups = rng.choice(np.flatnonzero(prior.present), len(target))
        place = ends[groups] - prior.counts[groups] + rng.integers(0, prior.counts[groups])
        step = rng.beta(self.alpha, 1.0, len(target)).astype(np.float32)
        return _blends(target, order[place], step, step)


def _partners(alpha: float, target: Codes, rng: np.random.Generator) -> tuple[Codes, Floats]:
    """Another row for each, and its part of the blend, at most a half."""
    second = rng.permutation(len(target))
    blend = rng.beta(alpha, alpha, len(target)).astype(np.float32)
    # t and 1 - t are equally likely; the smaller one keeps each given row the main part of one blend
    return second, np.minimum(blend, 1.0 - blend)


def _blends(target: Codes, second: Codes, step: Floats, share: Floats, *notes: str) -> Rows:
    return Rows(
        first=np.arange(len(target)),
        second=second,
        step=step,
        weight=np.ones(len(target), np.float32),
        target=target,
        other=target[second],
        share=share,
        notes=(f"{len(target):,} blends in place of as many rows", *notes),
    )


def _unblended(target: Codes) -> Rows:
    return Rows.copies(np.arange(len(target)), target, notes=("nothing blended: alpha is 0",))

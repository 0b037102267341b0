"""Remedies that change the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.adjust import LogitAdjust
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.losses import (
    Focal,
    Loss,
    MarginCrossEntropy,
    OffsetCrossEntropy,
    WeightedCrossEntropy,
)
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Prior
from evenshelf.remedies.weight import Balanced, effective_number_weights


@register
@dataclass(frozen=True)
class WeightedCE(Remedy):
    """Cross entropy with a weight per class, ``-1/N sum_i w(y_i) log p(y_i | x_i)``.

    The mean is over the N examples, not over the sum of weights: the weights ``(N / (G n[g])) ** power`` are left as
    they are, so the loss as a whole grows or shrinks with them (torch's ``CrossEntropyLoss(weight=...)`` divides by
    the sum of weights instead).

    Parameters
    ----------
    power
        In [0, 2]; 1 is the inverse frequency, 0 does nothing.
    """

    power: float = 1.0

    name: ClassVar[str] = "weighted_ce"
    title: ClassVar[str] = "Class-weighted cross entropy"
    family: ClassVar[Family] = Family.WEIGHTS
    paper: ClassVar[str] = "King & Zeng, Political Analysis 9(2), 2001"
    formula: ClassVar[str] = "-1/N sum w[y] log p[y], w[g] = (N / (G n[g])) ** power"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"power": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"power": (1.0, 0.25)}

    def __post_init__(self) -> None:
        check_range("power", self.power, 0.0, 2.0)

    @property
    def linear_form(self) -> Remedy:
        """At a power of 1 the weights have a mean of 1 over the examples, as ``balanced`` makes them."""
        return Balanced() if self.power == 1.0 else self

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        inverse = prior.total / (int(prior.present.sum()) * np.maximum(prior.counts, 1))
        return WeightedCrossEntropy((inverse**self.power).astype(np.float32))


@register
@dataclass(frozen=True)
class FocalLoss(Remedy):
    """Examples that are already right count less.

    Parameters
    ----------
    gamma
        In [0, 10]; 0 does nothing.
    """

    gamma: float = 2.0

    name: ClassVar[str] = "focal"
    title: ClassVar[str] = "Focal loss"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Lin et al., ICCV 2017"
    formula: ClassVar[str] = "-(1 - p[y]) ** gamma log p[y]"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"gamma": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"gamma": (2.0, 1.0)}

    def __post_init__(self) -> None:
        check_range("gamma", self.gamma, 0.0, 10.0)

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        return Focal(self.gamma)


@register
@dataclass(frozen=True)
class BalancedSoftmax(Remedy):
    """Training scores carry the log prior, so that prediction without it is fair to all groups.

    For a linear head with a free bias this equals a post-hoc logit adjustment of the same strength: the bias takes
    up the offset. With any other learner the two differ. It is the loss that Menon et al. call the logit-adjusted one,
    at every tau: one remedy under two names.

    Parameters
    ----------
    tau
        In [0, 3]; 1 is the paper's, 0 does nothing.
    """

    tau: float = 1.0

    name: ClassVar[str] = "balanced_softmax"
    title: ClassVar[str] = "Balanced softmax"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Ren et al., NeurIPS 2020; Menon et al., ICLR 2021 (logit-adjusted loss)"
    formula: ClassVar[str] = "-log softmax(s + tau log prior)[y]"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"tau": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"tau": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("tau", self.tau, 0.0, 3.0)

    @property
    def linear_form(self) -> Remedy:
        """A logit adjustment of the same strength: the free bias takes up the offset."""
        return LogitAdjust(self.tau)

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        return OffsetCrossEntropy(np.float32(self.tau) * prior.log_share)


@register
@dataclass(frozen=True)
class LDAM(Remedy):
    """Rare groups must win by a larger margin; re-weighting comes in a second phase.

    The paper trains first with margins alone and in its last epochs with effective-number weights as well. A head
    that is trained to its optimum forgets where it started, so here the second phase decides; with ``beta=0`` the
    margins stand alone.

    Parameters
    ----------
    margin
        Margin of the rarest group, in logits, in [0, 100] (the paper's 0.5 times its scale of 30 is for cosine
        scores).
    beta
        Of the effective-number weights in the second phase, in [0, 1).
    """

    margin: float = 3.0
    beta: float = 0.999

    name: ClassVar[str] = "ldam"
    title: ClassVar[str] = "LDAM with deferred re-weighting"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Cao et al., NeurIPS 2019"
    formula: ClassVar[str] = "-w[y] log softmax(s - m[y] e[y])[y], m[g] = margin (min n / n[g]) ** 1/4"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"margin": 0.0, "beta": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"margin": (3.0, 8.0)}

    def __post_init__(self) -> None:
        check_range("margin", self.margin, 0.0, 100.0)
        check_range("beta", self.beta, 0.0, 1.0, open_high=True)

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        counts = np.maximum(prior.counts, 1).astype(np.float64)
        rarest = counts[prior.present].min() if prior.present.any() else 1.0
        margin = (self.margin * (rarest / counts) ** 0.25).astype(np.float32)
        return MarginCrossEntropy(margin, effective_number_weights(prior, self.beta) if self.beta else None)

"""Remedies that replace cross entropy by a loss made for long tails or noisy labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.long_tail_losses import (
    GeneralisedCrossEntropy,
    RivalOffsetCrossEntropy,
    Seesaw,
    VectorScaledCrossEntropy,
    WeightedFocal,
)
from evenshelf.remedies.losses import CrossEntropy, Loss, OffsetCrossEntropy
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Prior
from evenshelf.remedies.weight import effective_number_weights


@register
@dataclass(frozen=True)
class ClassBalancedFocal(Remedy):
    """Focal loss with effective-number weights: rare groups count more, examples that are already right less.

    It is ``effective_number + focal`` under the name that it has in the literature. The weights average 1 over the
    examples (in the paper: over the groups), so that the penalty means the same for every remedy.

    Parameters
    ----------
    beta
        Of the effective-number weights, in [0, 1); 0 leaves focal loss.
    gamma
        Of the focal loss, in [0, 10]; 0 leaves the weights.
    """

    beta: float = 0.999
    gamma: float = 2.0

    name: ClassVar[str] = "class_balanced_focal"
    title: ClassVar[str] = "Class-balanced focal loss"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Cui et al., CVPR 2019"
    formula: ClassVar[str] = "-w[y] (1 - p[y]) ** gamma log p[y], w[g] ~ (1 - beta) / (1 - beta ** n[g])"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"beta": 0.0, "gamma": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"gamma": (2.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("beta", self.beta, 0.0, 1.0, open_high=True)
        check_range("gamma", self.gamma, 0.0, 10.0)

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        return WeightedFocal(self.gamma, effective_number_weights(prior, self.beta))


@register
@dataclass(frozen=True)
class SeesawLoss(Remedy):
    """An example pushes down groups rarer than its own by less, and groups that wrongly win by more.

    The paper takes the second factor for a constant in the gradient. What results is the gradient of no function, and
    a head that is trained to its optimum needs one; here the factor is differentiated too, which leaves the loss convex
    in the scores. Its edge where two groups tie is rounded over a tenth of a logit.

    Parameters
    ----------
    mitigation
        The paper's p, in [0, 3]: power of the ratio of counts; 0 leaves out the first factor.
    compensation
        The paper's q, in [0, 5]: power of the ratio of probabilities; 0 leaves out the second factor.
    """

    mitigation: float = 0.8
    compensation: float = 2.0

    name: ClassVar[str] = "seesaw"
    title: ClassVar[str] = "Seesaw loss"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Wang et al., CVPR 2021"
    formula: ClassVar[str] = (
        "log(1 + sum_{j != y} min(1, n[j] / n[y]) ** mitigation max(1, p[j] / p[y]) ** compensation exp(s[j] - s[y]))"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"mitigation": 0.0, "compensation": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"compensation": (2.0, 0.0)}

    def __post_init__(self) -> None:
        check_range("mitigation", self.mitigation, 0.0, 3.0)
        check_range("compensation", self.compensation, 0.0, 5.0)

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        if self.mitigation == self.compensation == 0.0:
            return CrossEntropy()  # the same, but for rounding
        return Seesaw(prior.log_share, self.mitigation, self.compensation)


@register
@dataclass(frozen=True)
class Equalization(Remedy):
    """Examples of other groups push rare groups down by less.

    The paper draws for each example and rare group whether it is spared, with probability `gamma`. Here each is spared
    by its expectation, so that the loss is the same whenever it is asked; it is never below the mean of the drawn ones.

    Parameters
    ----------
    gamma
        How much of the push is taken away from rare groups, in [0, 1); 0 does nothing.
    rare
        Groups with fewer examples than this part of the mean over groups are rare; in [0, 100], 0 does nothing. (The
        paper's threshold is a share of the examples, which means another thing for each number of groups.)
    """

    gamma: float = 0.9
    rare: float = 0.5

    name: ClassVar[str] = "equalization"
    title: ClassVar[str] = "Softmax equalization loss"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Tan et al., CVPR 2020"
    formula: ClassVar[str] = "log(1 + sum_{j != y} (1 - gamma [n[j] < rare mean n]) exp(s[j] - s[y]))"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"gamma": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"rare": (0.5, 1.0)}

    def __post_init__(self) -> None:
        check_range("gamma", self.gamma, 0.0, 1.0, open_high=True)
        check_range("rare", self.rare, 0.0, 100.0)

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        mean = prior.total / max(int(prior.present.sum()), 1)
        spared = prior.counts < self.rare * mean
        return RivalOffsetCrossEntropy(np.where(spared, np.log1p(-self.gamma), 0.0).astype(np.float32))


@register
@dataclass(frozen=True)
class GeneralisedCE(Remedy):
    """Between cross entropy and mean absolute error: examples that look mislabelled count less.

    It is made for noisy labels, not for imbalance: examples of rare groups, which are hard at first, count less as
    well. The loss is not convex: from the log prior or from stronger penalties a head often ends where it ignores rare
    groups, so it starts at the optimum of cross entropy and goes downhill from there.

    Parameters
    ----------
    q
        In [0, 1]; 0 is cross entropy and does nothing, 1 the mean absolute error.
    """

    q: float = 0.7

    name: ClassVar[str] = "generalised_ce"
    title: ClassVar[str] = "Generalised cross entropy"
    family: ClassVar[Family] = Family.NOISE_ROBUST_LOSS
    paper: ClassVar[str] = "Zhang & Sabuncu, NeurIPS 2018"
    formula: ClassVar[str] = "(1 - p[y] ** q) / q"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"q": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"q": (0.7, 0.3)}

    def __post_init__(self) -> None:
        check_range("q", self.q, 0.0, 1.0)

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        return GeneralisedCrossEntropy(self.q)


@register
@dataclass(frozen=True)
class VSLoss(Remedy):
    """Training scores are scaled down and moved down where a group is rare, so that it must score higher to win.

    Scores are scaled from the mean over groups with examples: a constant added to all of them changes no probability,
    so it must not change the loss. (The paper scales them from zero.) A group without examples is not scaled.

    Parameters
    ----------
    gamma
        In [0, 2]: power of a group's count, as a part of the largest, in its scale; 0 leaves the offsets.
    tau
        In [0, 3]: strength of the offsets, as in ``balanced_softmax``; 0 leaves the scales.
    """

    gamma: float = 0.15
    tau: float = 1.0

    name: ClassVar[str] = "vs_loss"
    title: ClassVar[str] = "Vector-scaling loss"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Kini et al., NeurIPS 2021"
    formula: ClassVar[str] = "-log softmax((n / max n) ** gamma (s - mean s) + tau log prior)[y]"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"gamma": 0.0, "tau": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"tau": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("gamma", self.gamma, 0.0, 2.0)
        check_range("tau", self.tau, 0.0, 3.0)

    def loss(self, prior: Prior) -> Loss:
        """See :meth:`Remedy.loss`."""
        offset = np.float32(self.tau) * prior.log_share
        if self.gamma == 0.0:
            return OffsetCrossEntropy(offset)  # the same, but for rounding
        counts = np.maximum(prior.counts, 1).astype(np.float64)
        # a cold group is held far below the others by its score alone: scaled towards the middle it would come up
        scale = np.where(prior.present, (counts / counts.max(initial=1.0)) ** self.gamma, 1.0)
        present = prior.present / max(int(prior.present.sum()), 1)
        return VectorScaledCrossEntropy(scale.astype(np.float32), offset, present.astype(np.float32))

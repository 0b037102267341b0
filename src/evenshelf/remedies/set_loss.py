"""Remedies of what training minimises, where each label of a set has a score of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Floats, Prior
from evenshelf.remedies.set_losses import AsymmetricBinary, DistributionBalancedBinary, SetLoss


@register
@dataclass(frozen=True)
class PositiveWeight(Remedy):
    """The positive examples of a label weigh as its negative ones do together.

    Where each label has a score of its own, it is the negatives of a rare one that outweigh it. At a power of 1 this is
    torch's ``BCEWithLogitsLoss(pos_weight=negatives / positives)`` and scikit-learn's ``class_weight="balanced"`` of
    one classifier a label, but for a constant factor a label.

    Parameters
    ----------
    power
        In [0, 1]; 0.5 is the square root of it, 0 does nothing.
    """

    power: float = 0.5

    name: ClassVar[str] = "positive_weight"
    title: ClassVar[str] = "Weights of positives"
    family: ClassVar[Family] = Family.WEIGHTS
    paper: ClassVar[str] = "King & Zeng, Political Analysis 9(2), 2001; of each label by itself"
    formula: ClassVar[str] = (
        "w[g] = ((N - n[g]) / n[g]) ** power for texts that have the label, 1 for those that have not"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.WEIGHT,)
    neutral: ClassVar[dict[str, float]] = {"power": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"power": (0.5, 0.25)}
    many_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("power", self.power, 0.0, 1.0)

    def weight(self, prior: Prior) -> Floats:
        """See :meth:`Remedy.weight`."""
        return np.asarray(prior.odds**-self.power, dtype=np.float32)


@register
@dataclass(frozen=True)
class AsymmetricLoss(Remedy):
    """Labels that a text has not, and that are plainly not there, count less than those it has, or nothing.

    The loss is not convex and is minimised from the optimum of binary cross entropy. It draws all chances towards the
    middle, so that its sets are best with thresholds of their own: ``asymmetric + label_thresholds``.

    Parameters
    ----------
    gamma_pos
        Focus of labels that are there, in [0, 10].
    gamma_neg
        Focus of labels that are not, in [0, 10].
    margin
        Chance up to which a label that is not there costs nothing, in [0, 0.5].
    """

    gamma_pos: float = 0.0
    gamma_neg: float = 4.0
    margin: float = 0.05

    name: ClassVar[str] = "asymmetric"
    title: ClassVar[str] = "Asymmetric loss"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Ridnik, Ben-Baruch et al., ICCV 2021"
    formula: ClassVar[str] = "-(1 - p) ** gamma_pos log p there, -q ** gamma_neg log(1 - q) not, q = max(p - margin, 0)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"gamma_pos": 0.0, "gamma_neg": 0.0, "margin": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"gamma_neg": (4.0, 1.0)}
    many_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("gamma_pos", self.gamma_pos, 0.0, 10.0)
        check_range("gamma_neg", self.gamma_neg, 0.0, 10.0)
        check_range("margin", self.margin, 0.0, 0.5)

    def set_loss(self, prior: Prior) -> SetLoss:
        """See :meth:`Remedy.set_loss`."""
        return AsymmetricBinary(self.gamma_pos, self.gamma_neg, self.margin)


@register
@dataclass(frozen=True)
class DistributionBalanced(Remedy):
    """Undoes that a text drawn for a rare label brings frequent ones along, and goes easy on negatives.

    A text with several labels would be drawn for each of them; its loss on a label is weighed by the share of draws
    that are for this one, smoothed. Negatives flatten out early (``scale``), and the offsets lower the scores of rare
    labels in training only. The paper's weights for its larger data set are the defaults; its focal factor is left out.

    Parameters
    ----------
    alpha
        Least weight, in [0, 10].
    beta
        Steepness of the weight, in [0, 100].
    mu
        Share at which it is in the middle, in [0, 1].
    kappa
        Strength of the offsets, in [0, 1].
    scale
        Steepness of the loss of negatives, in [1, 20].
    """

    alpha: float = 0.1
    beta: float = 10.0
    mu: float = 0.2
    kappa: float = 0.05
    scale: float = 2.0

    name: ClassVar[str] = "distribution_balanced"
    title: ClassVar[str] = "Distribution-balanced loss"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Wu et al., ECCV 2020"
    formula: ClassVar[str] = (
        "r log(1 + e^-z) there, r / scale log(1 + e^(scale z)) not; r = alpha + sigmoid(beta (u - mu)), "
        "u = (1 / n[g]) / sum of 1 / n over the text's labels, z = s + kappa / scale log(n[g] / (N - n[g]))"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.LOSS,)
    neutral: ClassVar[dict[str, float]] = {"alpha": 0.5, "beta": 0.0, "kappa": 0.0, "scale": 1.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"scale": (2.0, 5.0)}
    many_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("alpha", self.alpha, 0.0, 10.0)
        check_range("beta", self.beta, 0.0, 100.0)
        check_range("mu", self.mu, 0.0, 1.0)
        check_range("kappa", self.kappa, 0.0, 1.0)
        check_range("scale", self.scale, 1.0, 20.0)

    def set_loss(self, prior: Prior) -> SetLoss:
        """See :meth:`Remedy.set_loss`."""
        inverse = (1.0 / np.maximum(prior.counts, 1)).astype(np.float32)
        offset = (self.kappa / self.scale * np.log(prior.odds)).astype(np.float32)
        return DistributionBalancedBinary(inverse, offset, self.alpha, self.beta, self.mu, self.scale)

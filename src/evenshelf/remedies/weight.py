"""Remedies that weight training examples by the frequency of their group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Floats, Prior


def inverse_power(prior: Prior, power: float) -> Floats:
    """``[G]`` weights proportional to ``count ** -power``, averaging 1 over the training examples."""
    counts = np.maximum(prior.counts, 1).astype(np.float64)
    weights = counts**-power
    mean = float((weights * prior.counts).sum() / max(prior.total, 1))
    return np.asarray(weights / max(mean, 1e-300), dtype=np.float32)


@register
@dataclass(frozen=True)
class NoRemedy(Remedy):
    """Does nothing: the baseline that every remedy must beat."""

    name: ClassVar[str] = "none"
    title: ClassVar[str] = "Nothing"
    family: ClassVar[Family] = Family.BASELINE
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "cross entropy on the examples as they are"
    stages: ClassVar[tuple[Stage, ...]] = ()
    neutral: ClassVar[dict[str, float]] = {}


@register
@dataclass(frozen=True)
class Balanced(Remedy):
    """Every group weighs the same in the loss.

    Parameters
    ----------
    power
        1 gives each group the same total weight (scikit-learn's ``class_weight="balanced"``), 0.5 the square root
        of it, 0 does nothing. In [0, 2].
    """

    power: float = 1.0

    name: ClassVar[str] = "balanced"
    title: ClassVar[str] = "Class weights"
    family: ClassVar[Family] = Family.WEIGHTS
    paper: ClassVar[str] = "King & Zeng, Political Analysis 9(2), 2001"
    formula: ClassVar[str] = "w[g] ~ n[g] ** -power, mean 1 over the examples"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.WEIGHT,)
    neutral: ClassVar[dict[str, float]] = {"power": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"power": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("power", self.power, 0.0, 2.0)

    def weight(self, prior: Prior) -> Floats:
        """See :meth:`Remedy.weight`."""
        return inverse_power(prior, self.power)


@register
@dataclass(frozen=True)
class EffectiveNumber(Remedy):
    """Weights by the effective number of examples: the more a group has, the less each new one adds.

    Parameters
    ----------
    beta
        In [0, 1). 0 does nothing, towards 1 it becomes the inverse frequency.
    """

    beta: float = 0.999

    name: ClassVar[str] = "effective_number"
    title: ClassVar[str] = "Effective-number weights"
    family: ClassVar[Family] = Family.WEIGHTS
    paper: ClassVar[str] = "Cui et al., CVPR 2019"
    formula: ClassVar[str] = "w[g] ~ (1 - beta) / (1 - beta ** n[g]), mean 1 over the examples"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.WEIGHT,)
    neutral: ClassVar[dict[str, float]] = {"beta": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"beta": (0.999, 0.99)}

    def __post_init__(self) -> None:
        check_range("beta", self.beta, 0.0, 1.0, open_high=True)

    def weight(self, prior: Prior) -> Floats:
        """See :meth:`Remedy.weight`."""
        return effective_number_weights(prior, self.beta)


@register
@dataclass(frozen=True)
class InversePropensity(Remedy):
    """Weights by the inverse propensity: a label that is rare is also more often left out where it is true.

    The propensity is the paper's model of how likely a true label is given, ``1 / (1 + C (n[g] + b) ** -a)`` with
    ``C = (log N - 1) (b + 1) ** a``; its defaults are the paper's.

    Parameters
    ----------
    a
        In [0, 2]; how fast the propensity rises with the count, 0 does nothing.
    b
        In [0, 1000]; added to each count.
    """

    a: float = 0.55
    b: float = 1.5

    name: ClassVar[str] = "inverse_propensity"
    title: ClassVar[str] = "Inverse-propensity weights"
    family: ClassVar[Family] = Family.WEIGHTS
    paper: ClassVar[str] = "Jain, Prabhu & Varma, KDD 2016"
    formula: ClassVar[str] = "w[g] ~ 1 + (log N - 1) ((b + 1) / (n[g] + b)) ** a, mean 1 over the examples"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.WEIGHT,)
    neutral: ClassVar[dict[str, float]] = {"a": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"a": (0.55, 1.0)}

    def __post_init__(self) -> None:
        check_range("a", self.a, 0.0, 2.0)
        check_range("b", self.b, 0.0, 1000.0)

    def weight(self, prior: Prior) -> Floats:
        """See :meth:`Remedy.weight`."""
        counts = np.maximum(prior.counts, 1).astype(np.float64)
        # below three examples the logarithm less one is negative, and a propensity would be above 1
        steep = max(np.log(max(prior.total, 1)) - 1.0, 0.0)
        weights = 1.0 + steep * ((self.b + 1.0) / (counts + self.b)) ** self.a
        mean = float((weights * prior.counts).sum() / max(prior.total, 1))
        return np.asarray(weights / max(mean, 1.0), dtype=np.float32)


def effective_number_weights(prior: Prior, beta: float) -> Floats:
    """``[G]`` weights of :class:`EffectiveNumber`."""
    if beta == 0.0:
        return np.ones(len(prior.counts), np.float32)
    counts = np.maximum(prior.counts, 1).astype(np.float64)
    weights = (1.0 - beta) / -np.expm1(counts * np.log(beta))
    mean = float((weights * prior.counts).sum() / max(prior.total, 1))
    return np.asarray(weights / max(mean, 1e-300), dtype=np.float32)

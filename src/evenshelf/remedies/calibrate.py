"""Remedies that are fitted on scores of rows which the model has not seen, and change all later scores alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from evenshelf.plurals import counted
from evenshelf.remedies.after_training import Calibrated
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.calibrated import FLOOR, AffineMap, StepMap, log_probabilities
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior


@register
@dataclass(frozen=True)
class Temperature(Remedy):
    """Divides all scores by one number, so that confidence is right on the whole; no answer changes.

    The number is the one with the least negative log likelihood on held-out rows.

    Parameters
    ----------
    strength
        In [0, 1], power of the temperature found; 0 does nothing.
    """

    strength: float = 1.0

    name: ClassVar[str] = "temperature"
    title: ClassVar[str] = "Temperature scaling"
    family: ClassVar[Family] = Family.CALIBRATION
    paper: ClassVar[str] = "Guo et al., ICML 2017"
    formula: ClassVar[str] = "s / T ** strength, T = argmin of -sum log softmax(s / T)[y] over held-out rows"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.CALIBRATE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1.0)

    def calibration(self, scores: Floats, target: Codes, count: Floats, prior: Prior) -> Calibrated | None:
        """See :meth:`Remedy.calibration`."""
        if self.strength == 0.0:
            return None
        if not len(target):
            return _unchanged(scores)
        rows = np.arange(len(target))

        def loss(log_t: float) -> float:
            return -float(np.dot(log_probabilities(scores / np.exp(log_t))[rows, target], count))

        found = minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x
        factor = np.full(scores.shape[1], np.exp(-self.strength * found), np.float32)
        return AffineMap(factor, np.zeros_like(factor))


@register
@dataclass(frozen=True)
class VectorScaling(Remedy):
    """Gives each group a factor and an offset of its own, fitted on held-out rows.

    Groups with few held-out rows stay near the common temperature: the penalty shrinks the logarithm of their factors
    towards each other and their offsets towards zero.

    Parameters
    ----------
    penalty
        In [0.001, 1000], strength of that, in held-out rows.
    """

    penalty: float = 1.0

    name: ClassVar[str] = "vector_scaling"
    title: ClassVar[str] = "Vector scaling"
    family: ClassVar[Family] = Family.CALIBRATION
    paper: ClassVar[str] = "Guo et al., ICML 2017; of log-probabilities: Kull et al., NeurIPS 2019"
    formula: ClassVar[str] = "a[g] log p[g] + b[g], least -sum log softmax(.)[y] + penalty (|log a - mean|^2 + |b|^2)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.CALIBRATE,)
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"penalty": (1.0, 10.0)}

    def __post_init__(self) -> None:
        check_range("penalty", self.penalty, 0.001, 1000.0)

    def calibration(self, scores: Floats, target: Codes, count: Floats, prior: Prior) -> Calibrated | None:
        """See :meth:`Remedy.calibration`."""
        if not len(target):
            return _unchanged(scores)
        groups = scores.shape[1]
        rows = np.arange(len(target))
        given = log_probabilities(scores)

        def loss(values: Floats) -> tuple[float, Floats]:
            log_a, offset = values[:groups], values[groups:]
            scaled = given * np.exp(log_a)
            log_p = log_softmax(scaled + offset, axis=1)
            residual = np.exp(log_p)
            residual[rows, target] -= 1.0
            residual *= count[:, None]
            apart = log_a - log_a.mean()
            value = -float(np.dot(log_p[rows, target], count)) + self.penalty * float(apart @ apart + offset @ offset)
            slope_a = (residual * scaled).sum(axis=0) + 2.0 * self.penalty * apart
            return value, np.concatenate([slope_a, residual.sum(axis=0) + 2.0 * self.penalty * offset])

        bounds = [(-4.0, 4.0)] * groups + [(-30.0, 30.0)] * groups
        found = minimize(loss, np.zeros(2 * groups), jac=True, method="L-BFGS-B", bounds=bounds).x
        return AffineMap(np.exp(found[:groups]).astype(np.float32), found[groups:].astype(np.float32))


@register
@dataclass(frozen=True)
class ThresholdMoving(Remedy):
    """Divides each group's probability by a threshold of its own before the largest one wins.

    The threshold of a group is the probability from which "yes" has the best F1 on held-out rows, each group against
    all others. One of a few rows is a guess, so it is drawn towards that of all groups together, as if ``prior_rows``
    more rows had that one.

    Parameters
    ----------
    strength
        In [0, 1], power of the thresholds; 0 does nothing.
    prior_rows
        In [0, 1000].
    """

    strength: float = 1.0
    prior_rows: float = 5.0

    name: ClassVar[str] = "threshold_moving"
    title: ClassVar[str] = "Threshold moving"
    family: ClassVar[Family] = Family.ADJUSTMENT
    paper: ClassVar[str] = "Zhou & Liu, IEEE TKDE 18(1), 2006; F1-optimal: Lipton, Elkan & Naryanaswamy, ECML 2014"
    formula: ClassVar[str] = "argmax p[g] / t[g] ** strength, t[g] the cut of p[g] with the best F1 on held-out rows"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.CALIBRATE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (1.0, 0.5)}
    one_label: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1.0)
        check_range("prior_rows", self.prior_rows, 0.0, 1000.0)

    def calibration(self, scores: Floats, target: Codes, count: Floats, prior: Prior) -> Calibrated | None:
        """See :meth:`Remedy.calibration`."""
        if self.strength == 0.0:
            return None
        if not len(target):
            return _unchanged(scores)
        groups = scores.shape[1]
        p = np.exp(log_probabilities(scores))
        true = target[:, None] == np.arange(groups)
        weight = np.broadcast_to(count[:, None], p.shape)
        together = _best_cut(p.ravel(), true.ravel(), weight.ravel())
        logs = np.full(groups, np.log(together))
        seen = np.bincount(target, count, groups)
        for group in np.flatnonzero(seen):
            own = np.log(_best_cut(p[:, group], true[:, group], count))
            share = seen[group] / (seen[group] + self.prior_rows)
            logs[group] += share * (own - logs[group])
        offset = (-self.strength * (logs - np.log(together))).astype(np.float32)
        unseen = int((seen == 0).sum())
        told = f"{counted(unseen, 'group has', 'groups have')} no held-out row and the threshold of all together"
        return AffineMap(np.ones(groups, np.float32), offset, (told,) if unseen else ())


@register
@dataclass(frozen=True)
class Isotonic(Remedy):
    """Maps each group's probability to how often it was right, by a rising step function; then they sum to one again.

    Groups with fewer held-out rows than ``least`` have the map of all groups together. What falls on one step keeps its
    order by the probability before.

    Parameters
    ----------
    least
        Held-out rows of a group from which it has a map of its own, >= 1.
    """

    least: int = 20

    name: ClassVar[str] = "isotonic"
    title: ClassVar[str] = "Isotonic calibration"
    family: ClassVar[Family] = Family.CALIBRATION
    paper: ClassVar[str] = "Zadrozny & Elkan, KDD 2002"
    formula: ClassVar[str] = "f_g(p[g]) / sum_h f_h(p[h]), f_g rising, least sum (f_g(p[g]) - (y = g))^2; and 0.01 p"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.CALIBRATE,)
    grid: ClassVar[dict[str, tuple[int, ...]]] = {"least": (20, 5)}

    def __post_init__(self) -> None:
        check_range("least", self.least, 1, whole=True)

    def calibration(self, scores: Floats, target: Codes, count: Floats, prior: Prior) -> Calibrated | None:
        """See :meth:`Remedy.calibration`."""
        if not len(target):
            return _unchanged(scores)
        groups = scores.shape[1]
        p = np.exp(log_probabilities(scores))
        true = (target[:, None] == np.arange(groups)).astype(np.float64)
        seen = np.bincount(target, count, groups)
        # Of a group without a held-out row a map of its own, or of its likes, would say that it never occurs.
        together = _steps(p.ravel(), true.ravel(), np.repeat(count, groups))
        maps = tuple(
            _steps(p[:, group], true[:, group], count) if seen[group] >= self.least else together
            for group in range(groups)
        )
        few = int((seen < self.least).sum())
        shared = f"{counted(few, 'group has', 'groups have')} fewer than {self.least} held-out rows and the map of all"
        return StepMap(maps, (shared,) if few else ())


def _unchanged(scores: Floats) -> Calibrated:
    groups = scores.shape[1]
    told = "scores stay as they are: there is no row that the model has not seen"
    return AffineMap(np.ones(groups, np.float32), np.zeros(groups, np.float32), (told,))


def _steps(p: Floats, true: Floats, weight: Floats) -> tuple[Floats, Floats]:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - takes longer to import than all of this module

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(p, true, sample_weight=weight)
    return fitted.X_thresholds_, fitted.y_thresholds_


def _best_cut(p: Floats, true: NDArray[np.bool_], weight: Floats) -> float:
    """The least probability at which to say yes for the best F1; equal probabilities are cut together."""
    order = np.argsort(-p, kind="stable")
    p, hits, all_of_them = p[order], np.cumsum((true * weight)[order]), np.cumsum(weight[order])
    last = np.append(p[1:] != p[:-1], True)
    f1 = np.where(last, 2.0 * hits / (all_of_them + hits[-1]), -1.0)
    best = int(f1.argmax())
    # Halfway to the next one: a new row has neither probability.
    below = p[best + 1] if best + 1 < len(p) else 0.0
    return max(float(p[best] + below) / 2.0, FLOOR)

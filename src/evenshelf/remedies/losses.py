"""Losses on scores: value and gradient, by blocks of rows, in place.

Each loss is a function of the scores (logits) alone, so any learner that can follow a gradient can use it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


class Loss(ABC):
    """A loss per row; the total is the weighted sum over rows."""

    def class_weight(self) -> Floats | None:
        """``[G]`` weight that the loss gives to a row by its group, or ``None`` for 1."""
        return None

    def warm_up(self) -> Loss | None:
        """A loss whose optimum this one is minimised from, where it has poor optima of its own; mostly ``None``."""
        return None

    @abstractmethod
    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """Weighted sum of the loss over the rows, and its gradient with respect to the scores.

        Parameters
        ----------
        scores
            ``[n, G]`` float32; **overwritten**: the gradient is returned in the same memory where possible.
        target
            ``[n]`` group codes.
        weight
            ``[n]`` row weights, class weights of the loss included.
        """


def cross_entropy_in_place(scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
    """Weighted cross entropy of softmax(`scores`); `scores` becomes the gradient."""
    rows = np.arange(len(target))
    scores -= scores.max(axis=1, keepdims=True)
    true = scores[rows, target]
    np.exp(scores, out=scores)
    total = scores.sum(axis=1)
    value = float(np.dot((np.log(total) - true).astype(np.float64), weight))
    scores *= (weight / total)[:, None]
    scores[rows, target] -= weight
    return value, scores


class CrossEntropy(Loss):
    """``-log softmax(s)[y]``."""

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        return cross_entropy_in_place(scores, target, weight)


@dataclass(frozen=True, eq=False)
class WeightedCrossEntropy(CrossEntropy):
    """``-w[y] log softmax(s)[y]``, averaged over the rows (not over the sum of weights)."""

    weights: Floats

    def class_weight(self) -> Floats:
        """The weights given."""
        return self.weights


@dataclass(frozen=True, eq=False)
class OffsetCrossEntropy(Loss):
    """``-log softmax(s + offset)[y]``: the offset is there in training and absent in prediction."""

    offset: Floats

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        scores += self.offset
        return cross_entropy_in_place(scores, target, weight)


@dataclass(frozen=True, eq=False)
class MarginCrossEntropy(Loss):
    """``-w[y] log softmax(s - margin[y] e_y)[y]``: the true group must win by its margin."""

    margin: Floats
    weights: Floats | None = None

    def class_weight(self) -> Floats | None:
        """The weights given."""
        return self.weights

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        scores[np.arange(len(target)), target] -= self.margin[target]
        return cross_entropy_in_place(scores, target, weight)


@dataclass(frozen=True, eq=False)
class Focal(Loss):
    """``-(1 - p)^gamma log p`` with ``p = softmax(s)[y]``: rows already right count less."""

    gamma: float

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        rows = np.arange(len(target))
        scores -= scores.max(axis=1, keepdims=True)
        true = scores[rows, target]
        np.exp(scores, out=scores)
        total = scores.sum(axis=1)
        log_p = true - np.log(total)
        p = np.exp(log_p)
        miss = np.maximum(1.0 - p, np.float32(1e-12))
        value = float(np.dot((-(miss**self.gamma) * log_p).astype(np.float64), weight))
        # d/ds_k = (p_k - [k = y]) * f with f = (1-p)^gamma - gamma p (1-p)^(gamma-1) log p, from the chain rule
        factor = (miss**self.gamma - self.gamma * p * miss ** (self.gamma - 1.0) * log_p) * weight
        scores *= (factor / total)[:, None]
        scores[rows, target] -= factor
        return value, scores

"""Losses made for long tails and noisy labels: value and gradient, by blocks of rows.

All are functions of the scores alone whose gradient is that of their value: a line search trusts both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evenshelf.remedies.losses import Codes, CrossEntropy, Floats, Focal, Loss, cross_entropy_in_place

SMOOTH = np.float32(0.1)
"""Width, in logits, over which :class:`Seesaw` bends where the paper's formula has an edge."""


@dataclass(frozen=True, eq=False)
class WeightedFocal(Focal):
    """``-w[y] (1 - p)^gamma log p`` with ``p = softmax(s)[y]``."""

    weights: Floats

    def class_weight(self) -> Floats:
        """The weights given."""
        return self.weights


@dataclass(frozen=True, eq=False)
class RivalOffsetCrossEntropy(Loss):
    """``log(1 + sum_{j != y} exp(s[j] + offset[j] - s[y]))``: each group is moved where it is not the true one."""

    offset: Floats

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        rows = np.arange(len(target))
        true = scores[rows, target]
        scores += self.offset
        scores[rows, target] = true
        return cross_entropy_in_place(scores, target, weight)


@dataclass(frozen=True, eq=False)
class Seesaw(Loss):
    """``log(1 + sum_{j != y} M[y, j] C[j] exp(d[j]))`` with ``d[j] = s[j] - s[y]``.

    ``M[y, j] = min(1, n[j] / n[y])^mitigation`` spares rare groups; ``C[j] = max(1, p[j] / p[y])^compensation`` is for
    those that win though they should not. As ``p[j] / p[y] = exp(d[j])``, the logarithm of C is
    ``compensation * max(0, d[j])``. It is differentiated like all else, and its edge at a tie is rounded to
    ``SMOOTH * log(1 + exp(d / SMOOTH))``.
    """

    log_share: Floats
    mitigation: float
    compensation: float

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        rows = np.arange(len(target))
        lead, spare = np.float32(self.compensation), np.float32(self.mitigation)
        scores -= scores[rows, target][:, None]
        slope = 1.0 + 0.5 * lead * (1.0 + np.tanh(scores / (2.0 * SMOOTH)))
        compensated = np.maximum(scores, 0.0) + SMOOTH * np.log1p(np.exp(-np.abs(scores) / SMOOTH))
        scores += lead * compensated
        scores += spare * np.minimum(self.log_share - self.log_share[target][:, None], 0.0)
        scores[rows, target] = 0.0
        highest = scores.max(axis=1)
        scores -= highest[:, None]
        np.exp(scores, out=scores)
        total = scores.sum(axis=1)
        value = float(np.dot((np.log(total) + highest).astype(np.float64), weight))
        scores *= slope
        scores *= (weight / total)[:, None]
        scores[rows, target] = 0.0
        scores[rows, target] = -scores.sum(axis=1)
        return value, scores


@dataclass(frozen=True, eq=False)
class GeneralisedCrossEntropy(Loss):
    """``(1 - p^q) / q`` with ``p = softmax(s)[y]``: never above ``1 / q``, whatever the label says."""

    q: float

    def warm_up(self) -> Loss | None:
        """Cross entropy: the optimum under a strong penalty is to ignore rare groups, and few steps lead out of it."""
        return CrossEntropy() if self.q else None

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        if self.q == 0.0:
            return cross_entropy_in_place(scores, target, weight)
        rows = np.arange(len(target))
        scores -= scores.max(axis=1, keepdims=True)
        true = scores[rows, target]
        np.exp(scores, out=scores)
        total = scores.sum(axis=1)
        log_p = (true - np.log(total)).astype(np.float64)
        value = float(np.dot(-np.expm1(self.q * log_p) / self.q, weight))
        # d/ds_k = p^q (p_k - [k = y]), from the chain rule
        factor = (np.exp(self.q * log_p) * weight).astype(scores.dtype)
        scores *= (factor / total)[:, None]
        scores[rows, target] -= factor
        return value, scores


@dataclass(frozen=True, eq=False)
class VectorScaledCrossEntropy(Loss):
    """``-log softmax(scale * (s - middle) + offset)[y]``, the middle being the mean score over `present` groups.

    Without the middle a constant added to all scores, which changes no probability, would change the loss.
    """

    scale: Floats
    offset: Floats
    present: Floats

    def value_and_gradient(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`Loss.value_and_gradient`."""
        scores -= (scores @ self.present)[:, None]
        scores *= self.scale
        scores += self.offset
        value, gradient = cross_entropy_in_place(scores, target, weight)
        gradient *= self.scale
        gradient -= gradient.sum(axis=1, keepdims=True) * self.present
        return value, gradient

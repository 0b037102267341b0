"""Losses where each label of a set has a score of its own: value and gradient, by blocks of rows, in place.

Scores are log odds, and a label is given where its score is above 0. Nothing compares the labels of a row with each
other, so gradients do not sum to zero as those of :mod:`evenshelf.remedies.losses` do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


class SetLoss(ABC):
    """A loss per row and label; the total is the weighted sum over both."""

    def warm_up(self) -> SetLoss | None:
        """A loss whose optimum this one is minimised from, where it has poor optima of its own; mostly ``None``."""
        return None

    @abstractmethod
    def value_and_gradient(self, scores: Floats, positive: csr_array, weight: Floats) -> tuple[float, Floats]:
        """Weighted sum of the loss over rows and labels, and its gradient with respect to the scores.

        Parameters
        ----------
        scores
            ``[n, G]`` float32; **overwritten**: the gradient is returned in the same memory.
        positive
            ``[n, G]`` sparse: weights > 0 of the labels that a row has, none where it has not.
        weight
            ``[n]`` weights of the labels that a row has not.
        """

    def curvature(self, scores: Floats, positive: csr_array, weight: Floats) -> Floats:
        """``[n, G]`` about how fast the gradient changes with each score, >= 0, in the memory of the scores.

        Fits are measured with it, and their optimum does not depend on it. By default that of binary cross entropy.
        """
        rows, labels = places(positive)
        chance = sigmoid(scores)
        np.multiply(chance, 1.0 - chance, out=scores)
        at = scores[rows, labels] * positive.data
        scores *= weight[:, None]
        scores[rows, labels] = at
        return scores


class BinaryCrossEntropy(SetLoss):
    """``log(1 + exp(-s))`` of a label that is there, ``log(1 + exp(s))`` of one that is not."""

    def value_and_gradient(self, scores: Floats, positive: csr_array, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`SetLoss.value_and_gradient`."""
        rows, labels = places(positive)
        true = scores[rows, labels]
        losses = softplus(scores) * weight[:, None]
        losses[rows, labels] = softplus(-true) * positive.data
        np.multiply(sigmoid(scores), weight[:, None], out=scores)
        scores[rows, labels] = -sigmoid(-true) * positive.data
        return float(losses.sum(dtype=np.float64)), scores


@dataclass(frozen=True, eq=False)
class AsymmetricBinary(SetLoss):
    """``-(1 - p)^a log p`` of a label that is there, ``-q^b log(1 - q)`` with ``q = max(p - m, 0)`` of one that is not.

    Attributes
    ----------
    gamma_pos, gamma_neg, margin
        a, b and m, all >= 0.
    """

    gamma_pos: float
    gamma_neg: float
    margin: float

    def warm_up(self) -> SetLoss | None:
        """Binary cross entropy: it is convex, and this is flat where a label has no chance."""
        plain = not (self.gamma_pos or self.gamma_neg or self.margin)
        return None if plain else BinaryCrossEntropy()

    def value_and_gradient(self, scores: Floats, positive: csr_array, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`SetLoss.value_and_gradient`."""
        rows, labels = places(positive)
        true = scores[rows, labels]
        p, rest = sigmoid(scores), sigmoid(-scores)
        shifted = np.maximum(p - np.float32(self.margin), 0.0)
        within = shifted > 0.0
        log_rest = np.log(np.where(within, rest + np.float32(self.margin), 1.0)) if self.margin else -softplus(scores)
        focus = shifted**self.gamma_neg
        losses = -focus * log_rest * weight[:, None]
        # d/dp of the loss is focus / (1 - q) - b q^(b - 1) log(1 - q), and dp/ds is p (1 - p)
        slope = p * rest / (rest + self.margin) if self.margin else p
        pull = -self.gamma_neg * log_rest / np.where(within, shifted, 1.0) * p * rest
        np.multiply(np.where(within, focus * (slope + pull), 0.0), weight[:, None], out=scores)
        miss, log_p = sigmoid(-true), -softplus(-true)
        focus = miss**self.gamma_pos
        losses[rows, labels] = -focus * log_p * positive.data
        scores[rows, labels] = (self.gamma_pos * sigmoid(true) * log_p - miss) * focus * positive.data
        return float(losses.sum(dtype=np.float64)), scores


@dataclass(frozen=True, eq=False)
class DistributionBalancedBinary(SetLoss):
    """Binary cross entropy, each row and label weighed by how often the row is drawn for this label and for any.

    With ``z = s + offset[g]``: ``r log(1 + exp(-z))`` of a label that is there, ``r / scale log(1 + exp(scale z))`` of
    one that is not; ``r = alpha + sigmoid(beta (u - mu))``, and u the inverse count of the label over the sum of the
    inverse counts of all labels that the row has.

    Attributes
    ----------
    inverse
        ``[G]`` one over the count of each label.
    offset
        ``[G]`` added to the scores in training only.
    alpha, beta, mu, scale
        As above; `scale` > 0.
    """

    inverse: Floats
    offset: Floats
    alpha: float
    beta: float
    mu: float
    scale: float

    def value_and_gradient(self, scores: Floats, positive: csr_array, weight: Floats) -> tuple[float, Floats]:
        """See :meth:`SetLoss.value_and_gradient`."""
        rows, labels = places(positive)
        balance = self._balance(positive, scores.shape[0])
        scores += self.offset
        true, there = scores[rows, labels], balance[rows, labels] * positive.data
        balance *= weight[:, None]
        scores *= np.float32(self.scale)
        losses = softplus(scores) * balance / np.float32(self.scale)
        losses[rows, labels] = softplus(-true) * there
        np.multiply(sigmoid(scores), balance, out=scores)
        scores[rows, labels] = -sigmoid(-true) * there
        return float(losses.sum(dtype=np.float64)), scores

    def curvature(self, scores: Floats, positive: csr_array, weight: Floats) -> Floats:
        """See :meth:`SetLoss.curvature`."""
        rows, labels = places(positive)
        balance = self._balance(positive, scores.shape[0])
        scores += self.offset
        true = sigmoid(scores[rows, labels])
        at = true * (1.0 - true) * balance[rows, labels] * positive.data
        chance = sigmoid(scores * np.float32(self.scale))
        np.multiply(chance, 1.0 - chance, out=scores)
        scores *= balance * (np.float32(self.scale) * weight[:, None])
        scores[rows, labels] = at
        return scores

    def _balance(self, positive: csr_array, n: int) -> Floats:
        """``[n, G]`` r of the class docstring."""
        rows, labels = places(positive)
        drawn = np.bincount(rows, self.inverse[labels], n).astype(np.float32)
        # a row without any label is drawn for none: as far from rare as can be
        share = (self.inverse / np.where(drawn > 0.0, drawn, np.inf)[:, None]).astype(np.float32)
        return np.float32(self.alpha) + sigmoid(np.float32(self.beta) * (share - np.float32(self.mu)))


def places(positive: csr_array) -> tuple[Codes, Codes]:
    """Row and label of each entry of a sparse matrix, in its order."""
    rows = np.repeat(np.arange(positive.shape[0]), np.diff(positive.indptr))
    return rows, positive.indices.astype(np.int64, copy=False)


def softplus(scores: Floats) -> Floats:
    """``log(1 + exp(s))`` without overflow."""
    found: Floats = np.maximum(scores, 0.0) + np.log1p(np.exp(-np.abs(scores)))
    return found


def sigmoid(scores: Floats) -> Floats:
    """``1 / (1 + exp(-s))`` without overflow."""
    small = np.exp(-np.abs(scores))
    upper = np.where(scores >= 0.0, np.float32(1.0), small)
    return np.asarray(upper / (np.float32(1.0) + small), dtype=np.float32)

"""What calibrating remedies find: maps of scores that are made of arrays alone, so that they can be kept and served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from evenshelf.remedies.rows import Floats

FLOOR = 1e-6
"""Least threshold, and least sum that mapped probabilities are divided by."""

TRACE = 0.01
"""Share of the probability before in that of :class:`StepMap`."""


@dataclass(frozen=True, eq=False)
class AffineMap:
    """A factor of the logarithm of the probability, and an offset, by group.

    Attributes
    ----------
    factor, offset
        ``[G]``.
    """

    factor: Floats
    offset: Floats
    notes: tuple[str, ...] = ()

    def __call__(self, scores: Floats) -> Floats:
        """See :class:`~evenshelf.remedies.base.Calibrated`."""
        # Scores mean the same when a constant is added to a row, and factors by group need a fixed middle.
        return np.asarray(log_probabilities(scores) * self.factor + self.offset, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class StepMap:
    """Rising functions of the probabilities, by group: where they bend, and their values there.

    Attributes
    ----------
    maps
        For each group ``[k]`` rising probabilities and ``[k]`` values in [0, 1]; straight between, constant beyond.
    """

    maps: tuple[tuple[Floats, Floats], ...]
    notes: tuple[str, ...] = ()

    def __call__(self, scores: Floats) -> Floats:
        """See :class:`~evenshelf.remedies.base.Calibrated`."""
        p = np.exp(log_probabilities(scores))
        mapped = np.stack([np.interp(p[:, g], x, y) for g, (x, y) in enumerate(self.maps)], axis=1)
        # A trace of what was said before keeps the order on a step, and makes nothing impossible for want of rows.
        mixed = (1.0 - TRACE) * mapped / mapped.sum(axis=1, keepdims=True).clip(min=FLOOR) + TRACE * p
        return np.asarray(np.log(np.maximum(mixed, FLOOR * FLOOR)), dtype=np.float32)


def log_probabilities(scores: Floats) -> NDArray[np.float64]:
    """``[n, G]`` logarithms of the softmax of scores."""
    return np.asarray(log_softmax(scores.astype(np.float64), axis=1))

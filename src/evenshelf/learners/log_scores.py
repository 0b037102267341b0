"""Scores of groups from what any classifier gives for those that it has seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.solver import ABSENT

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

SMALLEST = 1e-7
"""Probabilities below it, zeros of forests among them, count as this one: a logarithm has to be finite."""


def log_scores(probabilities: NDArray[np.floating], present: Codes, groups: int) -> Floats:
    """Logarithms of probabilities; groups that were never seen get a score that leaves them none.

    Parameters
    ----------
    probabilities
        ``[m, k]`` of the groups `present`.
    present
        ``[k]`` group codes.
    groups
        How many there are.

    Returns
    -------
    ``[m, groups]``.
    """
    return spread(np.log(np.maximum(probabilities, SMALLEST)), present, groups)


def spread(scores: NDArray[np.floating], present: Codes, groups: int) -> Floats:
    """``[m, k]`` scores of the groups `present` as ``[m, groups]``; the others get none of the probability."""
    out = np.full((len(scores), groups), ABSENT, np.float32)
    out[:, present] = scores
    return out

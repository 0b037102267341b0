"""Confident learning: which labels do out-of-fold probabilities contradict (Northcutt, Jiang, Chuang, JAIR 2021).

A class has a threshold: the mean probability that its own examples get for it. So a rare class, whose probabilities
are small throughout, is held to what is usual for it and not to what frequent classes reach. An example counts as
confidently of a class if its probability reaches the class's threshold; its label is suspect if it is confidently of
another class. Sets and thresholds are those of cleanlab (``filter_by="confident_learning"``), as the tests hold; the
order is by the odds between the label and the likeliest class, which does better than the probability of the label
alone where the wrong label is one that is easily confused (``python -m bench.annotation``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

_EQUAL = 1e-6
"""Less than this below a threshold counts as reaching it, as in cleanlab."""


@dataclass(frozen=True, eq=False)
class Doubts:
    """What probabilities say of labels.

    Attributes
    ----------
    suspect
        ``[n]`` whether the label is probably wrong.
    odds
        ``[n]`` natural logarithm of the probability of the label over that of the likeliest other class; the lower, the
        more probably the label is wrong.
    better
        ``[n]`` the likeliest other class.
    thresholds
        ``[C]`` in [0, 1]; NaN for classes without an example.
    """

    suspect: NDArray[np.bool_]
    odds: Floats
    better: Codes
    thresholds: Floats


def doubts(target: Codes, probabilities: Floats) -> Doubts:
    """Compare labels with out-of-fold probabilities.

    Parameters
    ----------
    target
        ``[n]`` codes of the given labels.
    probabilities
        ``[n, C]``, C >= 2, rows summing to 1, by models that were not trained on the row.
    """
    rows = np.arange(len(target))
    p = probabilities.astype(np.float64)
    count = np.bincount(target, minlength=p.shape[1])
    own = p[rows, target]
    thresholds = np.full(p.shape[1], np.nan)
    present = count > 0
    thresholds[present] = np.bincount(target, own, p.shape[1])[present] / count[present]
    reached = p >= np.where(present, thresholds, np.inf) - _EQUAL
    confident = np.where(reached, p, -1.0)
    believed = confident.argmax(axis=1)
    others = p.copy()
    others[rows, target] = -1.0
    better = others.argmax(axis=1)
    # a label that is the likeliest class is not contradicted, whatever the thresholds say
    suspect = reached.any(axis=1) & (believed != target) & (p.argmax(axis=1) != target)
    odds = np.log(np.maximum(own, 1e-12)) - np.log(np.maximum(p[rows, better], 1e-12))
    return Doubts(suspect, odds.astype(np.float32), better.astype(np.int64), thresholds.astype(np.float32))

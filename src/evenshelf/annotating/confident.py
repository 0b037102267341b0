"""Confident learning: which labels do out-of-fold probabilities contradict (Northcutt, Jiang, Chuang, JAIR 2021).

A class has a threshold: the mean probability that its own examples get for it. So a rare class, whose probabilities
are small throughout, is held to what is usual for it and not to what frequent classes reach. An example counts as
confidently of a class if its probability reaches the class's threshold; its label is contradicted if it is confidently
of another class. Thresholds and contradicted labels are those of cleanlab (``filter_by="confident_learning"``), as the
tests hold.

They say how many labels are wrong, and are less good at saying which: on real titles as many labels, taken in the
order of :attr:`Doubts.doubt`, hold more wrong ones (``python -m bench.annotation``). So that many are suspect, the most
doubtful first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

_EQUAL = 1e-6
"""Less than this below a threshold counts as reaching it, as in cleanlab."""
_SMALLEST = 1e-12


@dataclass(frozen=True, eq=False)
class Doubts:
    """What probabilities say of labels.

    Attributes
    ----------
    contradicted
        ``[n]`` whether the example is confidently of another class.
    suspect
        ``[n]`` the most doubtful labels, as many as are contradicted, without those that are the likeliest class.
    doubt
        ``[n]`` the higher, the more probably the label is wrong: ``2 log p(likeliest other class) - log p(label)``. Of
        two labels that are equally improbable, the one is more doubtful whose rival is the more probable.
    better
        ``[n]`` the likeliest other class.
    thresholds
        ``[C]`` in [0, 1]; NaN for classes without an example.
    """

    contradicted: NDArray[np.bool_]
    suspect: NDArray[np.bool_]
    doubt: Floats
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
    believed = np.where(reached, p, -1.0).argmax(axis=1)
    others = p.copy()
    others[rows, target] = -1.0
    better = others.argmax(axis=1)
    # a label that is the likeliest class is not contradicted, whatever the thresholds say
    against = p.argmax(axis=1) != target
    contradicted = reached.any(axis=1) & (believed != target) & against
    doubt = 2.0 * np.log(np.maximum(p[rows, better], _SMALLEST)) - np.log(np.maximum(own, _SMALLEST))
    order = np.lexsort((-doubt, ~against))
    suspect = np.zeros(len(target), bool)
    suspect[order[: contradicted.sum()]] = True
    return Doubts(
        contradicted, suspect, doubt.astype(np.float32), better.astype(np.int64), thresholds.astype(np.float32)
    )

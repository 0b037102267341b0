"""Sets of labels as pairs of one true and one predicted label, so that metrics of single labels hold for them.

A text with k labels is asked for its k best scored ones (the cut of Tang et al., "Large scale multi-label
classification via MetaLabeler", WWW 2009, with k known: at each text precision and recall are the same, R-precision).
True and predicted set are then equally large, and each true label can be given a predicted one: itself where it was
found, otherwise one of those that were wrong. Counting pairs gives each class its hits, misses and false alarms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def runs(example: Codes) -> Codes:
    """Return the bounds ``[r + 1]`` of runs of equal numbers in ``[m]`` of them."""
    changes = np.flatnonzero(np.diff(example)) + 1
    return np.concatenate([[0], changes, [len(example)]]) if len(example) else np.zeros(1, np.int64)


def predicted_of_sets(scores: NDArray[np.float32], target: Codes, example: Codes) -> NDArray[np.int32]:
    """Pair each true label with a predicted one.

    Parameters
    ----------
    scores
        ``[m, C]``; rows of one example are equal.
    target
        ``[m]`` true labels, those of one example different from each other.
    example
        ``[m]`` equal numbers, in neighbouring rows, mean the same example.

    Returns
    -------
    ``[m]`` codes. Those of an example are its best scored labels, as many as are true; equal scores go by code.
    """
    out = np.empty(len(target), np.int32)
    bounds = runs(example)
    first, sizes = bounds[:-1], np.diff(bounds)
    for k in np.unique(sizes):
        start = first[sizes == k]
        best = np.argsort(-scores[start], axis=1, kind="stable")[:, :k]
        rows = start[:, None] + np.arange(k)
        true = target[rows]
        same = true[:, :, None] == best[:, None, :]
        found, right = same.any(axis=2), same.any(axis=1)
        # Misses before hits on both sides, and hits in an order that both share.
        by_true = np.lexsort((true, found), axis=1)
        by_best = np.lexsort((best, right), axis=1)
        paired = np.empty_like(true)
        np.put_along_axis(paired, by_true, np.take_along_axis(best, by_best, axis=1), axis=1)
        out[rows] = paired
    return out


def in_set(probability: NDArray[np.float32], example: Codes) -> NDArray[np.float32]:
    """Turn shares of one draw into chances to be among the labels of an example.

    A softmax that was taught with every label of a text shares 1 among them (Menon et al., "Multilabel reductions: what
    is my loss optimising?", NeurIPS 2019: pick all labels). With k labels, each is expected k times as often.
    """
    sizes = np.diff(runs(example))
    chances: NDArray[np.float32] = np.minimum(probability * np.repeat(sizes, sizes), 1.0).astype(np.float32)
    return chances

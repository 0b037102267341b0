"""Short vectors of items, by their texts or by who took them, and of histories by those of their items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from evenshelf.encoders.svd import right_singular_vectors
from evenshelf.learners.ranking.base import ItemFacts
from evenshelf.learners.ranking.windows import Windows
from evenshelf.tasks.histories import Histories

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

BACK, DECAY = 10, 0.8
"""Steps of a history that its vector is made of, and what each step back counts."""
BLOCK = 1000


def text_vectors(facts: ItemFacts, width: int, seed: int) -> Floats | None:
    """``[I, d]`` lines of length 1, or 0 of items without a text; ``None`` where there are no texts at all.

    Those of a language model, if there are some, or else words and attributes together; the leading axes of them
    (Deerwester et al., JASIS 41(6), 1990), `width` or fewer.
    """
    if facts.vectors is not None:
        found = csr_array(facts.vectors)
    elif facts.texts:
        found = csr_array(hstack([matrix for _, matrix in facts.texts]), dtype=np.float32)
    else:
        return None
    return _reduced(found, width, seed) if found.nnz else None


def taken_vectors(histories: Histories, width: int, seed: int) -> Floats:
    """``[I, d]`` the same by who took the items: those are alike that were taken by the same users."""
    return _reduced(csr_array(histories.weights().T, dtype=np.float32), width, seed)


def _reduced(matrix: csr_array, width: int, seed: int) -> Floats:
    axes, _ = right_singular_vectors(matrix, width, seed=seed)
    return unit(matrix @ axes)


def unit(vectors: NDArray[np.floating]) -> Floats:
    """Lines of length 1; those of length 0 stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0), dtype=np.float32)


def history_vectors(windows: Windows, start: Codes, items: Floats) -> Floats:
    """``[E, d]`` of what came before each example, the latest step most; lines of length 1 or 0.

    Parameters
    ----------
    start
        ``[S + 1]`` where each sequence begins.
    items
        ``[I, d]``.
    """
    begin = start[np.searchsorted(start, windows.step, side="right") - 1]
    total = np.zeros((len(windows.step), items.shape[1]), np.float32)
    for back in range(1, BACK + 1):
        there = np.flatnonzero(windows.step - back >= begin)
        total[there] += np.float32(DECAY ** (back - 1)) * items[windows.item[windows.step[there] - back]]
    return unit(total)


def nearest_items(vectors: Floats, k: int) -> Codes:
    """``[I, k]`` the items with the largest product with each, the nearest first; -1 where none is above 0."""
    count = min(k, len(vectors) - 1)
    found = np.full((len(vectors), k), -1, np.int64)
    if count < 1:
        return found
    for first in range(0, len(vectors), BLOCK):
        alike = vectors[first : first + BLOCK] @ vectors.T
        alike[np.arange(len(alike)), np.arange(first, first + len(alike))] = -np.inf
        top = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        worth = np.take_along_axis(alike, top, axis=1)
        order = np.argsort(-worth, axis=1, kind="stable")
        top, worth = np.take_along_axis(top, order, axis=1), np.take_along_axis(worth, order, axis=1)
        found[first : first + len(alike), :count] = np.where(worth > 0, top, -1)
    return found

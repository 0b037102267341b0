"""Exact nearest neighbours by blocked matrix products."""

from __future__ import annotations

import numpy as np

from evenshelf.remedies.base import Codes, Floats

BLOCK = 1024


def nearest_within(vectors: Floats, k: int) -> Codes:
    """Indices of the k nearest other rows of each row, nearest first, by Euclidean distance; ties by index.

    Parameters
    ----------
    vectors
        ``[n, d]``.
    k
        In [1, n - 1].

    Returns
    -------
    ``[n, k]`` int64. Memory: one block of 1,024 x n float32 at a time.
    """
    n = len(vectors)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    found = np.empty((n, k), np.int64)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        distance = squares - 2.0 * (vectors[start:stop] @ vectors.T)
        distance[np.arange(stop - start), np.arange(start, stop)] = np.inf
        if k < n - 1:
            near = np.sort(np.argpartition(distance, k - 1, axis=1)[:, :k], axis=1)
            order = np.argsort(np.take_along_axis(distance, near, axis=1), axis=1, kind="stable")
            found[start:stop] = np.take_along_axis(near, order, axis=1)
        else:
            found[start:stop] = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return found

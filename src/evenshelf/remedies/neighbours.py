"""Exact nearest neighbours by blocked matrix products."""

from __future__ import annotations

import numpy as np

from evenshelf.remedies.rows import Codes, Floats

BLOCK = 1024


def nearest(
    queries: Floats, vectors: Floats, k: int, *, own: Codes | None = None, apart: tuple[Codes, Codes] | None = None
) -> Codes:
    """Indices of the k rows nearest to each query, nearest first, by Euclidean distance.

    Of equal distances the first row comes first; which of them are found where not all fit is not defined, but always
    the same.

    Parameters
    ----------
    queries
        ``[q, d]``.
    vectors
        ``[n, d]``.
    k
        In [1, number of rows that no query leaves out].
    own
        ``[q]`` the row that each query is, which it leaves out; ``None``: queries are no rows.
    apart
        Groups of the queries ``[q]`` and of the rows ``[n]``: a query leaves out the rows of its own group.

    Returns
    -------
    ``[q, k]`` int64. Memory: one block of 1,024 x n float32 at a time.
    """
    squares = np.einsum("ij,ij->i", vectors, vectors)
    found = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), BLOCK):
        stop = min(start + BLOCK, len(queries))
        distance = squares - 2.0 * (queries[start:stop] @ vectors.T)
        if own is not None:
            distance[np.arange(stop - start), own[start:stop]] = np.inf
        if apart is not None:
            distance[apart[0][start:stop, None] == apart[1]] = np.inf
        if k < len(vectors) - 1:
            near = np.sort(np.argpartition(distance, k - 1, axis=1)[:, :k], axis=1)
            order = np.argsort(np.take_along_axis(distance, near, axis=1), axis=1, kind="stable")
            found[start:stop] = np.take_along_axis(near, order, axis=1)
        else:
            found[start:stop] = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return found

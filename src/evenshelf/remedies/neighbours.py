"""Exact nearest rows of one set in another, or of a set in itself, by blocked matrix products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenshelf.remedies.rows import Codes, Floats

Distances = NDArray[np.float64]

BLOCK = 1024
# Products in float32 choose this many rows more than asked for; differences in float64 then order them.
SLACK = 4
# Up to so many rows, taking the smallest again and again is faster than a partition of the whole line.
FEW = 32
# Numbers held at once when distances are computed from differences.
HELD = 1 << 22


def nearest_rows(
    queries: Floats,
    pool: Floats,
    k: int,
    own: Codes | None = None,
    *,
    apart: tuple[Codes, Codes] | None = None,
    farthest: bool = False,
) -> tuple[Codes, Distances]:
    """The k rows of a pool that are nearest to each query by Euclidean distance, nearest first.

    Parameters
    ----------
    queries
        ``[q, d]`` float32.
    pool
        ``[n, d]`` float32.
    k
        In [1, number of rows that no query leaves out].
    own
        ``[q]`` index of each query in the pool, where it is not its own neighbour; ``None`` if it is not in the pool.
    apart
        Groups of the queries ``[q]`` and of the rows ``[n]``: a query leaves out the rows of its own group.
    farthest
        Find the farthest rows instead, farthest first.

    Returns
    -------
    ``[q, k]`` indices and distances. Of rows at equal distance the first ones come first. Where more than ``k + 4``
    rows are at equal distance but for the rounding of float32 (about 1e-6 of the squared length of the longest row from
    the mean), it decides which of them are found. Memory: one block of 1,024 x n float32 at a time.
    """
    if not len(queries):
        return np.empty((0, k), np.int64), np.empty((0, k))
    n, sign = len(pool), np.float32(-1.0 if farthest else 1.0)
    # what is common to all rows, and their scale, would eat up the digits of the products
    middle = pool.mean(axis=0, dtype=np.float64)
    ends = [part.min(axis=0) for part in (queries, pool)] + [part.max(axis=0) for part in (queries, pool)]
    scale = max(*(float(np.abs(end - middle).max()) for end in ends), 1e-300)
    centred = np.empty(pool.shape, np.float32)
    for start in range(0, n, BLOCK):
        centred[start : start + BLOCK] = (pool[start : start + BLOCK] - middle) / scale
    squares = np.einsum("ij,ij->i", centred, centred)
    wide = min(k + SLACK, n - _left_out(own, apart))
    found, distance = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    for start in range(0, len(queries), BLOCK):
        stop = min(start + BLOCK, len(queries))
        block = ((queries[start:stop] - middle) / scale).astype(np.float32)
        products = sign * (squares - 2.0 * (block @ centred.T))
        if own is not None:
            products[np.arange(stop - start), own[start:stop]] = np.inf
        if apart is not None:
            products[apart[0][start:stop, None] == apart[1]] = np.inf
        near = np.sort(_smallest(products, wide), axis=1)
        exact = _distances(queries[start:stop], pool, near)
        order = np.argsort(-exact if farthest else exact, axis=1, kind="stable")[:, :k]
        found[start:stop] = np.take_along_axis(near, order, axis=1)
        distance[start:stop] = np.take_along_axis(exact, order, axis=1)
    return found, distance


def _left_out(own: Codes | None, apart: tuple[Codes, Codes] | None) -> int:
    """The most rows that one query leaves out."""
    most = 0 if own is None else 1
    if apart is not None:
        queries, rows = apart
        sizes = np.bincount(rows, minlength=int(queries.max()) + 1)
        most = max(most, int(sizes[queries].max()))
    return most


def _smallest(values: Floats, k: int) -> Codes:
    """``[b, k]`` places of the k smallest values of each line; the values are overwritten."""
    if k > FEW:
        if k == values.shape[1]:
            return np.tile(np.arange(k), (len(values), 1))
        return np.argpartition(values, k - 1, axis=1)[:, :k]
    lines = np.arange(len(values))
    found = np.empty((len(values), k), np.int64)
    for place in range(k):
        found[:, place] = values.argmin(axis=1)
        values[lines, found[:, place]] = np.inf
    return found


def _distances(queries: Floats, pool: Floats, near: Codes) -> Distances:
    """``[b, k]`` distances between each query and its rows."""
    found = np.empty(near.shape)
    step = max(1, HELD // (near.shape[1] * max(pool.shape[1], 1)))
    for start in range(0, len(near), step):
        here = slice(start, start + step)
        apart = pool[near[here]].astype(np.float64) - queries[here, None]
        found[here] = np.sqrt(np.einsum("ikj,ikj->ik", apart, apart))
    return found

"""Truncated singular value decomposition of a large sparse matrix, by randomised subspace iteration.

References
----------
Halko, Martinsson, Tropp: Finding structure with randomness, SIAM Review 53(2), 2011 (algorithm 4.4).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Matrix = NDArray[np.float32]


def right_singular_vectors(
    matrix: sp.csr_array, rank: int, *, seed: int, oversampling: int = 32, iterations: int = 2, threads: int = 1
) -> tuple[Matrix, Matrix]:
    """Approximate the leading right singular vectors.

    Parameters
    ----------
    matrix
        ``[n, d]``, float32.
    rank
        How many vectors are wanted; fewer are returned if the matrix has a smaller rank.
    seed
        Of the random start. The same seed gives the same bits on one machine, whatever ``threads`` is.
    oversampling
        Dimensions beyond ``rank`` that are carried along.
    iterations
        Passes of subspace iteration; each sharpens the spectrum.
    threads
        Of the sparse products.

    Returns
    -------
    vectors
        ``[d, rank]``, orthonormal columns; the entry of largest size in each column is positive.
    values
        ``[rank]``, the singular values, descending.
    """
    n, d = matrix.shape
    width = min(rank + oversampling, n, d)
    transposed = sp.csr_array(matrix.T)
    start = np.random.default_rng(seed).standard_normal((d, width), dtype=np.float32)
    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1):
        # Blocks are cut by the shape alone, so that the number of threads does not change the sums.
        side = _product(pool, matrix, start)
        for _ in range(iterations):
            side = _product(pool, matrix, _orthonormal(_product(pool, transposed, _orthonormal(side))))
        basis = _orthonormal(side)
        small = _product(pool, transposed, basis)
        squares, rotation = np.linalg.eigh((small.T @ small).astype(np.float64))
        order = np.argsort(-squares, kind="stable")[:rank]
        order = order[squares[order] > 1e-10 * max(squares.max(), 1e-30)]
        values = np.sqrt(squares[order])
        vectors = small @ (rotation[:, order] / values).astype(np.float32)
    peak = np.abs(vectors).argmax(axis=0)
    sign = np.where(vectors[peak, np.arange(vectors.shape[1])] < 0, -1, 1).astype(np.float32)
    return vectors * sign, values.astype(np.float32)


def _orthonormal(x: Matrix) -> Matrix:
    """Orthonormalise columns by the eigenvectors of their Gram matrix, which drops dependent ones."""
    squares, rotation = np.linalg.eigh((x.T @ x).astype(np.float64))
    kept = squares > 1e-7 * squares[-1]
    basis: Matrix = x @ (rotation[:, kept] / np.sqrt(squares[kept])).astype(np.float32)
    return basis


def _product(pool: ThreadPoolExecutor, matrix: sp.csr_array, dense: Matrix) -> Matrix:
    out = np.empty((matrix.shape[0], dense.shape[1]), np.float32)
    step = 4096

    def fill(start: int) -> None:
        out[start : start + step] = matrix[start : start + step] @ dense

    list(pool.map(fill, range(0, matrix.shape[0], step)))
    return out

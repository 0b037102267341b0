"""Curvature of multinomial heads, class by class: what the steps of a fit are measured with.

The Hessian of a softmax head has a block per class, ``sum_i q_ic x_i x_i'`` with ``q = p (1 - p)`` (Böhning, Ann.
Inst. Statist. Math. 44, 1992), and weaker blocks between classes. Few rows carry most of a class's ``q``: its own
examples that are still in doubt, and those of its neighbours. A block is therefore kept as these rows and a diagonal
for all others, and inverted with Woodbury's identity in as many dimensions as there are such rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

KEPT = 64
"""Rows kept per class: 128 took as many steps and twice the time to invert (docs/decisions/0010)."""


class Curvature:
    """Inverse of the diagonal blocks of a head's Hessian.

    Parameters
    ----------
    vectors
        ``[n_b, d + 1]`` training rows, in blocks.
    doubt
        ``[n, C]`` q of each row and class, times the row's weight.
    penalty
        ``[d + 1, 1]`` what the L2 penalty adds to the diagonal.
    frozen
        ``[C]`` classes that do not move.
    kept
        Rows kept per class.
    """

    def __init__(
        self, vectors: Sequence[Floats], doubt: Floats, penalty: Floats, frozen: NDArray[np.bool_], kept: int = KEPT
    ) -> None:
        kept = min(kept, len(doubt))
        diagonal = np.zeros((doubt.shape[1], vectors[0].shape[1]), np.float32)
        start = 0
        for block in vectors:
            for low in range(0, len(block), 2048):
                here = block[low : low + 2048]
                diagonal += doubt[start + low : start + low + len(here)].T @ (here * here)
            start += len(block)
        chosen = np.empty((doubt.shape[1], kept), np.intp)
        part = np.empty((doubt.shape[1], kept), np.float32)
        for c in range(doubt.shape[1]):
            column = np.ascontiguousarray(doubt[:, c])
            chosen[c] = np.argpartition(column, -kept)[-kept:]
            part[c] = column[chosen[c]]
        rows = _pick(vectors, chosen)
        rows *= np.sqrt(part)[:, :, None]
        rest = diagonal - np.einsum("ckd,ckd->cd", rows, rows)
        # what rounding leaves of a rest that is zero must not become a direction without curvature
        np.maximum(rest, np.float32(1e-3) * diagonal, out=rest)
        self._root = 1.0 / np.sqrt(rest + penalty.T + np.float32(1e-12))
        self._root[frozen] = 0.0
        rows *= self._root[:, None, :]
        inner = rows @ rows.transpose(0, 2, 1)
        inner[:, np.arange(kept), np.arange(kept)] += 1.0
        self._rows, self._inner = rows, np.linalg.inv(inner)

    def solve(self, gradient: Floats) -> Floats:
        """``[d + 1, C]`` the inverse times a gradient; 0 for frozen classes."""
        scaled = (gradient.T * self._root)[:, :, None]
        scaled -= self._rows.transpose(0, 2, 1) @ (self._inner @ (self._rows @ scaled))
        return np.ascontiguousarray((scaled[:, :, 0] * self._root).T)


class Diagonal:
    """A diagonal in place of the blocks.

    Parameters
    ----------
    diagonal
        ``[d + 1, C]`` curvature, the penalty included.
    frozen
        ``[C]`` classes that do not move.
    """

    def __init__(self, diagonal: NDArray[np.floating], frozen: NDArray[np.bool_]) -> None:
        self._inverse = (1.0 / (diagonal + 1e-12)).astype(np.float32)
        self._inverse[:, frozen] = 0.0

    def solve(self, gradient: Floats) -> Floats:
        """``[d + 1, C]`` the inverse times a gradient; 0 for frozen classes."""
        return self._inverse * gradient


def _pick(vectors: Sequence[Floats], chosen: NDArray[np.intp]) -> Floats:
    """``[C, k, d + 1]`` copy of the rows `chosen` ``[C, k]`` from the blocks."""
    if len(vectors) == 1:
        return np.asarray(vectors[0])[chosen]
    found = np.empty((*chosen.shape, vectors[0].shape[1]), np.float32)
    start = 0
    for block in vectors:
        here = (chosen >= start) & (chosen < start + len(block))
        found[here] = block[chosen[here] - start]
        start += len(block)
    return found

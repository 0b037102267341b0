"""What every fitted ranker is: asked for scores of histories; and what scores are made of."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from evenshelf.tasks.histories import Histories

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


class Ranker(Protocol):
    """A fitted learner."""

    @property
    def bytes(self) -> int:
        """Memory that it holds."""

    def scores(self, histories: Histories) -> Floats:
        """``[U, I]`` scores: logarithms of something that is proportional to a probability; all finite.

        Who has no history is answered too, by what is popular.

        Parameters
        ----------
        histories
            Of some users, few enough for all their scores, with the items of those that were fitted; also users whom
            the fit has not seen. What these had has a score as all others.
        """


def log_scores(score: NDArray[np.floating], popularity: NDArray[np.floating]) -> Floats:
    """``[U, I]`` logarithms of scores that are none, with a trace of what is popular, so that no line is empty.

    Parameters
    ----------
    score
        ``[U, I]``; what is below 0 counts as 0.
    popularity
        ``[I]`` > 0, how often each item was taken.
    """
    share = popularity / popularity.sum()
    most = score.max(axis=1, keepdims=True, initial=0.0)
    scale = np.where(most > 0, most, 1.0)
    found: Floats = np.log(np.maximum(score, 0.0) / scale + 1e-6 * share).astype(np.float32)
    return found


def dense_lines(matrix: csr_array | Floats) -> Floats:
    """The same matrix, dense."""
    return np.asarray(matrix.toarray() if isinstance(matrix, csr_array) else matrix)


def unit_lines(vectors: Any) -> Any:
    """Lines of length 1, or 0 where they are."""
    if isinstance(vectors, csr_array):
        length = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        return csr_array(diags_array(1.0 / np.maximum(length, 1e-9)) @ vectors, dtype=np.float32)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(length, 1e-9)).astype(np.float32)


def bytes_of(matrix: csr_array | Floats) -> int:
    """Memory of a matrix, sparse or not."""
    if isinstance(matrix, csr_array):
        return int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)
    return int(matrix.nbytes)

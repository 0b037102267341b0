"""What serving is held against: ``recommend`` of the package implicit, with models that are given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix

from evenshelf.tasks.histories import Histories

Codes = NDArray[np.int64]


class PeerNeighbours:
    """Item neighbourhoods.

    Parameters
    ----------
    matrix
        ``[I, I]``: row, an item of a history; column, one that may be shown.
    decay
        Of the steps of a history.
    length
        Of lists.
    """

    def __init__(self, matrix: csr_array, decay: float, length: int) -> None:
        from implicit._nearest_neighbours import NearestNeighboursScorer  # noqa: PLC0415 - the peer
        from implicit.nearest_neighbours import ItemItemRecommender  # noqa: PLC0415 - as above

        self.decay, self.length = decay, length
        self.model: Any = ItemItemRecommender(num_threads=1)
        self.model.similarity = csr_matrix(matrix, dtype=np.float64)
        self.model.scorer = NearestNeighboursScorer(self.model.similarity)

    def serve(self, histories: Histories) -> Codes:
        """The list of the only user."""
        took = csr_matrix(histories.weights(self.decay), dtype=np.float64)
        return np.asarray(self.model.recommend(0, took, N=self.length)[0], np.int64)


class PeerFactors:
    """Factors of ALS, with users folded in by their histories.

    Parameters
    ----------
    items
        ``[I, f]``.
    penalty, confidence
        As of :class:`evenshelf.learners.ranking.factors.Factors`.
    decay, length
        As of :class:`PeerNeighbours`.
    """

    def __init__(
        self, items: NDArray[np.float32], penalty: float, confidence: float, decay: float, length: int
    ) -> None:
        from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415 - the peer

        self.confidence, self.decay, self.length = confidence, decay, length
        self.model: Any = AlternatingLeastSquares(
            factors=items.shape[1], regularization=penalty, alpha=1.0, num_threads=1
        )
        self.model.item_factors = items

    def serve(self, histories: Histories) -> Codes:
        """The list of the only user."""
        took = csr_matrix(histories.weights(self.decay))
        took.data = 1.0 + self.confidence * took.data
        return np.asarray(self.model.recommend(0, took, N=self.length, recalculate_user=True)[0], np.int64)

"""What items say for each other: likeness by counts, or weights of a regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.rankers.base import Codes, Floats, bytes_of, dense_lines, log_scores
from evenshelf.rankers.grounds import Grounds
from evenshelf.rankers.packing import Arrays, Unpacked, flat
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """How much each item speaks for each other one.

    Attributes
    ----------
    matrix
        ``[I, I]``, sparse or not: row, an item of a history; column, one that may be shown.
    popularity
        ``[I]`` > 0, how often each was taken, for whom nothing speaks for anything.
    decay
        What an item says is multiplied by this for each step that it is back.
    """

    matrix: csr_array | Floats
    popularity: NDArray[np.float64]
    decay: float

    kind: ClassVar[str] = "neighbourhoods"

    @property
    def bytes(self) -> int:
        """Of the matrix."""
        return bytes_of(self.matrix)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`."""
        return log_scores(dense_lines(histories.weights(self.decay) @ self.matrix), self.popularity)

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """See :meth:`evenshelf.rankers.kinds.Kept.grounds`: the score is the logarithm of the sum of the parts."""
        weights = histories.weights(self.decay)
        said = dense_lines(self.matrix[weights.indices][:, items]).astype(np.float64)
        parts = (weights.data[:, None] * said).T
        return Grounds.of(weights.indices.astype(np.int64), parts, parts.sum(axis=1), source=self.kind)

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """See :meth:`evenshelf.rankers.kinds.Kept.packed`."""
        return {"decay": self.decay}, {**flat("matrix", self.matrix), "popularity": self.popularity}

    @classmethod
    def unpacked(cls, held: Unpacked) -> Neighbourhoods:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        matrix = held.matrix("matrix", held.items, held.items)
        return cls(matrix, held.positive("popularity"), held.number("decay", 0.0, 1.0))

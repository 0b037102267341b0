"""What items say for each other: likeness by counts, or weights of a regression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
        What an item says is multiplied by this for each basket that it is back: inside of a basket there is no order.
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
        said = histories.weights(self.decay) @ self.matrix
        if not isinstance(said, csr_array):
            return log_scores(np.asarray(said), self.popularity)
        # of many items few are spoken for: bit for bit what `log_scores` gives, without looking at the others
        traces, silent = self._silence
        found = np.repeat(silent[None], len(histories.users), axis=0)
        spoken = np.diff(said.indptr)
        some = spoken > 0
        most = np.zeros(len(spoken), said.dtype)
        most[some] = np.maximum(np.maximum.reduceat(said.data, said.indptr[:-1][some]), 0.0)
        line = np.repeat(np.arange(len(spoken)), spoken)
        value = np.maximum(said.data, 0.0) / np.where(most > 0, most, 1.0)[line]
        found[line, said.indices] = np.log(value + traces[said.indices]).astype(np.float32)
        return found

    @cached_property
    def _silence(self) -> tuple[NDArray[np.float64], Floats]:
        """``[I]`` what `log_scores` adds to each score, and what it gives where nothing speaks for an item."""
        traces = 1e-6 * (self.popularity / self.popularity.sum())
        return traces, np.log(traces).astype(np.float32)

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

"""Items held by their texts against what a user has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array

from evenshelf.rankers.base import Codes, Floats, bytes_of, dense_lines, unit_lines
from evenshelf.rankers.grounds import TEXT, Grounds
from evenshelf.rankers.packing import Arrays, Unpacked, flat
from evenshelf.tasks.histories import Histories

SCALE = 20.0
"""Logits per unit of cosine, that of the remedy ``name_prior``."""


@dataclass(frozen=True, eq=False)
class Texts:
    """Items as texts, and as what is held against a history.

    Attributes
    ----------
    rows
        ``[I, d]`` vectors of which a history is the mean, lines of length 1 or 0.
    heads
        ``[I, d]`` whose product with a history is a score.
    popularity
        ``[I]`` logarithm of shares, times what they are worth.
    decay
        What a step says is multiplied by this for each basket that it is back.
    """

    rows: csr_array | Floats
    heads: csr_array | Floats
    popularity: Floats
    decay: float

    kind: ClassVar[str] = "texts"

    @property
    def bytes(self) -> int:
        """Of the vectors."""
        return sum(bytes_of(one) for one in (self.rows, self.heads)[: 1 if self.rows is self.heads else 2])

    @property
    def scale(self) -> float:
        """Both lie in one space: lines of texts have to be brought to the scale of heads."""
        return SCALE if self.heads is self.rows else 1.0

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`."""
        mean = unit_lines(histories.weights(self.decay) @ self.rows)
        return np.asarray(self.scale * dense_lines(mean @ self.heads.T) + self.popularity, np.float32)

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """See :meth:`evenshelf.rankers.kinds.Kept.grounds`: scores are sums over the history and popularity."""
        weights = histories.weights(self.decay)
        total = dense_lines(weights @ self.rows)[0]
        length = max(float(np.linalg.norm(total)), 1e-9)
        cosine = dense_lines(self.rows[weights.indices] @ self.heads[items].T).astype(np.float64)
        parts = (self.scale / length * weights.data[:, None] * cosine).T
        rest = self.popularity[items].astype(np.float64)
        taken = weights.indices.astype(np.int64)
        return Grounds.of(taken, parts, parts.sum(axis=1) + rest, source=self.kind, rest=rest, kind=TEXT)

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """See :meth:`evenshelf.rankers.kinds.Kept.packed`."""
        heads = {} if self.heads is self.rows else flat("heads", self.heads)
        return {"decay": self.decay}, {**flat("rows", self.rows), **heads, "popularity": self.popularity}

    @classmethod
    def unpacked(cls, held: Unpacked) -> Texts:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        rows = held.matrix("rows", held.items, None)
        heads = held.matrix("heads", held.items, rows.shape[1]) if held.has("heads") else rows
        return cls(rows, heads, held.array("popularity", held.items), held.number("decay", 0.0, 1.0))

"""What is popular in the categories that a user comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import InputError
from evenshelf.rankers.base import Codes, Floats
from evenshelf.rankers.grounds import CATEGORY, Grounds
from evenshelf.rankers.packing import Arrays, Unpacked
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True, eq=False)
class CategoryPopularity:
    """The chance of a category for a user, times how much of what is taken of it an item is.

    An item ``i`` of a category ``c`` has ``p[i] ((1 - overall) q[c] / share[c] + overall)``, where ``p`` is how popular
    items are and ``q`` how much of a user's history is of each category. An item without a category has the second
    summand alone. Who has taken nothing of a known category gets what is popular overall.

    Attributes
    ----------
    popularity
        ``[I]`` > 0, how often each item was taken.
    category
        ``[I]`` codes, -1 where unknown.
    share
        ``[C]`` in (0, 1], how much of all that was taken is of each category.
    overall
        In (0, 1], what overall popularity counts.
    decay
        What a user has counts times this for each basket that it is back.
    """

    popularity: NDArray[np.float64]
    category: Codes
    share: NDArray[np.float64]
    overall: float
    decay: float

    kind: ClassVar[str] = "category_popularity"

    @property
    def bytes(self) -> int:
        """Of all that is known of items and categories."""
        return int(self.popularity.nbytes + self.category.nbytes + self.share.nbytes)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`."""
        weights = self._weights(histories)
        there = np.flatnonzero(self.category >= 0)
        member = csr_array(
            (np.ones(len(there)), (there, self.category[there])), shape=(len(self.category), len(self.share))
        )
        taken = (weights @ member).toarray()
        known = taken.sum(axis=1, keepdims=True)
        lift = np.full((len(taken), len(self.share) + 1), self.overall)
        lift[:, :-1] += (1.0 - self.overall) * taken / np.maximum(known, 1e-300) / self.share
        lift[known[:, 0] == 0] = 1.0
        found: Floats = (np.log(lift)[:, self.category] + np.log(self._popular)).astype(np.float32)
        return found

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """See :meth:`evenshelf.rankers.kinds.Kept.grounds`: the score is the logarithm of the sum of the parts."""
        weights = self._weights(histories)
        taken = weights.indices.astype(np.int64)
        own, popular = self.category[items], self._popular[items]
        adds = np.where(self.category[taken] >= 0, weights.data, 0.0)
        known = adds.sum()
        if known == 0:
            return Grounds.of(taken, np.zeros((len(items), len(taken))), popular, source=self.kind, rest=popular)
        alike = (self.category[taken] == own[:, None]) & (own >= 0)[:, None]
        worth = (1.0 - self.overall) * popular / self.share[own]
        parts = np.where(alike, worth[:, None] * adds / known, 0.0)
        rest = self.overall * popular
        return Grounds.of(taken, parts, parts.sum(axis=1) + rest, source=self.kind, rest=rest, kind=CATEGORY)

    @property
    def _popular(self) -> NDArray[np.float64]:
        return np.asarray(self.popularity / self.popularity.sum())

    def _weights(self, histories: Histories) -> csr_array:
        weights = histories.weights(self.decay)
        return csr_array((weights.data.astype(np.float64), weights.indices, weights.indptr), shape=weights.shape)

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """See :meth:`evenshelf.rankers.kinds.Kept.packed`."""
        arrays: Arrays = {"popularity": self.popularity, "category": self.category, "share": self.share}
        return {"overall": self.overall, "decay": self.decay}, arrays

    @classmethod
    def unpacked(cls, held: Unpacked) -> CategoryPopularity:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        category, share = held.array("category", held.items, kinds="i"), held.array("share", None)
        whole = -1 <= category.min(initial=-1) <= category.max(initial=-1) < len(share)
        if not whole or not ((share > 0) & (share <= 1)).all():
            raise InputError("Categories and their shares do not fit.", hint="Train the bundle again.")
        overall, decay = held.number("overall", 1e-6, 1.0), held.number("decay", 0.0, 1.0)
        return cls(held.positive("popularity"), category.astype(np.int64), share, overall, decay)

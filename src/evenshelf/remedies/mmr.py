"""Lists whose items are not all alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.errors import SettingError
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.filling import Filling
from evenshelf.remedies.offered import Offered
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior

LINES = 64
"""Lists whose candidates are compared at once: their vectors stay in the cache of a core."""


@register
@dataclass(frozen=True)
class MaximalMarginalRelevance(Remedy):
    """Gives each place to what is relevant and least like the most similar item that is shown above it.

    Relevance is the probability over that of the best candidate. Items of which no vector is known are like no other.

    Parameters
    ----------
    lam
        In [0, 1]: how much likeness counts, one minus the lambda of the paper; 0 does nothing.
    """

    lam: float = 0.3

    name: ClassVar[str] = "mmr"
    title: ClassVar[str] = "Maximal marginal relevance"
    family: ClassVar[Family] = Family.RERANKING
    paper: ClassVar[str] = "Carbonell & Goldstein, SIGIR 1998"
    formula: ClassVar[str] = "next: argmax (1 - lam) p[i] / max p - lam max over shown j of cos(i, j)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RERANK,)
    neutral: ClassVar[dict[str, float]] = {"lam": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"lam": (0.3, 0.1, 0.6)}
    reads_names: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("lam", self.lam, 0.0, 1.0)

    def rerank(self, offered: Offered, prior: Prior) -> Codes:
        """See :meth:`Remedy.rerank`."""
        if offered.vectors is None:
            raise SettingError(f"{self} compares items by their vectors, and there are none.", hint="Give them texts.")
        order = np.empty(offered.items.shape, np.int64)
        for first in range(0, len(order), LINES):
            part = slice(first, first + LINES)
            order[part] = self._reranked(offered.of(part), offered.vectors)
        return order

    def _reranked(self, offered: Offered, vectors: Floats) -> Codes:
        worth = np.float32(1.0 - self.lam) * offered.relevance
        own = vectors[np.maximum(offered.items, 0)]
        lines = np.arange(len(worth))
        filling = Filling(offered)
        nearest = np.zeros_like(worth)
        for place in range(filling.places):
            chosen = filling.pick(worth - np.float32(self.lam) * nearest)
            beside = (own @ own[lines, chosen][:, :, None])[:, :, 0]
            nearest = np.maximum(nearest, beside) if place else beside
        return filling.order

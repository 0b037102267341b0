"""Scores that are weighted sums of features: what the usual fusions are, and what is learned beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.index.features import FEATURES
from evenshelf.learners.search.base import ItemSide, Pool

SHARPNESS = 8.0
"""Scores of fusions differ by tenths; logarithms of how likely items are wanted, by ones."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """A weighted sum of features, minus its greatest value for each query.

    Attributes
    ----------
    weights
        ``[F]``, of features that were centred and scaled if `centre` and `scale` say so.
    """

    weights: NDArray[np.float64]
    centre: NDArray[np.float64] | None = None
    scale: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> Weighted:
        """Weights by the name of a feature; others do not count."""
        return cls(np.array([weights.get(name, 0.0) for name in FEATURES]))

    @property
    def bytes(self) -> int:
        """See :class:`evenshelf.learners.search.base.Scorer`."""
        return int(self.weights.nbytes)

    def scores(self, pool: Pool, items: ItemSide) -> NDArray[np.float64]:
        """See :meth:`evenshelf.learners.search.base.Scorer.scores`."""
        columns = pool.features.astype(np.float64)
        if self.centre is not None and self.scale is not None:
            columns = (columns - self.centre) / self.scale
        return np.asarray(SHARPNESS * (columns @ self.weights))

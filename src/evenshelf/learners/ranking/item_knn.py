"""Item neighbourhoods: what was taken together with what a user has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from evenshelf.learners.ranking.base import Evidence, Floats, log_scores
from evenshelf.learners.ranking.counting import likeness, taken_together
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.remedies import Remedy, Stage
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """How much each item speaks for each other one.

    Attributes
    ----------
    matrix
        ``[I, I]``: row, an item of a history; column, one that may be shown.
    popularity
        ``[I]`` how often each item was taken.
    decay
        What an item says is multiplied by this for each step that it is back.
    """

    matrix: csr_array
    popularity: NDArray[np.int64]
    decay: float

    @property
    def bytes(self) -> int:
        """Of the matrix."""
        return int(self.matrix.data.nbytes + self.matrix.indices.nbytes + self.matrix.indptr.nbytes)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.learners.ranking.base.Ranker.scores`."""
        return log_scores((histories.weights(self.decay) @ self.matrix).toarray(), self.popularity)


def weighed(matrix: csr_array, evidence: Evidence, remedy: Remedy) -> csr_array:
    """What speaks for an item, times what the remedy says an example of it weighs.

    Counts of pairs are sums over examples of the item that is shown, so weighing these weighs its column.
    """
    weight = remedy.weight(evidence.prior)
    return matrix if weight is None else csr_array(matrix @ diags_array(weight), dtype=np.float32)


def fit_item_knn(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Neighbourhoods:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`."""
    del seed
    histories = evidence.histories
    counts = taken_together(histories, user_weight=setting["user_weight"])
    matrix = likeness(counts, histories.counts.astype(np.float64), alpha=setting["alpha"], shrink=setting["shrink"])
    return Neighbourhoods(weighed(matrix, evidence, remedy), histories.counts, setting["decay"])


register(
    RankingLearner(
        name="item_knn",
        title="item neighbourhoods",
        summary="What was taken together with what a user has; counts, in seconds.",
        paper="Sarwar et al., WWW 2001; asymmetric cosine: Aiolli, RecSys 2013; shrinkage: Bell & Koren, ICDM 2007",
        fit=fit_item_knn,
        stages=(Stage.WEIGHT,),
        grid={
            "alpha": (0.5, 0.3, 0.7),
            "shrink": (5.0, 0.0, 20.0),
            "user_weight": (0.5, 0.0, 1.0),
            "decay": (0.5, 0.8, 1.0),
        },
    )
)

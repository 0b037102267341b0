"""What items say for each other, and what a remedy and the popularity of items add to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from evenshelf.learners.ranking.base import Evidence, Floats, bytes_of, log_scores, popularity_of
from evenshelf.remedies import Remedy
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """How much each item speaks for each other one.

    Attributes
    ----------
    matrix
        ``[I, I]``: row, an item of a history; column, one that may be shown.
    popularity
        ``[I]`` for whom nothing speaks for anything; see :func:`popularity_of`.
    decay
        What an item says is multiplied by this for each step that it is back.
    """

    matrix: csr_array
    popularity: NDArray[np.float64]
    decay: float

    @property
    def bytes(self) -> int:
        """Of the matrix."""
        return bytes_of(self.matrix)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.learners.ranking.base.Ranker.scores`."""
        return log_scores((histories.weights(self.decay) @ self.matrix).toarray(), self.popularity)


def neighbourhoods(matrix: csr_array, evidence: Evidence, remedy: Remedy, decay: float) -> Neighbourhoods:
    """Neighbourhoods from a likeness, in which examples weigh what a remedy says.

    Counts of pairs are sums over examples of the item that is shown, so weighing these weighs its column.
    """
    weight = remedy.weight(evidence.prior)
    if weight is not None:
        matrix = csr_array(matrix @ diags_array(weight), dtype=np.float32)
    return Neighbourhoods(matrix, popularity_of(evidence, remedy), decay)

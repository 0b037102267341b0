"""What items say for each other, and what a remedy and the popularity of items add to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from evenshelf.learners.ranking.base import Evidence, Floats, bytes_of, popularity_of
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
        """See :meth:`evenshelf.learners.ranking.base.Ranker.scores`; bit for bit those of `log_scores`."""
        said = histories.weights(self.decay) @ self.matrix
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
        """``[I]`` what `log_scores` adds to each score, and what it gives where nothing speaks for an item.

        Of many items few are spoken for: what is the same for all users is worked out once.
        """
        traces = 1e-6 * (self.popularity / self.popularity.sum())
        return traces, np.log(traces).astype(np.float32)


def neighbourhoods(matrix: csr_array, evidence: Evidence, remedy: Remedy, decay: float) -> Neighbourhoods:
    """Neighbourhoods from a likeness, in which examples weigh what a remedy says.

    Counts of pairs are sums over examples of the item that is shown, so weighing these weighs its column.
    """
    weight = remedy.weight(evidence.prior)
    if weight is not None:
        matrix = csr_array(matrix @ diags_array(weight), dtype=np.float32)
    return Neighbourhoods(matrix, popularity_of(evidence, remedy), decay)

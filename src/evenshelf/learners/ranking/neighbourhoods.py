"""Neighbourhoods from what was counted, and what a remedy and the popularity of items add to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_array, diags_array

from evenshelf.learners.ranking.base import Evidence, popularity_of
from evenshelf.learners.ranking.counting import likeness
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import Remedy
from evenshelf.tasks.histories import Histories

WINDOW_GRID: Mapping[str, tuple[float, ...]] = {
    "alpha": (0.3, 0.5, 0.0),
    "shrink": (10.0, 5.0, 20.0),
    "gap_decay": (0.65, 0.8),
    "user_weight": (0.25, 0.5),
    "decay": (0.5, 0.8),
}
"""What is tuned of a fit by :func:`in_window`."""


class CountsInWindow(Protocol):
    """Counts pairs of steps that are not far apart."""

    def __call__(self, histories: Histories, *, user_weight: float, decay: float) -> csr_array:
        """See :func:`evenshelf.learners.ranking.counting.taken_near`."""


def in_window(count: CountsInWindow, evidence: Evidence, remedy: Remedy, setting: Mapping[str, Any]) -> Neighbourhoods:
    """Neighbourhoods of items that were taken not many steps from each other.

    Parameters
    ----------
    count
        Which pairs count, and how much.
    setting
        Values of :data:`WINDOW_GRID`.
    """
    counts = count(evidence.histories, user_weight=setting["user_weight"], decay=setting["gap_decay"])
    return of_counts(counts, evidence, remedy, setting)


def of_counts(counts: csr_array, evidence: Evidence, remedy: Remedy, setting: Mapping[str, Any]) -> Neighbourhoods:
    """Neighbourhoods from counts ``[I, I]``, with ``alpha``, ``shrink`` and ``decay`` of a setting."""
    taken = evidence.histories.counts.astype(np.float64)
    matrix = likeness(counts, taken, alpha=setting["alpha"], shrink=setting["shrink"])
    return neighbourhoods(matrix, evidence, remedy, setting["decay"])


def neighbourhoods(matrix: csr_array, evidence: Evidence, remedy: Remedy, decay: float) -> Neighbourhoods:
    """Neighbourhoods from a likeness, in which examples weigh what a remedy says.

    Counts of pairs are sums over examples of the item that is shown, so weighing these weighs its column.
    """
    weight = remedy.weight(evidence.prior)
    if weight is not None:
        matrix = csr_array(matrix @ diags_array(weight), dtype=np.float32)
    return Neighbourhoods(matrix, popularity_of(evidence, remedy), decay)

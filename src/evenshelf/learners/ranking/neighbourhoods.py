"""Neighbourhoods from what was counted, and what a remedy and the popularity of items add to it."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, diags_array

from evenshelf.learners.ranking.base import Evidence, popularity_of
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import Remedy


def neighbourhoods(matrix: csr_array, evidence: Evidence, remedy: Remedy, decay: float) -> Neighbourhoods:
    """Neighbourhoods from a likeness, in which examples weigh what a remedy says.

    Counts of pairs are sums over examples of the item that is shown, so weighing these weighs its column.
    """
    weight = remedy.weight(evidence.prior)
    if weight is not None:
        matrix = csr_array(matrix @ diags_array(weight), dtype=np.float32)
    return Neighbourhoods(matrix, popularity_of(evidence, remedy), decay)

"""What is said of items whoever asks, counted: one part of what a learned blend chooses by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.ranking.base import Evidence, needed_texts
from evenshelf.learners.ranking.item_texts import nearest
from evenshelf.learners.ranking.sources import NEAR
from evenshelf.rankers.candidates import Traits, rarer_half
from evenshelf.rankers.lately import Lately


def traits_of(evidence: Evidence) -> Traits:
    """Traits of all items, counted in all histories."""
    histories, facts = evidence.histories, evidence.facts
    counts = histories.counts
    popularity = np.log1p(counts).astype(np.float32)
    columns: list[NDArray[np.floating]] = []
    if facts.has_texts:
        near = nearest(needed_texts(evidence, "blend"), NEAR)
        lenders = np.log1p(np.asarray(near.sum(axis=0)).ravel())
        columns += [near @ popularity, np.log1p(near @ counts.astype(np.float64)), lenders]
    if evidence.repeats:
        first = np.asarray((histories.weights() != 0).sum(axis=0)).ravel()
        columns.append((counts - first + 0.1) / (counts + 1.0))
    table = np.stack(columns, axis=1) if columns else np.empty((len(counts), 0))
    return Traits(
        popularity,
        rarer_half(counts),
        table.astype(np.float32),
        facts.category,
        Lately.of(histories),
    )

"""Nearness with counts on loan: items with similar texts lend rare ones what they were seen with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evenshelf.learners.ranking.base import Evidence, needed_texts
from evenshelf.learners.ranking.counting import lent, likeness, strongest, taken_near
from evenshelf.learners.ranking.item_texts import nearest
from evenshelf.learners.ranking.neighbourhoods import neighbourhoods
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.learners.ranking.sources import PAIRS
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import Remedy, Stage


def fit_lent(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Neighbourhoods:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

    Raises
    ------
    InputError
        If nothing is known of what items are called.
    """
    del seed
    histories = evidence.histories
    near = nearest(needed_texts(evidence, "lent"), setting["lenders"])
    counts, taken = lent(taken_near(histories), histories.counts.astype(np.float64), near, setting["share"])
    matrix = strongest(likeness(counts, taken, alpha=setting["alpha"], shrink=setting["shrink"]), PAIRS)
    return neighbourhoods(matrix, evidence, remedy, setting["decay"])


register(
    RankingLearner(
        name="lent",
        title="nearness with counts lent by text",
        summary="What was taken a few steps before or after; rare items borrow from those with similar texts.",
        paper="evenshelf; kin: similarity-based smoothing of co-occurrence, Dagan et al., Machine Learning 34, 1999",
        fit=fit_lent,
        stages=(Stage.WEIGHT,),
        grid={
            "share": (0.5, 0.25, 1.0),
            "lenders": (50, 20),
            "alpha": (0.3, 0.5),
            "shrink": (10.0, 5.0),
            "decay": (0.5, 0.8),
        },
        needs=("texts",),
        cost=10.0,
    )
)

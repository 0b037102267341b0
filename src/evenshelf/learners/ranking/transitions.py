"""Transitions: what was taken after what a user has. It reads which of two steps came first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.counting import likeness, taken_after
from evenshelf.learners.ranking.neighbourhoods import neighbourhoods
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import Remedy, Stage


def fit_transitions(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Neighbourhoods:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`."""
    del seed
    histories = evidence.histories
    counts = taken_after(histories, user_weight=setting["user_weight"], decay=setting["gap_decay"])
    matrix = likeness(counts, histories.counts.astype(np.float64), alpha=setting["alpha"], shrink=setting["shrink"])
    return neighbourhoods(matrix, evidence, remedy, setting["decay"])


register(
    RankingLearner(
        name="transitions",
        title="transitions",
        summary="What was taken after what a user has, the sooner the more; reads the order of steps.",
        paper="evenshelf; kin: Markov chains, Rendle et al., WWW 2010; sequential rules, Ludewig & Jannach, UMUAI 2018",
        fit=fit_transitions,
        stages=(Stage.WEIGHT,),
        grid={
            "alpha": (0.3, 0.5, 0.0),
            "shrink": (10.0, 5.0, 20.0),
            "gap_decay": (0.65, 0.8),
            "user_weight": (0.25, 0.5),
            "decay": (0.5, 0.8),
        },
        directed=True,
    )
)

"""What has been popular of late, the same for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evenshelf.errors import InputError
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.popularity import Popularity
from evenshelf.remedies import Remedy, Stage

DAY = 86_400


def fit_recent(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Popularity:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

    A step counts ``.5 ** (age / half life)``; its age is that at the latest step of all.

    Raises
    ------
    InputError
        If it is not known when steps were.
    """
    del seed
    histories = evidence.histories
    if histories.time is None:
        raise InputError(
            "What has been popular of late cannot be told: these histories have no times.",
            hint="Give a column of times, or use the learner popular.",
        )
    age = (histories.time.max(initial=0) - histories.time) / (DAY * float(setting["half_life"]))
    counts = np.bincount(histories.item, weights=0.5**age, minlength=len(histories.items)).astype(np.float64)
    weight = remedy.weight(evidence.prior)
    return Popularity.of((counts + 0.5) * (1.0 if weight is None else weight.astype(np.float64)))


register(
    RankingLearner(
        name="recent",
        title="recent popularity",
        summary="What was taken most often of late, the same for all; a step loses half of its count in some days.",
        paper="kin: Ji et al., A Re-visit of the Popularity Baseline in Recommender Systems, SIGIR 2020",
        fit=fit_recent,
        stages=(Stage.WEIGHT,),
        grid={"half_life": (30.0, 7.0, 90.0, 365.0)},
        needs=("times",),
        cost=0.1,
    )
)

"""What is popular, the same for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenshelf.learners.ranking.base import Evidence, popularity_of
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.popularity import Popularity
from evenshelf.remedies import Remedy, Stage


def fit_popular(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Popularity:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`."""
    del setting, seed
    return Popularity.of(popularity_of(evidence, remedy))


register(
    RankingLearner(
        name="popular",
        title="popularity",
        summary="What was taken most often, the same for all.",
        paper="the usual baseline",
        fit=fit_popular,
        stages=(Stage.WEIGHT,),
        cost=0.1,
        repeats=True,  # the yardstick that knows nothing of a user
    )
)

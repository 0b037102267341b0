"""Item neighbourhoods: what was taken together with what a user has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.counting import taken_together
from evenshelf.learners.ranking.neighbourhoods import of_counts
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import Remedy, Stage


def fit_item_knn(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Neighbourhoods:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

    ``alpha`` .5 is the cosine of two items, 0 the share of those who took the item of the history and took the other as
    well, 1 the reverse.
    """
    del seed
    counts = taken_together(evidence.histories, user_weight=setting["user_weight"])
    return of_counts(counts, evidence, remedy, setting)


register(
    RankingLearner(
        name="item_knn",
        title="item neighbourhoods",
        summary="What was taken together with what a user has; counts, in seconds.",
        paper="Sarwar et al., WWW 2001; asymmetric cosine: Aiolli, RecSys 2013; shrinkage: Bell & Koren, ICDM 2007",
        fit=fit_item_knn,
        stages=(Stage.WEIGHT,),
        grid={
            "alpha": (0.5, 0.0, 0.3, 0.7, 1.0),
            "shrink": (5.0, 0.0, 20.0),
            "user_weight": (0.5, 0.0, 1.0),
            "decay": (0.5, 0.8, 1.0),
        },
    )
)

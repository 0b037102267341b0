"""What is popular in the categories that a user comes from: popularity by segment, where items have categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evenshelf.errors import InputError
from evenshelf.learners.ranking.base import Evidence, popularity_of
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.category_popularity import CategoryPopularity
from evenshelf.remedies import Remedy, Stage


def fit_popular_by_category(
    evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int
) -> CategoryPopularity:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

    Examples weigh in how popular items are; how much is of a category is counted plainly, so that a weight multiplies
    what is said of an item.

    Raises
    ------
    InputError
        If no item has a category.
    """
    del seed
    given = evidence.facts.category
    if given is None or not evidence.facts.has_categories:
        raise InputError(
            "What is popular in a category cannot be told: no item has one.",
            hint="Give items a column of categories, or use the learner popular.",
        )
    codes, place = np.unique(given[given >= 0], return_inverse=True)
    category = np.full(len(given), -1, np.int64)
    category[given >= 0] = place.reshape(-1)
    plain = popularity_of(evidence)
    taken = np.bincount(category[category >= 0], plain[category >= 0], minlength=len(codes))
    return CategoryPopularity(
        popularity_of(evidence, remedy), category, taken / plain.sum(), setting["overall"], setting["decay"]
    )


register(
    RankingLearner(
        name="popular_by_category",
        title="popularity by category",
        summary="What was taken most often in the categories that a user comes from, and a little of what is overall.",
        paper="the usual baseline, by segment; interpolation: Jelinek & Mercer, Pattern Recognition in Practice, 1980",
        fit=fit_popular_by_category,
        stages=(Stage.WEIGHT,),
        grid={"overall": (0.3, 0.1, 0.6), "decay": (0.5, 0.8, 1.0)},
        needs=("categories",),
        cost=0.1,
    )
)

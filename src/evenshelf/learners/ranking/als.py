"""Alternating least squares on what was taken, of the package implicit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags_array
from threadpoolctl import threadpool_limits

from evenshelf.learners.ranking.base import Evidence, popularity_of
from evenshelf.learners.ranking.factors import implicit_module, solver_of
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.factors import Factors
from evenshelf.remedies import Remedy, Stage


def fit_als(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Factors:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

    What a step weighs is its confidence, so weights of examples multiply that. Users are folded in by their histories,
    those of the fit as well.

    Raises
    ------
    MissingExtraError
        If the package implicit is not installed.
    """
    module = implicit_module("als", "The learner als")
    histories, confidence = evidence.histories, float(setting["confidence"])
    took = histories.weights()
    weight = remedy.weight(evidence.prior)
    if weight is not None:
        took = took @ diags_array(weight)
    # the package means 1 + confidence by a value, and leaves the 1 to whoever calls
    value = csr_matrix(took * confidence, dtype=np.float32)
    value.data += 1.0
    with threadpool_limits(1, "blas"):  # it has threads of its own, and asks for that
        model = module.AlternatingLeastSquares(
            factors=min(int(setting["factors"]), len(histories.items)),
            regularization=float(setting["penalty"]),
            alpha=1.0,
            iterations=ITERATIONS,
            random_state=seed,
        )
        model.fit(value, show_progress=False)
    items = np.ascontiguousarray(model.item_factors, np.float32)
    solver = solver_of(items, float(setting["penalty"]))
    return Factors(items, solver, confidence, popularity_of(evidence, remedy), setting["decay"])


ITERATIONS = 10

register(
    RankingLearner(
        name="als",
        title="implicit ALS",
        summary="Users and items as short vectors, by alternating least squares on what was taken.",
        paper="Hu, Koren & Volinsky, Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008",
        fit=fit_als,
        stages=(Stage.WEIGHT,),
        grid={
            "factors": (384, 128),
            "confidence": (60.0, 20.0, 5.0),
            "penalty": (30.0, 10.0, 1.0),
            "decay": (0.5, 0.8, 1.0),
        },
        cost=60.0,
    )
)

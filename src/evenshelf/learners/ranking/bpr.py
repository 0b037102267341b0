"""Bayesian personalised ranking, of the package implicit: what was taken before what was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.factors import implicit_module
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.factors import Ordered, mean_vectors
from evenshelf.remedies import Remedy

ITERATIONS = 100
RIDGE = 1.0


def fit_bpr(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Ordered:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

    The vector of a user is learned with the items'. So that users whom the fit has not seen, or who went on since, are
    answered alike, a user is afterwards what a linear function, fitted by ridge regression on all users, makes of the
    mean vector of the history. One thread, as several would write over each other's steps in no fixed order.

    Raises
    ------
    MissingExtraError
        If the package implicit is not installed.
    """
    del remedy
    module = implicit_module("bpr", "The learner bpr")
    histories = evidence.histories
    took = histories.weights()
    model = module.BayesianPersonalizedRanking(
        factors=min(int(setting["factors"]), len(histories.items)),
        learning_rate=float(setting["rate"]),
        regularization=float(setting["penalty"]),
        iterations=ITERATIONS,
        num_threads=1,
        random_state=seed,
    )
    model.fit(csr_matrix(took), show_progress=False)
    items = np.ascontiguousarray(model.item_factors, np.float32)
    known = histories.lengths > 0
    mean = mean_vectors(histories.weights(setting["decay"])[known], items).astype(np.float64)
    gram = mean.T @ mean + RIDGE * np.eye(mean.shape[1])
    fold = np.linalg.solve(gram, mean.T @ np.asarray(model.user_factors)[known]).astype(np.float32)
    return Ordered(items, fold, setting["decay"])


register(
    RankingLearner(
        name="bpr",
        title="BPR",
        summary="Users and items as short vectors, learned from pairs of what was taken and what was not.",
        paper="Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009",
        fit=fit_bpr,
        grid={
            "factors": (128, 64),
            "rate": (0.05, 0.02),
            "penalty": (0.01, 0.002, 0.05),
            "decay": (0.8, 0.5, 1.0),
        },
        cost=100.0,
    )
)

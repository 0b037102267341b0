"""All features, each with a weight, by a listwise loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize

from evenshelf.index.features import FEATURES
from evenshelf.learners.search.base import UNJUDGED_WEIGHT, Evidence, Pairs, learned_from
from evenshelf.learners.search.registry import SearchLearner, register
from evenshelf.learners.search.weighing import SHARPNESS, Weighted
from evenshelf.remedies import Remedy, Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_USUAL = FEATURES.index("usual")


def fit_linear(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Weighted:
    """Minimise the cross entropy of grades and of what scores say of the candidates of each query (ListNet).

    Weights are drawn to those by which the usual score alone counts.
    """
    pairs = learned_from(evidence.pool, unjudged_weight=float(setting["unjudged"]))
    columns = pairs.pool.features.astype(np.float64)
    centre, scale = columns.mean(axis=0), columns.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    start = np.zeros(len(FEATURES))
    start[_USUAL] = scale[_USUAL]
    weights = _minimised(pairs, (columns - centre) / scale, start, float(setting["penalty"]))
    return Weighted(weights, centre, scale)


def _minimised(pairs: Pairs, columns: Floats, start: Floats, penalty: float) -> Floats:
    pool = pairs.pool
    first, query = pool.start[:-1], pool.query
    gain = pairs.grade.astype(np.float64)
    share = gain / np.add.reduceat(gain, first)[query]
    each = (pool.count / pool.count.sum()).astype(np.float64)[query]
    seen = pairs.weight.astype(np.float64)

    def value(weights: Floats) -> tuple[float, Floats]:
        score = SHARPNESS * (columns @ weights)
        score = score - np.maximum.reduceat(score, first)[query]
        mass = seen * np.exp(score)
        whole = np.add.reduceat(mass, first)[query]
        loss = float((each * share * (np.log(whole) - score)).sum())
        slope = each * (mass / whole - share)
        away = weights - start
        return loss + penalty * float(away @ away), SHARPNESS * (columns.T @ slope) + 2 * penalty * away

    found = minimize(value, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return np.asarray(found.x, np.float64)


register(
    SearchLearner(
        "linear",
        "a linear model of all features",
        "A weight for each of fifteen features, by a listwise loss.",
        "Cao et al., ICML 2007; Bruch et al., ICTIR 2019",
        fit_linear,
        stages=(Stage.EVIDENCE, Stage.WEIGHT, Stage.TEXTS),
        grid={"penalty": (1.0, 10.0, 0.1), "unjudged": (1.0, UNJUDGED_WEIGHT)},
        cost=1.5,
    )
)

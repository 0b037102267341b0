"""How much words, coverage and vectors count, learned from judgements: three weights, held to those that are usual.

Shops judge tens of queries, not thousands. A model of many features learns those queries by heart; three weights that
start from what is usual, and leave it only as far as the judgements insist, do not (measured, decision 24).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from evenshelf.errors import InputError
from evenshelf.index import Ranking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from evenshelf.index import SearchEngine

    Floats = NDArray[np.float64]

_SHARPNESS = 8.0
"""Differences of scores are of tenths; the logistic function is of ones."""
_UNJUDGED = 100
"""Items that the usual weights put first and nobody judged, which count as not relevant, a little."""
_UNJUDGED_WEIGHT = 0.05


@dataclass(frozen=True, eq=False)
class Judged:
    """One query with what is known of the items for it.

    Attributes
    ----------
    signals
        ``[n, 3]``, see :func:`evenshelf.index.ranking.signals`.
    grades
        ``[n]``, 0 where nobody judged.
    weights
        ``[n]``, what a pair with the item counts.
    """

    signals: Floats
    grades: Floats
    weights: Floats


def learn_ranking(
    engine: SearchEngine,
    judgements: Mapping[str, Mapping[str, float]],
    *,
    start: Ranking | None = None,
    penalty: float = 0.3,
) -> Ranking:
    """Learn the weights of a convex fusion.

    They are those of all scripts: what coverage counts more in scripts without spaces is of the search itself
    (:meth:`~evenshelf.index.ranking.Ranking.in_pieces`), and learned from as it is searched with.

    A pairwise logistic loss over the items of each query (RankNet, Burges et al., ICML 2005), pairs weighted by how far
    their grades differ, each query counting the same; the weights are drawn to those of `start`.

    Parameters
    ----------
    engine
        The index.
    judgements
        For each query the grades of items, of which unknown ones are left out.
    start
        Settings to start from; None: the usual ones. All but the weights stay.
    penalty
        How much it costs to leave them, at least 0.

    Returns
    -------
    Ranking
        `start` with other weights.

    Raises
    ------
    InputError
        If no query has two items of which one is better.
    """
    ranking = Ranking() if start is None else start
    known = set(engine.items()["item_id"])
    queries = [
        _judged(engine, query, {item: grade for item, grade in grades.items() if item in known}, ranking)
        for query, grades in judgements.items()
    ]
    told = [pairs for query in queries if query is not None and len((pairs := _pairs(query))[1])]
    if not told:
        raise InputError(
            "No query has items that are told to be better than others, so there is nothing to learn an order from.",
            hint="Judge some items of a query as relevant and others as not.",
        )
    usual = _weights_of(ranking)
    found = minimize(_loss(told, usual, penalty), usual, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * 3)
    return _ranking_of(found.x, ranking)


def _judged(engine: SearchEngine, query: str, grades: Mapping[str, float], ranking: Ranking) -> Judged | None:
    if len(set(grades.values())) < 2 and not any(grades.values()):
        return None
    ids, signals, trust = engine.signals(query, list(grades), ranking=ranking)
    kept, unjudged = [], 0
    for place, item in enumerate(ids):
        unjudged += item not in grades
        if item in grades or unjudged <= _UNJUDGED:
            kept.append(place)
    scaled = signals[kept].astype(np.float64)
    # Where vectors are not trusted they are not listened to, whatever is learned elsewhere.
    scaled[:, 2] *= trust
    return Judged(
        scaled,
        np.array([grades.get(ids[i], 0.0) for i in kept]),
        np.array([1.0 if ids[i] in grades else _UNJUDGED_WEIGHT for i in kept]),
    )


def _loss(told: list[tuple[Floats, Floats]], usual: Floats, penalty: float) -> Callable[[Floats], tuple[float, Floats]]:
    def value(weights: Floats) -> tuple[float, Floats]:
        total, gradient = 0.0, np.zeros(3)
        for difference, weight in told:
            margin = _SHARPNESS * (difference @ weights)
            total += float(weight @ np.logaddexp(0.0, -margin))
            gradient -= _SHARPNESS * (difference.T @ (weight / (1.0 + np.exp(np.minimum(margin, 500.0)))))
        away = weights - usual
        return total / len(told) + penalty * float(away @ away), gradient / len(told) + 2 * penalty * away

    return value


def _pairs(query: Judged) -> tuple[Floats, Floats]:
    """``[p, 3]`` by how much signals of the better item exceed those of the worse, ``[p]`` weights that sum to 1."""
    better, worse = np.nonzero(query.grades[:, None] > query.grades[None, :])
    apart = query.grades[better] - query.grades[worse]
    weight = apart * query.weights[better] * query.weights[worse]
    total = float(weight.sum())
    return query.signals[better] - query.signals[worse], weight / total if total > 0 else weight[:0]


def _weights_of(ranking: Ranking) -> Floats:
    words, covered = 1 - ranking.dense_weight, ranking.coverage_weight
    return np.array([words * (1 - covered), words * covered, ranking.dense_weight])


def _ranking_of(weights: Floats, ranking: Ranking) -> Ranking:
    share, coverage, vectors = weights.tolist()
    words = share + coverage
    if words + vectors <= 0:
        return ranking
    return replace(
        ranking,
        dense_weight=vectors / (words + vectors),
        coverage_weight=coverage / words if words > 0 else 0.0,
    )

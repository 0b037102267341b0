"""How much words, coverage and vectors count, learned from judgements: three weights, held to those that are usual.

Shops judge tens of queries, not thousands. A model of many features learns those queries by heart; three weights that
start from what is usual, and leave it only as far as the judgements insist, do not (measured, decision 24).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize

from evenshelf.errors import InputError
from evenshelf.index import Ranking
from evenshelf.index.features import FEATURES, SIGNALS
from evenshelf.learners.search.base import UNJUDGED_WEIGHT, Evidence, Pairs, Pool, learned_from
from evenshelf.learners.search.registry import SearchLearner, register
from evenshelf.learners.search.weighing import SHARPNESS, Weighted
from evenshelf.remedies import Remedy, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evenshelf.index import SearchEngine

    Floats = NDArray[np.float64]

_SIGNALS = [FEATURES.index(name) for name in SIGNALS]
_MOST_PAIRS, _ALL_PAIRS = 4000, 2_000_000
"""Of a query, and about so many of all; more say the same once more."""
PENALTY = 0.3


def learn_ranking(
    engine: SearchEngine,
    judgements: Mapping[str, Mapping[str, float]],
    *,
    start: Ranking | None = None,
    penalty: float = PENALTY,
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
    told = {
        query: {item: grade for item, grade in grades.items() if item in known} for query, grades in judgements.items()
    }
    pools = [_pool(engine, query, grades, ranking) for query, grades in told.items() if any(grades.values())]
    if not pools:
        raise _nothing_to_learn()
    return _ranking_of(learn_weights(learned_from(Pool.together(pools)), _weights_of(ranking), penalty), ranking)


def learn_weights(pairs: Pairs, usual: Floats, penalty: float, *, seed: int = 0) -> Floats:
    """``[3]`` weights of :data:`evenshelf.index.features.SIGNALS`, none below 0.

    Parameters
    ----------
    pairs
        What is learned from; queries weigh what they count.
    usual
        ``[3]`` weights to which they are drawn.
    penalty
        How much it costs to leave these, at least 0.
    seed
        Of the pairs that are looked at where a query has very many.

    Raises
    ------
    InputError
        If no query has items of different grades.
    """
    rng = np.random.default_rng(seed)
    pool, signals = pairs.pool, pairs.pool.features[:, _SIGNALS].astype(np.float64)
    differences, weights = [], []
    most = min(_MOST_PAIRS, max(1, _ALL_PAIRS // max(len(pool), 1)))
    for number in range(len(pool)):
        rows = slice(int(pool.start[number]), int(pool.start[number + 1]))
        difference, weight = _pairs(signals[rows], pairs.grade[rows], pairs.weight[rows], most, rng)
        differences.append(difference)
        weights.append(weight * pool.count[number])
    difference, weight = np.concatenate(differences), np.concatenate(weights)
    total = float(weight.sum())
    if total <= 0:
        raise _nothing_to_learn()
    found = minimize(
        _loss(difference, weight / total, usual, penalty), usual, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * 3
    )
    return np.asarray(found.x, np.float64)


def usual_weights() -> Floats:
    """``[3]`` what the usual fusion weighs."""
    return _weights_of(Ranking())


def fit_convex(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Weighted:
    """Learn three weights; see :func:`learn_weights`."""
    pairs = learned_from(evidence.pool, unjudged_weight=float(setting["unjudged"]))
    weights = learn_weights(pairs, usual_weights(), float(setting["penalty"]), seed=seed)
    return Weighted.of(dict(zip(SIGNALS, weights.tolist(), strict=True)))


def _nothing_to_learn() -> InputError:
    return InputError(
        "No query has items of different grades, so there is nothing to learn an order from.",
        hint="Judge some items of a query as relevant and others as not.",
    )


def _pool(engine: SearchEngine, query: str, grades: Mapping[str, float], ranking: Ranking) -> Pool:
    found = engine.pool(query, list(grades), ranking=ranking)
    return Pool(
        queries=np.array([query]),
        vectors=np.zeros((1, 0), np.float32),
        count=np.ones(1, np.float32),
        start=np.array([0, len(found.ids)]),
        item=np.zeros(len(found.ids), np.int64),
        features=found.features,
        found=found.found,
        grade=np.array([grades.get(item, np.nan) for item in found.ids], np.float32),
        clicked=np.zeros((len(found.ids), 3), np.float32),
    )


def _loss(
    difference: Floats, weight: Floats, usual: Floats, penalty: float
) -> Callable[[Floats], tuple[float, Floats]]:
    def value(weights: Floats) -> tuple[float, Floats]:
        margin = SHARPNESS * (difference @ weights)
        gradient = -SHARPNESS * (difference.T @ (weight / (1.0 + np.exp(np.minimum(margin, 500.0)))))
        away = weights - usual
        total = float(weight @ np.logaddexp(0.0, -margin)) + penalty * float(away @ away)
        return total, gradient + 2 * penalty * away

    return value


def _pairs(
    signals: Floats, grade: NDArray[np.floating], weight: NDArray[np.floating], most: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """``[p, 3]`` by how much signals of the better item exceed those of the worse, ``[p]`` weights that sum to 1.

    Of more than `most` pairs so many are drawn.
    """
    better, worse = np.nonzero(grade[:, None] > grade[None, :])
    if len(better) > most:
        kept = np.sort(rng.choice(len(better), most, replace=False))
        better, worse = better[kept], worse[kept]
    each = (grade[better] - grade[worse]).astype(np.float64) * weight[better] * weight[worse]
    total = float(each.sum())
    return signals[better] - signals[worse], each / total if total > 0 else each


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


register(
    SearchLearner(
        "convex",
        "three learned weights",
        "How much words, coverage and vectors count, learned from judgements and held to what is usual.",
        "Burges et al., ICML 2005; Bruch, Gai & Ingber, ACM TOIS 42(1), 2023",
        fit_convex,
        stages=(Stage.EVIDENCE, Stage.WEIGHT, Stage.TEXTS),
        grid={"penalty": (PENALTY, 0.03, 3.0), "unjudged": (UNJUDGED_WEIGHT, 1.0)},
    )
)

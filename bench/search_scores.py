"""NDCG of rankings, query by query, and what it says of all queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

K = 10
REPLICATES = 2000


def dcg(grades: Sequence[float]) -> float:
    """Discounted gains of the first ten, linear (Järvelin & Kekäläinen, 2002)."""
    return float(sum(grade / np.log2(place + 2) for place, grade in enumerate(grades[:K])))


def ndcg(ranked: Sequence[str], grades: Mapping[str, float]) -> float:
    """NDCG@10; what is not judged counts as irrelevant."""
    return dcg([grades.get(item, 0.0) for item in ranked[:K]]) / dcg(sorted(grades.values(), reverse=True))


def judged_ndcg(scores: Mapping[str, float], grades: Mapping[str, float]) -> float:
    """NDCG@10 of the judged items alone, ranked by their scores; of equal ones the name that comes first."""
    ranked = sorted(grades, key=lambda item: (-scores[item], item))
    return ndcg(ranked, grades)


def judged_share(ranked: Sequence[str], grades: Mapping[str, float]) -> float:
    """Share of the first ten that is judged."""
    return sum(item in grades for item in ranked[:K]) / max(1, min(K, len(ranked)))


def interval(values: NDArray[np.float64], seed: int = 0) -> list[float]:
    """Mean over queries with the ends of its 95 % interval (a bootstrap over queries)."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(REPLICATES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return [float(values.mean()), float(low), float(high)]

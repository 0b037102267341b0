"""Rankings that nothing is learned for: what is popular, words, vectors, and both put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.search.base import Evidence, ItemSide, Pool
from evenshelf.learners.search.registry import SearchLearner, register
from evenshelf.learners.search.weighing import SHARPNESS, Weighted
from evenshelf.remedies import Remedy

_FAR = 10.0
_RRF = 60


@dataclass(frozen=True, eq=False)
class Popular:
    """What is popular of the items with a word of the query; those without one come last."""

    bytes: int = 0

    def scores(self, pool: Pool, items: ItemSide) -> NDArray[np.float64]:
        """See :meth:`evenshelf.learners.search.base.Scorer.scores`."""
        has = pool.column("words") > 0
        taken = np.log1p(items.count[pool.item]).astype(np.float64)
        return np.where(has, taken, -_FAR)


@dataclass(frozen=True, eq=False)
class Reciprocal:
    """Sums of reciprocal ranks by words and by vectors."""

    bytes: int = 0

    def scores(self, pool: Pool, items: ItemSide) -> NDArray[np.float64]:
        """See :meth:`evenshelf.learners.search.base.Scorer.scores`."""
        most = SHARPNESS * (_RRF + 1) / 2
        return most * (_reciprocal(pool, "words") + _reciprocal(pool, "cosine"))


def _reciprocal(pool: Pool, column: str) -> NDArray[np.float64]:
    values = pool.column(column)
    order = np.lexsort((-values, ~pool.found, pool.query))  # what no search finds takes no place
    place = np.empty(len(values))
    place[order] = np.arange(len(values)) - np.repeat(pool.start[:-1], np.diff(pool.start))
    return np.where(values > 0, 1.0 / (_RRF + 1.0 + place), 0.0)


def fit_popular(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Popular:
    """Show what is popular."""
    return Popular()


def fit_usual(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Weighted:
    """Rank as an index does that has seen no judgement."""
    return Weighted.of({"usual": 1.0})


def fit_words(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Weighted:
    """Rank by words alone."""
    return Weighted.of({"words_share": 1.0})


def fit_vectors(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Weighted:
    """Rank by vectors alone."""
    return Weighted.of({"cosine": 1.0})


def fit_rrf(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Reciprocal:
    """Rank by reciprocal ranks."""
    return Reciprocal()


register(
    SearchLearner(
        "popular",
        "what is popular",
        "Of the items with a word of the query, those that were taken most: what knows least.",
        "-",
        fit_popular,
    )
)
register(
    SearchLearner(
        "usual",
        "the usual fusion",
        "Words, coverage and vectors as an index weighs them that has seen no judgement.",
        "Bruch, Gai & Ingber, ACM TOIS 42(1), 2023",
        fit_usual,
    )
)
register(
    SearchLearner(
        "words",
        "words alone",
        "BM25 over titles, attributes and descriptions.",
        "Robertson & Zaragoza, Foundations and Trends in IR 3(4), 2009",
        fit_words,
    )
)
register(
    SearchLearner(
        "vectors",
        "vectors alone",
        "Cosines of a language model that was trained elsewhere.",
        "Reimers & Gurevych, EMNLP 2019",
        fit_vectors,
    )
)
register(
    SearchLearner(
        "rrf",
        "reciprocal rank fusion",
        "Words and vectors, by the places of items in both.",
        "Cormack, Clarke & Büttcher, SIGIR 2009",
        fit_rrf,
    )
)

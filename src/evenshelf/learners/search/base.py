"""What every learner of search is given: queries with candidates, and what is known of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.index.features import FEATURES
from evenshelf.learners.search.texts import Texts
from evenshelf.remedies import Prior

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

UNJUDGED_WEIGHT = 0.05
"""What a candidate that nobody judged weighs as one that is not relevant: pools of judgements are never complete.

Learners of a study may try others (``unjudged``): at 1 they learn what NDCG counts, for which what nobody judged is not
relevant, and with it what those who chose what to judge looked at.
"""


@dataclass(frozen=True, eq=False)
class Pool:
    """Queries, and candidates of each: what a search finds, and what was judged besides.

    Attributes
    ----------
    queries
        ``[Q]`` texts.
    vectors
        ``[Q, d]`` of the queries, of length 1 or 0.
    count
        ``[Q]`` how many examples each query stands for, at least 1.
    start
        ``[Q + 1]`` where the candidates of each query begin.
    item
        ``[n]`` codes of items, those of a query in the order of the usual fusion.
    features
        ``[n, F]``, see :data:`evenshelf.index.features.FEATURES`.
    found
        ``[n]`` whether the search finds the item, so that it may be shown.
    grade
        ``[n]`` how well the item answers, from 0 up; NaN where nobody judged.
    clicked
        ``[n, 3]`` how often the item was shown for the query, clicked, and looked at; 0 where clicks are not learned
        from.
    """

    queries: NDArray[np.str_]
    vectors: Floats
    count: Floats
    start: Codes
    item: Codes
    features: Floats
    found: NDArray[np.bool_]
    grade: Floats
    clicked: Floats

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def query(self) -> Codes:
        """``[n]`` query of each candidate."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def column(self, name: str) -> Floats:
        """``[n]`` one of the features."""
        return self.features[:, FEATURES.index(name)]

    def of(self, queries: Codes) -> Pool:
        """Return some of the queries, in the order given."""
        sizes = np.diff(self.start)[queries]
        start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        rows = np.arange(start[-1]) + np.repeat(self.start[queries] - start[:-1], sizes)
        return replace(
            self,
            queries=self.queries[queries],
            vectors=self.vectors[queries],
            count=self.count[queries],
            start=start,
            item=self.item[rows],
            features=self.features[rows],
            found=self.found[rows],
            grade=self.grade[rows],
            clicked=self.clicked[rows],
        )

    @classmethod
    def together(cls, parts: Sequence[Pool]) -> Pool:
        """Return the queries of several pools, at least one."""
        columns = ("queries", "vectors", "count", "item", "features", "found", "grade", "clicked")
        every = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
        sizes = np.concatenate([np.diff(part.start) for part in parts])
        return cls(**every, start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))

    def joined(self, more: Pool) -> Pool:
        """Return these queries and more."""
        return Pool.together([self, more])

    def weighed(self, weight: NDArray[np.floating]) -> Pool:
        """Return the same with other counts of queries."""
        return replace(self, count=np.asarray(self.count * weight, np.float32))


@dataclass(frozen=True, eq=False)
class ItemSide:
    """What is known of the items.

    Attributes
    ----------
    titles
        ``[I]`` what they are called.
    texts
        ``[I]`` what an encoder reads of them: the title, and the beginning of the description.
    vectors
        ``[I, d]`` of the titles, from the encoder of the queries, of length 1 or 0.
    count
        ``[I]`` how often each was taken, or answers a query that may be learned from.
    """

    titles: Texts
    texts: Texts
    vectors: Floats
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that a learner of search may look at.

    Attributes
    ----------
    pool
        Queries to learn from.
    items
        All items.
    made
        By the spec of a remedy that makes queries, these and their candidates.
    """

    pool: Pool
    items: ItemSide
    made: Mapping[str, Pool] = field(default_factory=dict)

    @property
    def prior(self) -> Prior:
        """How often each item was taken."""
        return Prior(self.items.count)

    @property
    def prior_of_queries(self) -> Prior:
        """How many examples each query stands for."""
        return Prior(np.ceil(self.pool.count).astype(np.int64))


class Scorer(Protocol):
    """Scores the candidates of any queries, which need not be those that were learned from."""

    @property
    def bytes(self) -> int:
        """Memory that it takes."""

    def scores(self, pool: Pool, items: ItemSide) -> NDArray[np.floating]:
        """``[n]`` scores of candidates: logarithms of something proportional to how likely an item is wanted."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """What an order is learned from: candidates, how well each answers, and what it counts.

    Attributes
    ----------
    grade
        ``[n]``, 0 where nobody judged.
    weight
        ``[n]`` in (0, 1], less where nobody judged.
    """

    pool: Pool
    grade: Floats
    weight: Floats


def learned_from(pool: Pool, *, unjudged: int = 100, unjudged_weight: float = UNJUDGED_WEIGHT) -> Pairs:
    """Return the queries of which some item answers better than another, with what is known of their candidates.

    Parameters
    ----------
    pool
        Queries.
    unjudged
        So many of the candidates that nobody judged, the first of each query, count as not relevant.
    unjudged_weight
        What each of these counts.

    Raises
    ------
    InputError
        If no query has an item that answers it.
    """
    judged = ~np.isnan(pool.grade)
    query = pool.query
    best = np.zeros(len(pool))
    np.maximum.at(best, query[judged], pool.grade[judged])
    # place of a candidate among those of its query that nobody judged
    before = np.cumsum(~judged) - ~judged
    place = before - before[np.minimum(pool.start[:-1], max(len(before) - 1, 0))][query] if len(query) else before
    kept = (best[query] > 0) & (judged | (pool.found & (place < unjudged)))
    queries = np.flatnonzero(best > 0)
    if not len(queries):
        raise InputError(
            "No query that is learned from has an item that answers it, so there is nothing to learn an order from.",
            hint="Judge some items of a query as relevant and others as not, or ask for fewer folds.",
        )
    counts = np.bincount(query[kept], minlength=len(pool))[queries]
    some = replace(
        pool,
        queries=pool.queries[queries],
        vectors=pool.vectors[queries],
        count=pool.count[queries],
        start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        item=pool.item[kept],
        features=pool.features[kept],
        found=pool.found[kept],
        grade=pool.grade[kept],
        clicked=pool.clicked[kept],
    )
    weight = np.where(judged[kept], 1.0, unjudged_weight).astype(np.float32)
    return Pairs(some, np.nan_to_num(some.grade), weight)

"""What rankings for queries are judged by in a study: over all queries, frequent and rare ones, and by kind of item.

A row is an item that answers a query; what it is worth (its gain) is its grade. NDCG of a query is the discounted sum
of the gains in the first places over the best such sum (Järvelin & Kekäläinen, ACM TOIS 20, 2002); gains are linear.

The mean over queries, each counting the same, is what decides: by how often they were asked, a few frequent queries
would. Both are told.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenshelf.tasks.list_measures import gain
from evenshelf.tasks.measures import Measures, Metric

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
K = 10
PARTS = ("head", "torso", "tail")
PARTS_OF_ITEMS = ("head", "torso", "tail", "cold")

_OF = {"head": "the most frequent", "torso": "neither the most nor the least frequent", "tail": "the least frequent"}
_OF_ITEMS = {**_OF, "cold": "never taken"}
_ALL = (
    Metric(
        "ndcg_at_10",
        "NDCG@10",
        "higher",
        "Whether the first ten hold what answers the query, the best first; every query counts the same.",
    ),
    *(
        Metric(f"{part}_ndcg_at_10", f"{part} NDCG@10", "higher", f"NDCG@10 of the queries that are {_OF[part]}.")
        for part in PARTS
    ),
    Metric(
        "traffic_ndcg_at_10",
        "traffic NDCG@10",
        "higher",
        "NDCG@10 of a query drawn by how frequent it is; frequent queries dominate it.",
    ),
    Metric("mrr", "MRR", "higher", "Mean over queries of one over the place of the first item that answers."),
    *(
        Metric(f"recall_at_{k}", f"recall@{k}", "higher", f"Share of the items that answer which the first {k} hold.")
        for k in (10, 50)
    ),
    *(
        Metric(
            f"{part}_items_ndcg_at_10",
            f"NDCG@10 of {part} items",
            "higher",
            f"The same if only items that are {_OF_ITEMS[part]} were wanted.",
        )
        for part in PARTS_OF_ITEMS
    ),
)

SEARCHES = Measures(
    name="searches",
    metrics={metric.name: metric for metric in _ALL},
    main="ndcg_at_10",
    head="head_ndcg_at_10",
    torso="torso_ndcg_at_10",
    tail="tail_ndcg_at_10",
    overall="traffic_ndcg_at_10",
    each="NDCG@10",
    guess="showing what is popular of the items with a word of the query",
    likelihood=False,
    zone=0.005,  # one query of two hundred from nothing to all, or all of them by a place among the last ones
)
"""Of answers that are rankings for queries."""

_BESIDE = (
    Metric(
        "judged_ndcg_at_10",
        "judged NDCG@10",
        "higher",
        "NDCG@10 of the judged items alone, in the order in which they are ranked: what nobody judged is left out.",
    ),
    Metric("judged_at_10", "judged@10", "higher", "Share of the first ten that somebody judged."),
    Metric("zero_results", "zero results", "lower", "Share of queries that find nothing."),
    Metric("coverage", "coverage", "higher", "Share of all items that some query shows among the first ten."),
    Metric("tail_items_shown", "tail items shown", "higher", "Share of the first ten that are tail or cold items."),
)
BESIDE = {metric.name: metric for metric in _BESIDE}
"""What is told of rankings besides, and is not a mean over queries with an item that answers."""


def ndcg_of_queries(rank: NDArray[np.floating], worth: NDArray[np.floating], query: Codes, queries: int) -> Floats:
    """``[queries]`` NDCG@10 of each; NaN of those without a row.

    Parameters
    ----------
    rank, worth, query
        ``[n]`` of each item that answers its place (from 0), its gain (> 0) and the code of its query.
    """
    found = np.bincount(query, worth * gain(rank, K), queries)
    order = np.lexsort((-worth, query))
    sizes = np.bincount(query, minlength=queries)
    place = np.arange(len(query)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    best = np.bincount(query[order], worth[order] * gain(place.astype(np.float64), K), queries)
    return np.where(best > 0, found / np.where(best > 0, best, 1.0), np.nan)


def search_measures(
    rank: NDArray[np.floating],
    worth: NDArray[np.floating],
    query: Codes,
    *,
    bucket: NDArray[np.str_],
    frequency: NDArray[np.floating],
    kind: NDArray[np.str_],
) -> dict[str, float]:
    """All of :data:`SEARCHES`.

    Parameters
    ----------
    rank, worth, query
        ``[n]``, see :func:`ndcg_of_queries`.
    bucket, frequency
        ``[Q]`` head, torso or tail, and how frequent each query is.
    kind
        ``[n]`` head, torso, tail or cold: what the item is.

    Returns
    -------
    A value for every metric; NaN where nothing is wanted.
    """
    found = dict.fromkeys(SEARCHES.metrics, float("nan"))
    if not len(rank):
        return found
    queries = len(bucket)
    each = ndcg_of_queries(rank, worth, query, queries)
    there = ~np.isnan(each)
    found["ndcg_at_10"] = float(each[there].mean())
    found["traffic_ndcg_at_10"] = float(np.average(each[there], weights=frequency[there]))
    for part in PARTS:
        own = there & (bucket == part)
        if own.any():
            found[f"{part}_ndcg_at_10"] = float(each[own].mean())
    sizes = np.bincount(query, minlength=queries)
    first = np.full(queries, np.inf)
    np.minimum.at(first, query, rank.astype(np.float64))
    found["mrr"] = float((1.0 / (first[there] + 1.0)).mean())
    for k in (10, 50):
        held = np.bincount(query, rank < k, queries)
        found[f"recall_at_{k}"] = float((held[there] / sizes[there]).mean())
    for part in PARTS_OF_ITEMS:
        own = kind == part
        if own.any():
            values = ndcg_of_queries(rank[own], worth[own], query[own], queries)
            found[f"{part}_items_ndcg_at_10"] = float(np.nanmean(values))
    return found

"""What rankings for queries are worth: query by query, and over queries and items that are frequent or rare.

Pools of judgements are never complete. So NDCG, in which what nobody judged counts as irrelevant, stands beside that of
the judged items alone (in the order in which they are ranked) and beside the share of the first places that was judged
at all (Sakai, SIGIR 2007). Gains are linear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.tasks.search import SearchTask

Floats = NDArray[np.float64]

K = 10
CUTS = (10, 50)
METRICS = ("ndcg_at_10", "judged_ndcg_at_10", "mrr", "recall_at_10", "recall_at_50", "judged_at_10", "zero_results")
"""Of each query, in order; of ``zero_results`` less is better."""
PARTS = ("head", "torso", "tail", "cold")
_REPLICATES = 2000


@dataclass(frozen=True, eq=False)
class Ranked:
    """What was ranked for each query.

    Attributes
    ----------
    lists
        ``[Q, L]`` codes of items, best first, -1 where there is none.
    scores
        ``[n]`` scores of the judged pairs of the task, by which they are ranked among themselves; they need not be in
        the lists.
    """

    lists: NDArray[np.int64]
    scores: Floats


def query_metrics(ranked: Ranked, task: SearchTask, items: NDArray[np.bool_] | None = None) -> dict[str, Floats]:
    """Every metric of every query.

    Parameters
    ----------
    ranked
        Lists of at least 50 places, or all there are.
    task
        The question.
    items
        ``[I]`` which items are wanted; the others count as not relevant, wherever they stand. None: all.

    Returns
    -------
    dict of numpy.ndarray
        ``[Q]`` by name of :data:`METRICS`; NaN where a query has no wanted item that answers it (and where the first
        ten are empty, for ``judged_at_10``); ``zero_results`` is of all queries.
    """
    queries, length = ranked.lists.shape
    wanted = np.ones(len(task.grade), bool) if items is None else items[task.item]
    grade = np.where(wanted, task.grade, 0.0)
    gains, judged = _laid_out(ranked.lists, task, grade)
    discounts = 1.0 / np.log2(np.arange(K) + 2.0)
    ideal = _sorted_dcg(task.query, grade, grade, queries)
    relevant = np.bincount(task.query, grade > 0, queries)
    there = ideal > 0
    known = np.where(there, ideal, np.nan)
    found: dict[str, Floats] = {
        "ndcg_at_10": (gains[:, :K] @ discounts[: gains.shape[1]]) / known,
        "judged_ndcg_at_10": _sorted_dcg(task.query, grade, ranked.scores, queries) / known,
    }
    hits = gains > 0
    first = np.where(hits.any(axis=1), hits.argmax(axis=1), np.inf)
    found["mrr"] = np.where(there, 1.0 / (first + 1.0), np.nan)
    for cut in CUTS:
        found[f"recall_at_{cut}"] = hits[:, :cut].sum(axis=1) / np.where(there, relevant, np.nan)
    shown = (ranked.lists[:, :K] >= 0).sum(axis=1)
    some = shown > 0
    found["judged_at_10"] = np.where(some, judged[:, :K].sum(axis=1) / np.where(some, shown, 1), np.nan)
    found["zero_results"] = (shown == 0).astype(np.float64) if length else np.ones(queries)
    return found


def search_table(ranked: Ranked, task: SearchTask, *, seed: int = 0) -> pl.DataFrame:
    """What rankings are worth, over all queries and over parts of them.

    Parameters
    ----------
    ranked, task
        As for :func:`query_metrics`.
    seed
        Of the bootstrap over queries.

    Returns
    -------
    pl.DataFrame
        ``over`` (``all``; ``queries``, ``items`` by how frequent they are; ``script``), ``part``, ``queries`` (how many
        have a value), ``metric``, ``value``, ``low`` and ``high`` (95 % interval).
    """
    every = query_metrics(ranked, task)
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, int, str, float, float, float]] = []

    def add(over: str, part: str, values: Mapping[str, Floats], some: NDArray[np.bool_]) -> None:
        # What was judged and what came back empty does not hang on which items are wanted.
        for metric in METRICS[:-2] if over == "items" else METRICS:
            own = values[metric][some]
            own = own[~np.isnan(own)]
            if len(own):
                means = own[rng.integers(len(own), size=(_REPLICATES, len(own)))].mean(axis=1)
                low, high = np.quantile(means, [0.025, 0.975])
                rows.append((over, part, len(own), metric, float(own.mean()), float(low), float(high)))

    add("all", "all", every, np.ones(len(task.queries), bool))
    for part in PARTS:
        add("queries", part, every, task.query_bucket == part)
    for part in PARTS:
        kept = task.item_bucket == part
        if kept.any():
            add("items", part, query_metrics(ranked, task, kept), np.ones(len(task.queries), bool))
    for script in sorted(set(task.script.tolist())):
        add("script", script, every, task.script == script)
    columns = ("over", "part", "queries", "metric", "value", "low", "high")
    return pl.DataFrame(rows, schema=columns, orient="row")


def _laid_out(lists: NDArray[np.int64], task: SearchTask, grade: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """``[Q, L]`` gains of what is listed, and whether it was judged."""
    size = len(task.items)
    pair = task.query * size + task.item
    order = np.argsort(pair)
    asked = np.arange(len(lists))[:, None] * size + lists
    at = np.minimum(np.searchsorted(pair[order], asked), len(pair) - 1)
    judged = (pair[order][at] == asked) & (lists >= 0)
    return np.where(judged, grade[order][at], 0.0), judged


def _sorted_dcg(query: NDArray[np.int64], grade: Floats, by: Floats, queries: int) -> Floats:
    """``[Q]`` discounted gains of the judged items of each query in the order of `by`; of equal ones as they came."""
    order = np.lexsort((-by, query))
    sizes = np.bincount(query, minlength=queries)
    place = np.arange(len(query)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    gain = np.where(place < K, grade[order] / np.log2(place + 2.0), 0.0)
    return np.asarray(np.bincount(query[order], gain, queries), np.float64)

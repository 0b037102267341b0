"""From scores of candidates and a remedy to rankings: scores changed, evidence of queries nearby, order of lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.search.base import Evidence, Pool
from evenshelf.remedies import Offered, Remedy, Retrieved, Stage
from evenshelf.tasks.top_items import place_of, top

LISTED = 50
"""Places that are looked at."""
CANDIDATES = 100
"""Items that a remedy re-ranks."""
_CELLS = 1 << 24
"""Scores of queries and items that are held at a time."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Answers:
    """What is shown for queries.

    Attributes
    ----------
    lists
        ``[Q, 50]`` codes of items, best first, -1 where there is none.
    rank
        ``[m]`` places, from 0, of the candidates that answer, in their order; infinity of those that are not shown.
    values
        ``[n]`` scores of all candidates, by which the judged ones are ranked among themselves.
    """

    lists: NDArray[np.int64]
    rank: NDArray[np.float64]
    values: Floats


def answers(scores: Floats, pool: Pool, remedies: Sequence[Remedy], evidence: Evidence, *, seed: int) -> list[Answers]:
    """Rankings under each of several remedies, of scores that were made once.

    Parameters
    ----------
    scores
        ``[n]`` of the candidates: logarithms of something proportional to how likely an item is wanted.
    pool
        The queries that are asked.
    remedies
        What changes scores and lists.
    evidence
        What was learned from.
    seed
        Of the order of items that score alike.
    """
    return [_answered(scores, pool, remedy, evidence, seed) for remedy in remedies]


def memory_of(remedy: Remedy, evidence: Evidence) -> Retrieved | None:
    """The memory of a remedy: vectors of the queries that were learned from, with the items that answer them."""
    if Stage.RETRIEVE not in remedy.stages:
        return None
    pool = evidence.pool
    rows = np.flatnonzero(pool.grade > 0)
    count = pool.grade[rows] * pool.count[pool.query[rows]]
    return remedy.retrieve(pool.vectors[pool.query[rows]], pool.item[rows], count, evidence.prior)


def _answered(scores: Floats, pool: Pool, remedy: Remedy, evidence: Evidence, seed: int) -> Answers:
    items, wanted = len(evidence.items.titles), np.flatnonzero(pool.grade > 0)
    memory, block = memory_of(remedy, evidence), max(1, _CELLS // max(items, 1))
    lists, values, ranks = [], np.empty(len(pool.item), np.float32), np.empty(len(wanted))
    for start in range(0, len(pool), block):
        queries = np.arange(start, min(start + block, len(pool)))
        first, last = pool.start[queries[0]], pool.start[queries[-1] + 1]
        line, item = pool.query[first:last] - start, pool.item[first:last]
        table = np.full((len(queries), items), -np.inf, np.float32)
        table[line, item] = scores[first:last]
        table = remedy.adjust(table, evidence.prior, np.ones(items, np.float32))
        shown = np.zeros(table.shape, bool)
        shown[line, item] = pool.found[first:last]
        judged, table = table, np.where(shown, table, np.float32(-np.inf))
        if memory is not None:
            votes = memory.look_up(pool.vectors[queries])
            # Apart: what no search finds would take of the say of the model, and so tell what was judged.
            judged, table = memory(judged, votes), memory(table, votes)
            shown |= votes.toarray() > 0
            table = np.where(shown, table, np.float32(-np.inf))
        values[first:last] = judged[line, item]
        own = np.flatnonzero((wanted >= first) & (wanted < last))
        at = wanted[own] - first
        found, ranks[own] = _listed(table, line[at], item[at], remedy, evidence, seed=seed)
        lists.append(found)
    every = np.concatenate(lists) if lists else np.full((0, LISTED), -1, np.int64)
    return Answers(every, ranks, values)


def _listed(
    table: Floats,
    line: NDArray[np.int64],
    item: NDArray[np.int64],
    remedy: Remedy,
    evidence: Evidence,
    *,
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rank = place_of(table, line, item, seed=seed)
    candidates = top(table, min(CANDIDATES, table.shape[1]), seed=seed)
    value = np.take_along_axis(table, np.maximum(candidates, 0), axis=1)
    value = np.where(candidates >= 0, value, -np.inf).astype(np.float32)
    offered = Offered(candidates, value, LISTED, evidence.items.vectors)
    order = remedy.rerank(offered, evidence.prior)
    if order is not None:
        place, among = np.argsort(order, axis=1), rank < candidates.shape[1]
        rank[among] = place[line[among], rank[among].astype(np.int64)]
        candidates = np.take_along_axis(candidates, order, axis=1)
    found = np.full((len(table), LISTED), -1, np.int64)
    found[:, : candidates.shape[1]] = candidates[:, :LISTED]
    return found, rank

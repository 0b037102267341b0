"""From scores of candidates and a remedy to rankings: scores changed, evidence of queries nearby, order of lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.learners.search.base import Evidence, Pool
from evenshelf.remedies import Offered, Remedy, Retrieved, Stage
from evenshelf.study.search.cells import HELD, Cells
from evenshelf.tasks.top_items import NO_ITEM

LISTED = 50
"""Places that are looked at."""
CANDIDATES = 100
"""Items that a remedy re-ranks."""

Codes = NDArray[np.int64]
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
    items, wanted = len(evidence.items.count), np.flatnonzero(pool.grade > 0)
    memory, block = memory_of(remedy, evidence), max(1, HELD // max(int(np.diff(pool.start).max(initial=0)), 1))
    values, rank, length = np.empty(len(pool.item), np.float32), np.empty(len(wanted)), min(CANDIDATES, items)
    first, worth = [np.empty((0, length), np.int64)], [np.empty((0, length), np.float32)]
    for start in range(0, len(pool), block):
        queries = np.arange(start, min(start + block, len(pool)))
        here = slice(int(pool.start[queries[0]]), int(pool.start[queries[-1] + 1]))
        line, item = pool.query[here] - start, pool.item[here]
        votes = None if memory is None else csr_array(memory.look_up(pool.vectors[queries]))
        pairs = [(line, item)] if votes is None else [(line, item), votes.tocoo().coords]
        axes = (np.concatenate(axis).astype(np.int64) for axis in zip(*pairs, strict=True))
        cells = Cells.of(len(queries), items, *axes)
        at = cells.find(line, item)
        judged = np.full(len(cells.item), -np.inf, np.float32)
        judged[at] = scores[here]
        if Stage.ADJUST in remedy.stages:
            judged = cells.in_full(judged, _adjusting(remedy, evidence), np.arange(len(queries)))
        found = np.zeros(len(cells.item), bool)
        found[at] = pool.found[here]
        shown = np.where(found, judged, np.float32(-np.inf))
        if memory is not None and votes is not None:
            # Apart: what no search finds would take of the say of the model, and so tell what was judged.
            judged, shown = _mixed(memory, votes, cells, judged), _mixed(memory, votes, cells, shown)
            found |= cells.cut(votes).toarray()[cells.line, cells.column] > 0
            shown = np.where(found, shown, np.float32(-np.inf))
        values[here] = judged[at]
        place = cells.places(shown, seed=seed)
        own = slice(*np.searchsorted(wanted, (here.start, here.stop)).tolist())
        rank[own] = place[at[wanted[own] - here.start]]
        listed, told = cells.first(shown, place, length)
        first.append(listed)
        worth.append(told)
    # All at once: what is shown for one query may hang on what is shown for others.
    offered = Offered(np.concatenate(first), np.concatenate(worth), LISTED, evidence.items.vectors)
    return Answers(*_listed(offered, rank, pool.query[wanted], remedy, evidence), values)


def _adjusting(remedy: Remedy, evidence: Evidence) -> Callable[[Floats, Codes], Floats]:
    prior, norms = evidence.prior, np.ones(len(evidence.items.count), np.float32)
    return lambda table, lines: remedy.adjust(table, prior, norms)


def _mixed(memory: Retrieved, votes: csr_array, cells: Cells, values: Floats) -> Floats:
    table = cells.table(values)
    offered = np.asarray((table > -np.inf).any(axis=1))
    if offered.any():
        mixed = memory(table, cells.cut(votes))[cells.line, cells.column]
        values = np.where(offered[cells.line], mixed, values)
    # To a model that offers nothing all items are alike, those that are no candidates too.
    return cells.in_full(values, lambda full, lines: memory(full, votes[lines]), np.flatnonzero(~offered))


def _listed(
    offered: Offered, rank: NDArray[np.float64], query: Codes, remedy: Remedy, evidence: Evidence
) -> tuple[Codes, NDArray[np.float64]]:
    """Lists, and places in them of what stood at `rank` for some of the queries."""
    candidates, order = offered.items, remedy.rerank(offered, evidence.prior)
    if order is not None:
        moved, among = np.argsort(order, axis=1), rank < candidates.shape[1]
        rank = rank.copy()
        rank[among] = moved[query[among], rank[among].astype(np.int64)]
        candidates = np.take_along_axis(candidates, order, axis=1)
    found = np.full((len(candidates), LISTED), NO_ITEM, np.int64)
    found[:, : candidates.shape[1]] = candidates[:, :LISTED]
    return found, rank

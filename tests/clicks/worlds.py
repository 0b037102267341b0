"""Logs whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evenshelf.clicks import ClickLog, Pairs
from evenshelf.clicks.log import Bools, Codes, Floats


@dataclass(frozen=True)
class Known:
    """A log, and the attraction (and satisfaction) of each query and item, by number."""

    log: ClickLog
    attraction: Floats
    satisfaction: Floats

    def of(self, pairs: Pairs, values: Floats) -> Floats:
        """Values ``[queries, items]`` of pairs, whose names are numbers."""
        return values[np.array(pairs.queries, int)[pairs.query], np.array(pairs.items, int)[pairs.item]]


def shown_lists(rng: np.random.Generator, queries: int, items: int, lists: int, depth: int) -> tuple[Codes, Codes]:
    """Queries of lists, and ``[lists, depth]`` items in an order that is drawn anew for each."""
    return rng.integers(queries, size=lists), rng.random((lists, items)).argsort(axis=1)[:, :depth]


def log_of(query: Codes, shown: Codes, clicked: Bools) -> ClickLog:
    """A log of lists of equal length."""
    lists, depth = shown.shape
    rows = np.arange(lists * depth)
    return ClickLog.of(rows // depth, query[rows // depth], rows % depth + 1, shown.ravel(), clicked.ravel())


def position_based(
    examination: Floats,
    *,
    lists: int,
    queries: int = 20,
    items: int = 30,
    seed: int = 0,
    attraction: Floats | None = None,
) -> Known:
    """A log in which the position-based model holds."""
    rng = np.random.default_rng(seed)
    attracts = rng.beta(1.5, 4, (queries, items)) if attraction is None else attraction
    query, shown = shown_lists(rng, *attracts.shape, lists, len(examination))
    clicked = rng.random(shown.shape) < examination * attracts[query[:, None], shown]
    return Known(log_of(query, shown, clicked), attracts, attracts)


def chain(gamma: float, *, lists: int, depth: int, queries: int = 8, items: int = 10, seed: int = 0) -> Known:
    """A log in which the dynamic Bayesian network holds; the cascade model where `gamma` is 0 after a click."""
    rng = np.random.default_rng(seed)
    attracts, satisfies = rng.beta(1.5, 4, (queries, items)), rng.beta(2, 2, (queries, items))
    query, shown = shown_lists(rng, queries, items, lists, depth)
    looks, clicked = np.ones(lists, bool), np.zeros((lists, depth), bool)
    for place in range(depth):
        pair = (query, shown[:, place])
        clicked[:, place] = looks & (rng.random(lists) < attracts[pair])
        satisfied = clicked[:, place] & (rng.random(lists) < satisfies[pair])
        looks &= ~satisfied & (rng.random(lists) < gamma)
    return Known(log_of(query, shown, clicked), attracts, satisfies)

"""Asks an index the queries of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenshelf.tasks.search_metrics import CUTS, Ranked

if TYPE_CHECKING:
    from collections.abc import Callable

    from evenshelf.index import Ranking, SearchEngine
    from evenshelf.tasks.search import SearchTask

LENGTH = max(CUTS)
"""Places that are looked at."""


def ask(
    engine: SearchEngine,
    task: SearchTask,
    *,
    ranking: Ranking | None = None,
    tell: Callable[[str, int, int | None], None] | None = None,
) -> Ranked:
    """Rank for every query of a task.

    Parameters
    ----------
    engine
        The index; items of the task that it does not have are never listed, and come last among the judged ones.
    task
        The question.
    ranking
        Settings; None: the usual ones.
    tell
        Is told what is done, how far, and of how much.
    """
    code = {item: i for i, item in enumerate(task.items)}
    known = set(engine.items()["item_id"])
    lists = np.full((len(task.queries), LENGTH), -1, np.int64)
    scores = np.full(len(task.grade), -np.inf)
    pairs = np.split(np.argsort(task.query, kind="stable"), np.cumsum(np.bincount(task.query))[:-1])
    for place, (query, own) in enumerate(zip(task.queries, pairs, strict=True)):
        if tell is not None:
            tell("asking", place, len(task.queries))
        found = [hit.item_id for hit in engine.search(query, limit=LENGTH, ranking=ranking).hits]
        listed = [code[item] for item in found if item in code]
        lists[place, : len(listed)] = listed
        judged = [pair for pair in own.tolist() if task.items[task.item[pair]] in known]
        if judged:
            scores[judged] = engine.scores(query, [task.items[i] for i in task.item[judged]], ranking=ranking)
    return Ranked(lists, scores)

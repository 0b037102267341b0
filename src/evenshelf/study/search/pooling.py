"""Asks an index every query of a task for its candidates, and remedies that make queries for these and theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.errors import InputError
from evenshelf.index.documents import dense_texts
from evenshelf.index.features import FEATURES
from evenshelf.index.text.folding import fold
from evenshelf.learners.search.base import ItemSide, Pool
from evenshelf.learners.search.texts import Texts
from evenshelf.remedies import Prior, Remedy, Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.index import SearchEngine
    from evenshelf.tasks.search import SearchTask

    Tell = Callable[[float, float], None]

_MADE = 0x6D616465


def pool_of(engine: SearchEngine, task: SearchTask, tell: Tell | None = None) -> Pool:
    """Return the queries of a task with their candidates and all that was judged.

    Parameters
    ----------
    engine
        An index of the items of the task.
    task
        The question.
    tell
        Called with how many queries were asked, and how many there are.
    """
    grades: list[dict[str, float]] = [{} for _ in task.queries]
    lessons = task.lessons
    if lessons is not None:
        for query, item in zip(lessons.query.tolist(), lessons.item.tolist(), strict=True):
            grades[query][task.items[item]] = np.nan
    for query, item, grade in zip(task.query.tolist(), task.item.tolist(), task.grade.tolist(), strict=True):
        grades[query][task.items[item]] = grade
    pool = _asked(engine, task, list(task.queries), grades, task.frequency.astype(np.float32), tell=tell)
    if lessons is None:
        return pool
    # every pair that was shown is a candidate
    size = len(task.items)
    key = pool.query * size + pool.item
    order = np.argsort(key)
    at = order[np.searchsorted(key[order], lessons.query * size + lessons.item)]
    clicked = np.zeros((len(key), 3), np.float32)
    clicked[at] = np.stack([lessons.shown, lessons.clicks, lessons.looked], axis=1)
    return replace(pool, clicked=clicked)


def items_of(engine: SearchEngine, task: SearchTask) -> ItemSide:
    """Return what is known of the items of a task.

    Raises
    ------
    InputError
        If the index lacks one.
    """
    table = engine.items()
    place = {item: i for i, item in enumerate(table["item_id"].to_list())}
    missing = [item for item in task.items if item not in place]
    if missing:
        raise InputError(
            f"The index does not have the item {missing[0]!r} (and {len(missing) - 1} more).",
            hint="Bring it up to date: evenshelf index SHOP",
        )
    at = [place[item] for item in task.items]
    titles, texts = (Texts.of(told[i] or "" for i in at) for told in (table["title"].to_list(), dense_texts(table)))
    return ItemSide(titles, texts, engine.vectors(task.items), np.ceil(task.taken).astype(np.int64))


def made_by(
    remedies: Sequence[Remedy],
    engine: SearchEngine,
    task: SearchTask,
    items: ItemSide,
    *,
    seed: int,
    tell: Tell | None = None,
) -> dict[str, Pool]:
    """By the spec of each remedy that makes queries, at each of its settings, these queries with their candidates.

    What other parts of a remedy do is of no account. A made query that somebody judged is left out: its answers may
    be those that are tested. So is one that differs from such a query in case, accents or blanks alone.
    """
    found: dict[str, Pool] = {}
    known = {_plain(query) for query in task.queries}
    for part in (part for remedy in remedies for variant in remedy.settings for part in variant.parts):
        if Stage.TEXTS not in part.stages or part.spec in found:
            continue
        rng = np.random.default_rng([seed, _MADE])
        made = part.texts(items.titles.tolist(), Prior(items.count), rng)
        if made is None:
            continue
        kept = [place for place, text in enumerate(made.texts) if _plain(text) not in known]
        if not kept:
            continue
        texts = [made.texts[place] for place in kept]
        grades = [{task.items[int(made.group[place])]: 1.0} for place in kept]
        found[part.spec] = _asked(engine, task, texts, grades, made.weight[kept], tell=tell)
    return found


def _plain(query: str) -> str:
    return " ".join(fold(query).split())


def _asked(
    engine: SearchEngine,
    task: SearchTask,
    queries: Sequence[str],
    grades: Sequence[Mapping[str, float]],
    count: NDArray[np.float32],
    *,
    tell: Tell | None,
) -> Pool:
    code = {item: i for i, item in enumerate(task.items)}
    parts = []
    for place, (query, known) in enumerate(zip(queries, grades, strict=True)):
        if tell is not None:
            tell(place, len(queries))
        parts.append(engine.pool(query, list(known)))
    if tell is not None:
        tell(len(queries), len(queries))
    sizes = [len(part.ids) for part in parts]
    graded = [
        np.array([known.get(item, np.nan) for item in part.ids], np.float32)
        for part, known in zip(parts, grades, strict=True)
    ]
    vectors = [engine.encode(query) for query in queries]
    return Pool(
        queries=np.array(queries),
        vectors=np.array(vectors, np.float32).reshape(len(queries), -1),
        count=np.asarray(count, np.float32),
        start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        item=np.array([code[item] for part in parts for item in part.ids], np.int64),
        features=np.concatenate([part.features for part in parts])
        if parts
        else np.zeros((0, len(FEATURES)), np.float32),
        found=np.concatenate([part.found for part in parts]) if parts else np.zeros(0, bool),
        grade=np.concatenate(graded) if graded else np.zeros(0, np.float32),
        clicked=np.zeros((sum(sizes), 3), np.float32),
    )

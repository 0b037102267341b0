"""Queries made of words of titles: pairs that cost nobody anything, for items that no judged query is about.

References
----------
Nogueira, Yang, Lin, Cho: Document Expansion by Query Prediction, 2019 (a query for an item that nobody asked for; here
it is cut out of the title and not written by a model).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evenshelf.errors import InputError
from evenshelf.index.text.folding import fold
from evenshelf.index.text.words import words_of
from evenshelf.learners.search.tuned.pairs import TrainingPairs

LEAST, MOST = 2, 3
"""Words of a query."""
COMMON = 50
"""Words that more items have say what a thing is; a query without any is a name that only one item has."""


def with_title_queries(
    pairs: TrainingPairs, titles: Sequence[str], *, count: int, weight: float, seed: int
) -> TrainingPairs:
    """Add queries of two or three words that stand together in a title.

    All items whose titles have these words answer such a query, at the highest grade there is; so none of them is taken
    for a rival.

    Parameters
    ----------
    pairs
        What was judged.
    titles
        ``[I]`` of the items of the pairs.
    count
        How many items are drawn, each for one query.
    weight
        What such a pair counts, beside 1 for a judged one; above 0.
    seed
        Of the drawing.

    Raises
    ------
    InputError
        If there are not as many titles as items.
    """
    if len(titles) != len(pairs.items):
        raise InputError(
            f"There are {len(titles)} titles and {len(pairs.items)} items.", hint="Give the title of each item."
        )
    rng = np.random.default_rng(seed)
    folded = [fold(title) for title in titles]
    words = [[text[word.start : word.end] for word in words_of(text)] for text in folded]
    having: dict[str, set[int]] = {}
    for item, own in enumerate(words):
        for word in own:
            having.setdefault(word, set()).add(item)
    common = Counter({word: len(items) for word, items in having.items()})
    queries: list[str] = []
    query: list[int] = []
    item: list[int] = []
    for drawn in rng.permutation(len(titles))[:count].tolist():
        own = words[drawn]
        size = min(len(own), int(rng.integers(LEAST, MOST + 1)))
        starts = [
            at
            for at in range(len(own) - size + 1)
            if any(common[word] >= min(COMMON, len(titles) // 20) for word in own[at : at + size])
        ]
        if not starts:
            continue
        at = starts[int(rng.integers(len(starts)))]
        asked = own[at : at + size]
        answers = sorted(set.intersection(*(having[word] for word in asked)))
        query += [len(pairs.queries) + len(queries)] * len(answers)
        item += answers
        queries.append(" ".join(asked))
    made = len(query)
    return replace(
        pairs,
        queries=pairs.queries + tuple(queries),
        query=np.concatenate([pairs.query, np.array(query, np.int64)]),
        item=np.concatenate([pairs.item, np.array(item, np.int64)]),
        grade=np.concatenate([pairs.grade, np.full(made, float(pairs.grade.max()))]),
        weight=np.concatenate([pairs.weight, np.full(made, weight)]),
    )

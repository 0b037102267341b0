"""Which queries, answers and rivals the steps of an epoch look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.search.tuned.pairs import TrainingPairs

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

ROUNDS = 4
"""A query is visited so often in an epoch, or as often as it takes to see each of its answers."""
UNJUDGED = 0.2
"""What a rival that nobody judged counts beside an item that another query brought in: some of them do answer."""


@dataclass(frozen=True, eq=False)
class Visit:
    """One query with some of its answers and rivals.

    Attributes
    ----------
    query
        Code.
    answers, gain
        ``[a]`` items, and what each counts.
    rivals, added
        ``[r]`` items that it is told from, and what to add to their scores: the logarithm of what each counts. They
        were judged as not relevant; only where nothing was, they are those that nobody judged.
    """

    query: int
    answers: Codes
    gain: Floats
    rivals: Codes
    added: Floats


@dataclass(frozen=True)
class Sizes:
    """How much a step looks at.

    Attributes
    ----------
    answers, rivals
        At most so many a visit.
    queries
        Visits a step.
    """

    answers: int
    rivals: int
    queries: int


def visits_of(pairs: TrainingPairs, sizes: Sizes, rng: np.random.Generator) -> list[Visit]:
    """Visits of one epoch, in a drawn order; every query that has an answer is visited."""
    told = pairs.positives
    told = told[np.argsort(pairs.query[told], kind="stable")]
    rival_query, rival_item, rival_judged = pairs.rivals
    weight = np.log(np.where(rival_judged, 1.0, UNJUDGED))
    found = []
    for query in np.unique(pairs.query[told]).tolist():
        own = told[slice(*np.searchsorted(pairs.query[told], [query, query + 1]))]
        against = np.arange(*np.searchsorted(rival_query, [query, query + 1]))
        if rival_judged[against].any():
            # Of those that another ranking puts high many answer: to learn to refuse them does harm.
            against = against[rival_judged[against]]
        rounds = min(ROUNDS, -(-len(own) // sizes.answers))
        # Dealt out, so that an answer comes a second time only when all others have come.
        dealt = np.concatenate([rng.permutation(own) for _ in range(-(-rounds * sizes.answers // len(own)))])
        for part in np.split(dealt, np.arange(sizes.answers, rounds * sizes.answers, sizes.answers))[:rounds]:
            some = np.unique(part[: sizes.answers])
            drawn = np.sort(rng.permutation(against)[: sizes.rivals])
            found.append(Visit(query, pairs.item[some], pairs.gain[some], rival_item[drawn], weight[drawn]))
    return [found[i] for i in rng.permutation(len(found)).tolist()]


def steps_of(visits: Sequence[Visit], sizes: Sizes) -> Iterator[Sequence[Visit]]:
    """Visits, a step at a time."""
    for start in range(0, len(visits), sizes.queries):
        yield visits[start : start + sizes.queries]


def epoch_of(pairs: TrainingPairs, sizes: Sizes) -> Callable[[np.random.Generator], Sequence[Sequence[Visit]]]:
    """What draws the steps of an epoch, for :func:`evenshelf.learners.towers.descent.descend`."""
    return lambda rng: list(steps_of(visits_of(pairs, sizes, rng), sizes))

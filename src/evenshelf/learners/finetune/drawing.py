"""Which rows each step of a tuning learns from: as they are, balanced, or two of a class at a time.

References
----------
Kang et al.: Decoupling Representation and Classifier, ICLR 2020 (sampling by a power of the class sizes).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.finetune.lessons import Lessons
from evenshelf.learners.finetune.network import NOTHING

Codes = NDArray[np.int64]

_POOL = 50
"""So many steps draw their rows together and share them out by length."""


def steps_of(count: int, batch: int, *, pairs: bool) -> int:
    """How many steps an epoch has."""
    return -(-_even(count) // (batch - batch % 2)) if pairs else -(-count // batch)


def batches(
    lessons: Lessons, batch: int, rng: np.random.Generator, *, balance: float = 0.0, pairs: bool = False
) -> Iterator[Codes]:
    """Rows of each step of an epoch; those of like length together, so that little is padded.

    Parameters
    ----------
    lessons
        What is learned from.
    batch
        Rows a step.
    rng
        Of the order and of what is drawn.
    balance
        From 0, where each row comes once, to 1, where all classes come equally often: their rows come in turn, all
        once before one comes again.
    pairs
        Whether rows come two of a class at a time; the one row of a class with itself.
    """
    sizes = (lessons.rows != NOTHING).sum(axis=1)
    longer = np.maximum(sizes[lessons.first], sizes[lessons.second])
    if not balance and not pairs:
        for index in _shared_out(rng.permutation(len(lessons)), longer, batch, rng):
            yield index
        return
    each = 2 if pairs else 1
    drawn = _drawn(lessons.target, -(-len(lessons) // each), each, balance, rng)
    for index in _shared_out(np.arange(len(drawn)), longer[drawn].max(axis=1), batch // each, rng):
        yield drawn[index].reshape(-1)


def _shared_out(order: Codes, longer: NDArray[np.int64], batch: int, rng: np.random.Generator) -> Iterator[Codes]:
    pools = [order[start : start + _POOL * batch] for start in range(0, len(order), _POOL * batch)]
    order = np.concatenate([pool[np.argsort(longer[pool], kind="stable")] for pool in pools])
    for start in rng.permutation(np.arange(0, len(order), batch)):
        yield order[start : start + batch]


def _drawn(target: Codes, count: int, each: int, balance: float, rng: np.random.Generator) -> Codes:
    """``[count, each]`` rows, those of a line of one class, in an order of chance."""
    classes, sizes = np.unique(target, return_counts=True)
    share = sizes ** (1.0 - balance)
    # as many lines of a class as it is due, rounded so that they sum up and nobody loses in the mean
    edges = np.floor(np.cumsum(share / share.sum())[:-1] * count + rng.random()).astype(np.int64)
    due = np.diff(np.concatenate([[0], np.clip(edges, 0, count), [count]]))
    lines = [_in_turn(np.flatnonzero(target == code), n * each, rng) for code, n in zip(classes, due, strict=True)]
    drawn = np.concatenate(lines).reshape(-1, each)
    return drawn[rng.permutation(len(drawn))]


def _in_turn(rows: Codes, count: int, rng: np.random.Generator) -> Codes:
    """`count` of the rows: all of them once before one comes again."""
    rounds = -(-count // len(rows))
    return np.concatenate([np.empty(0, np.int64), *(rng.permutation(rows) for _ in range(rounds))])[:count]


def _even(count: int) -> int:
    return count + count % 2

"""Which of many unlabelled rows to label next: one function for each strategy, over arrays alone.

A strategy sees vectors, probabilities and how many labels each class has, never texts or a shop. The default, ``tail``,
takes greedily the row with the largest product of three numbers: how unsure the model is (margin: Scheffer et al.,
IDA 2001), how rare the classes are that it holds possible, and how far the row is from everything that is labelled or
chosen already (k-centre: Sener & Savarese, ICLR 2018). The last makes batches diverse, as in BADGE (Ash et al., ICLR
2020), and finds classes that no label names yet. What each is worth is measured by ``python -m bench.annotation``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError, near
from evenshelf.shop.progress import Progress

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

UNSURE_POWER = 4.0
"""Power of the uncertainty in ``tail``. On real titles 2 and 4 are alike, and 1 is a little worse."""
RARITY_POWER = 0.5
"""Power of the inverse number of labels of a class."""
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Candidates:
    """Rows to choose from.

    Attributes
    ----------
    vectors
        ``[m, d]`` of unit length.
    probabilities
        ``[m, C]`` of the classes, rows summing to 1; ``None`` if nothing is labelled yet.
    counts
        ``[C]`` labels of each class, at least 1; ``None`` with `probabilities`.
    distance
        ``[m]`` squared distance to the nearest labelled row, infinite if there is none.
    """

    vectors: Floats
    probabilities: Floats | None
    counts: Codes | None
    distance: Floats

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def uncertainty(self) -> Floats:
        """``[m]`` in [0, 1]: 1 minus the distance between the two likeliest classes; all 1 without a model."""
        if self.probabilities is None:
            return np.ones(len(self), np.float32)
        if self.probabilities.shape[1] < 2:
            return np.zeros(len(self), np.float32)
        best = np.partition(self.probabilities, -2, axis=1)[:, -2:]
        return np.asarray(1.0 - (best[:, 1] - best[:, 0]), dtype=np.float32)

    @property
    def entropy(self) -> Floats:
        """``[m]`` in [0, 1]: entropy of the classes over its largest value; all 1 without a model."""
        p = self.probabilities
        if p is None:
            return np.ones(len(self), np.float32)
        nats = -(p * np.log(np.maximum(p, 1e-12))).sum(axis=1)
        return np.asarray(nats / np.log(max(p.shape[1], 2)), dtype=np.float32)

    @property
    def rarity(self) -> Floats:
        """``[m]`` in (0, 1]: expected inverse root of the labels of the row's class, 1 for a class with one label."""
        if self.probabilities is None or self.counts is None:
            return np.ones(len(self), np.float32)
        worth = np.maximum(self.counts, 1).astype(np.float32) ** np.float32(-RARITY_POWER)
        return np.asarray(self.probabilities @ worth, dtype=np.float32)


Choose = Callable[[Candidates, int, np.random.Generator, Progress], Codes]
"""``choose(candidates, n, random, progress)`` gives ``[n]`` different rows, the most worth first; n <= m."""


@dataclass(frozen=True)
class Strategy:
    """One way to choose.

    Attributes
    ----------
    name
        What ``--strategy`` takes.
    summary
        One sentence for a person who has to choose.
    choose
        See :data:`Choose`.
    cold
        Whether it can choose when nothing is labelled.
    """

    name: str
    summary: str
    choose: Choose
    cold: bool


def nearest_distance(vectors: Floats, others: Floats) -> Floats:
    """``[m]`` squared distance of unit vectors ``[m, d]`` to the nearest of ``[k, d]``; infinite if there is none."""
    best = np.full(len(vectors), np.inf, np.float32)
    for start in range(0, len(others), _BLOCK):
        for low in range(0, len(vectors), _BLOCK):
            part = vectors[low : low + _BLOCK] @ others[start : start + _BLOCK].T
            best[low : low + _BLOCK] = np.minimum(best[low : low + _BLOCK], 2.0 - 2.0 * part.max(axis=1))
    return np.maximum(best, 0.0)


def farthest_first(vectors: Floats, worth: Floats, distance: Floats, n: int, progress: Progress) -> Codes:
    """Greedily take the row with the largest worth times squared distance to all that are known or taken.

    Exact, and lazy: a distance can only fall, so a row is measured anew only when it seems to be the best (Minoux,
    1978).

    Parameters
    ----------
    vectors
        ``[m, d]`` of unit length.
    worth
        ``[m]``, >= 0.
    distance
        ``[m]`` squared distance to what is known, infinite if nothing is; then the first row taken is the one of
        most worth, ties to the most central.
    n
        Rows to take, at most m. Rows of no worth, or equal to a taken one, come last, by worth.

    Returns
    -------
    ``[n]`` row numbers.
    """
    m = len(vectors)
    near = distance.astype(np.float64)
    measured = np.zeros(m, np.int64)
    taken = np.zeros((n, vectors.shape[1]), np.float32)
    chosen: list[int] = []
    if n and np.isinf(near).all():
        central = vectors @ vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        chosen.append(int(np.lexsort((-central, -worth))[0]))
        taken[0] = vectors[chosen[0]]
        near = np.maximum(2.0 - 2.0 * (vectors @ taken[0]), 0.0).astype(np.float64)
        measured[:] = 1
    score = worth * near
    score[chosen] = -1.0
    while len(chosen) < n:
        best = int(score.argmax())
        if score[best] <= 0.0:
            break
        known = len(chosen)
        if measured[best] < known:
            cosine = float((taken[measured[best] : known] @ vectors[best]).max())
            near[best] = min(near[best], max(2.0 - 2.0 * cosine, 0.0))
            measured[best] = known
            score[best] = worth[best] * near[best]
            continue
        taken[known] = vectors[best]
        chosen.append(best)
        score[best] = -1.0
        if len(chosen) % 50 == 0:
            progress("choosing rows", len(chosen), n)
    left = np.setdiff1d(np.arange(m), chosen)
    rest = left[np.argsort(-worth[left], kind="stable")][: n - len(chosen)]
    return np.concatenate([np.array(chosen, np.int64), rest])


def _tail(candidates: Candidates, n: int, random: np.random.Generator, progress: Progress) -> Codes:
    del random
    worth = candidates.uncertainty**UNSURE_POWER * candidates.rarity
    return farthest_first(candidates.vectors, worth, candidates.distance, n, progress)


def _coreset(candidates: Candidates, n: int, random: np.random.Generator, progress: Progress) -> Codes:
    del random
    return farthest_first(candidates.vectors, np.ones(len(candidates), np.float32), candidates.distance, n, progress)


def _margin(candidates: Candidates, n: int, random: np.random.Generator, progress: Progress) -> Codes:
    del random, progress
    return np.argsort(-candidates.uncertainty, kind="stable")[:n]


def _entropy(candidates: Candidates, n: int, random: np.random.Generator, progress: Progress) -> Codes:
    del random, progress
    return np.argsort(-candidates.entropy, kind="stable")[:n]


def _random(candidates: Candidates, n: int, random: np.random.Generator, progress: Progress) -> Codes:
    del progress
    return random.permutation(len(candidates))[:n]


def _badge(candidates: Candidates, n: int, random: np.random.Generator, progress: Progress) -> Codes:
    """k-means++ over the gradients that a row's likeliest label would have on the head, ``(p - e) x``."""
    assert candidates.probabilities is not None
    slope = candidates.probabilities.copy()
    slope[np.arange(len(slope)), slope.argmax(axis=1)] -= 1.0
    vectors = candidates.vectors
    square = np.einsum("ij,ij->i", slope, slope) * np.einsum("ij,ij->i", vectors, vectors)
    near = square.astype(np.float64)  # the first centre: the longer the gradient, the likelier
    chosen: list[int] = []
    while len(chosen) < n:
        near[chosen] = 0.0
        total = near.sum()
        if total <= 0.0:
            left = np.setdiff1d(np.arange(len(vectors)), chosen)
            return np.concatenate([np.array(chosen, np.int64), random.permutation(left)[: n - len(chosen)]])
        i = int(random.choice(len(near), p=near / total))
        chosen.append(i)
        # gradients are outer products, so their products are products of products
        product = (slope @ slope[i]) * (vectors @ vectors[i])
        near = np.minimum(near, np.maximum(square + square[i] - 2.0 * product, 0.0))
        if len(chosen) % 50 == 0:
            progress("choosing rows", len(chosen), n)
    return np.array(chosen, np.int64)


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("tail", "Unsure, of a rare class, and unlike all that is labelled or chosen.", _tail, cold=True),
        Strategy("margin", "The two likeliest classes are nearly as likely as each other.", _margin, cold=False),
        Strategy("entropy", "Many classes are possible.", _entropy, cold=False),
        Strategy("badge", "Would change the model most, and each in another way.", _badge, cold=False),
        Strategy("coreset", "Unlike all that is labelled or chosen.", _coreset, cold=True),
        Strategy("random", "Every row with the same chance.", _random, cold=True),
    )
}
"""All strategies by name, the default first."""


def strategy_of(name: str) -> Strategy:
    """The strategy of a name.

    Raises
    ------
    SettingError
        If there is none; close names are offered.
    """
    if name not in STRATEGIES:
        raise SettingError(
            f"There is no strategy {name!r}{near(name, STRATEGIES)}.", hint=f"One of: {', '.join(STRATEGIES)}."
        )
    return STRATEGIES[name]

"""Small data and the shortest way to a fitted head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.paths import Head, fit_path
from evenshelf.learners.training import Training, training_part, training_rows
from evenshelf.learners.vectors import Vectors, prepare
from evenshelf.remedies import Prior, Remedy, Rows, parse

COUNTS = (70, 35, 12, 5)
TOLERANCE, STEPS = 1e-8, 500
DIMENSION = 6


@dataclass(frozen=True)
class Data:
    vectors: NDArray[np.float32]
    target: NDArray[np.int64]
    names: NDArray[np.float32]

    @property
    def prior(self) -> Prior:
        return Prior(np.bincount(self.target, minlength=len(self.names)))


def data(counts: Sequence[int] = COUNTS, seed: int = 0, spread: float = 0.8) -> Data:
    rng = np.random.default_rng(seed)
    names = rng.standard_normal((len(counts), DIMENSION)).astype(np.float32)
    names /= np.linalg.norm(names, axis=1, keepdims=True)
    target = np.repeat(np.arange(len(counts)), counts)
    vectors = (names[target] + spread * rng.standard_normal((len(target), DIMENSION))).astype(np.float32)
    order = rng.permutation(len(target))
    return Data(vectors[order], target[order], names)


def prepared(d: Data, same: NDArray[np.int64] | None = None, fold: NDArray[np.int64] | None = None) -> Vectors:
    n = len(d.target)
    fold = np.zeros(n, np.int64) if fold is None else fold
    return prepare(d.vectors, d.target, fold, np.arange(n) if same is None else same)


def training(d: Data, vectors: Vectors | None = None, names: bool = False) -> Training:
    return Training.of(vectors or prepared(d), (-1, 0), len(d.names), d.names if names else None)


def fit(train: Training, remedy: str | Remedy, penalty: float | None, rows: Rows | None = None, seed: int = 0) -> Head:
    one = parse(remedy) if isinstance(remedy, str) else remedy
    made = rows if rows is not None else training_rows(one, train, np.random.default_rng(seed))
    head = fit_path(train, [(training_part(one), made, (penalty,))], tolerance=TOLERANCE, max_steps=STEPS)[0][0]
    return replace(head, remedy=one)


def probabilities(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def of_examples(vectors: Vectors, head: Head) -> NDArray[np.float64]:
    """``[n, C]`` probabilities of the examples in the order that they were given in."""
    return probabilities(head.scores(vectors.rows))[vectors.row_of]

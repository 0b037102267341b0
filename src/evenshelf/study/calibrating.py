"""Rows of training that a model has not seen, for remedies that are fitted on such."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.learners.bags import bag_rows, fit_bags
from evenshelf.learners.paths import Head
from evenshelf.learners.retrieval import Memories
from evenshelf.learners.training import Training
from evenshelf.learners.vectors import Vectors
from evenshelf.remedies import Calibrated, Prior, Remedy, Stage
from evenshelf.study.plan import APPROACH_TOLERANCE, FINAL_TOLERANCE, Start
from evenshelf.study.plan import Training as Planned

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Before:
    """A final fit as it is without one of its folds, the one that the search had left out as well.

    The search itself fits in leading axes, and without the others a model is less sure of itself: a temperature that is
    found there can be twice too high.

    Attributes
    ----------
    head
        The fit.
    validation
        Folds that it has not seen.
    seconds
        CPU time, a share for each remedy that calibrates.
    memories
        Of the rows that it has seen.
    """

    head: Head
    validation: tuple[int, ...]
    seconds: float
    memories: Memories

    def calibration(self, remedy: Remedy, vectors: Vectors) -> Calibrated | None:
        """What a remedy finds on the rows that were left out."""
        unseen = vectors.index(self.validation)
        blocks = enumerate(vectors.blocks(self.validation))
        scores = np.concatenate(
            [self.memories.mixed(remedy, self.head.scores(block, remedy), block, number) for number, block in blocks]
        )
        return _fitted_on(remedy, scores, vectors, unseen, self.head.prior)


def fit_before(
    training: Planned,
    vectors: Vectors,
    names: Floats | None,
    folds: tuple[int, ...],
    *,
    classes: int,
    random: Callable[..., np.random.Generator],
    start: Callable[[Start], Floats],
) -> Before | None:
    """Fit it, if a remedy that uses the training calibrates and there is a search to start from.

    Parameters
    ----------
    training
        What is fitted.
    folds
        Those of the final fit.
    classes
        How many there are.
    random, start
        As of :func:`evenshelf.study.fits.fit_unit`.
    """
    users = sum(Stage.CALIBRATE in setting.remedy.stages for _, setting in training.users)
    if training.start is None or not users:
        return None
    began = time.process_time()
    seen = tuple(fold for fold in folds if fold not in training.start.validation)
    without = Training.of(vectors, seen, classes, names)
    bags = bag_rows(training.remedy, without, random(seen, training.remedy.spec))
    tasks = [(training.remedy, bags, training.penalties)]
    starts = [start(training.start)]
    fitted = fit_bags(without, tasks, tolerance=FINAL_TOLERANCE, approach=APPROACH_TOLERANCE, starts=starts)
    seconds = (time.process_time() - began) / users
    return Before(fitted[0][-1], training.start.validation, seconds, Memories(without))


def cross_calibrated(
    remedy: Remedy, scores: Floats, vectors: Vectors, fold: int, *, prior: Prior, rng: np.random.Generator
) -> Floats:
    """Scores of a fold as each half of its rows calibrates the other, so that none is judged by what it was fitted on.

    Parameters
    ----------
    scores
        ``[m, C]`` of the rows of the fold.
    prior
        Of the rows that the model was trained on.
    rng
        Draws the halves.
    """
    rows = vectors.index((fold,))
    # All labels of an example are on one side.
    _, example = np.unique(rows if vectors.example is None else vectors.example[rows], return_inverse=True)
    half = (rng.permutation(int(example.max(initial=-1)) + 1) % 2)[example]
    out = scores.copy()
    for mine in (half == 0, half == 1):
        calibrated = _fitted_on(remedy, scores[~mine], vectors, rows[~mine], prior)
        if calibrated is not None:
            out[mine] = calibrated(scores[mine])
    return out


def classes_of(vectors: Vectors) -> int:
    """How many classes there are."""
    return int(vectors.target.max()) + 1 if vectors.positive is None else int(vectors.positive.shape[1])


def _fitted_on(remedy: Remedy, scores: Floats, vectors: Vectors, rows: Codes, prior: Prior) -> Calibrated | None:
    target, count = vectors.target[rows], vectors.count[rows]
    if vectors.positive is not None:
        return remedy.set_calibration(scores, csr_array(vectors.positive[rows], dtype=bool), count, prior)
    # That a model gives no chance to a group that it has never seen says nothing of how sure it may be of others.
    known = prior.present[target]
    return remedy.calibration(scores[known], target[known], count[known], prior)

"""What heads say of rows that they have not seen: the penalty to take, figures for the record, and the sets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.conformal import Conformal, cross_judged, fit_conformal
from evenshelf.bundles.manifest import ConformalEntry
from evenshelf.learners.bags import bag_rows, fit_bags
from evenshelf.learners.bundling import CrossFitted
from evenshelf.learners.heads import HEADS
from evenshelf.learners.training import Training, training_part
from evenshelf.learners.variants import VariantRows, widened
from evenshelf.learners.vectors import Vectors
from evenshelf.remedies import Remedy
from evenshelf.remedies.calibrated import log_probabilities
from evenshelf.study.plan import SEARCH_TOLERANCE, search_axes
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.label_metrics import class_scores, macro_f1
from evenshelf.tasks.tag_sets import predicted_of_sets

Floats = NDArray[np.float32]
SETTINGS = 8
"""Penalties that are tried where none is given."""


def chosen_penalty(
    vectors: Vectors,
    task: LabelTask,
    remedy: Remedy,
    names: Floats,
    seed: int,
    *,
    variants: VariantRows | None = None,
) -> float | None:
    """The penalty with the best macro-F1 on a fold that is held out; ``None`` if there is no fold."""
    numbers = [fold for fold in range(vectors.folds) if vectors.spans((fold,))]
    if not numbers:
        return None
    held = numbers[0]
    seen = tuple(fold for fold in range(-1, vectors.folds) if fold != held)
    classes = len(task.classes)
    rng = np.random.default_rng(seed)
    rows = vectors if variants is None else widened(vectors, variants, remedy, seen, rng)
    full = Training.of(rows, seen, classes, names)
    if int(full.prior.present.sum()) < 2:
        return None
    bags = bag_rows(remedy, full, rng)
    path, axes = HEADS.penalties(SETTINGS), search_axes(vectors)
    few = full.leading(axes)
    heads = fit_bags(few, [(training_part(remedy), bags, path)], tolerance=SEARCH_TOLERANCE)[0]
    index = vectors.index((held,))
    target, count = vectors.target[index], vectors.count[index]

    def value(number: int) -> float:
        scores = heads[number].scores(vectors.leading(axes).blocks((held,))[0], remedy)
        return float(macro_f1(target, answers(scores, vectors, index), classes, count))

    return path[max(range(len(path)), key=lambda i: (value(i), -i))]


def answers(scores: Floats, vectors: Vectors, index: NDArray[np.int64]) -> NDArray[np.int32]:
    """``[m]`` predicted codes of rows by their scores; of sets, paired with the true ones."""
    if vectors.example is None:
        best: NDArray[np.int32] = scores.argmax(axis=1).astype(np.int32)
        return best
    return predicted_of_sets(scores, vectors.target[index], vectors.example[index])


def quality(found: CrossFitted, vectors: Vectors, task: LabelTask) -> dict[str, Any]:
    """Macro-F1 and accuracy of the heads on the rows that they have not seen; JSON-able."""
    if not len(found.rows):
        return {"examples": 0}
    target, count = vectors.target[found.rows], vectors.count[found.rows]
    predicted = answers(found.scores, vectors, found.rows)
    return {
        "examples": int(count.sum()),
        "macro_f1": round(float(macro_f1(target, predicted, len(task.classes), count)), 6),
        "accuracy": round(float(np.average(predicted == target, weights=count)), 6),
    }


def macro_and_tail(truth: NDArray[np.integer], predicted: NDArray[np.integer], task: LabelTask) -> tuple[float, float]:
    """Macro-F1 over all classes that occur and over those of the tail; the latter is NaN where none occurs.

    Parameters
    ----------
    truth, predicted
        ``[n]`` codes of classes.
    """
    scores = class_scores(truth, predicted, len(task.classes))
    there = scores.support > 0
    tail = there & (task.bucket == "tail")
    return float(scores.f1[there].mean()), float(scores.f1[tail].mean()) if tail.any() else float("nan")


def sets_of(
    found: CrossFitted, vectors: Vectors, task: LabelTask, fold: NDArray[np.integer], alpha: float
) -> tuple[Conformal, ConformalEntry]:
    """Thresholds of the sets, and how the sets of each fold do by the thresholds of the others.

    Parameters
    ----------
    fold
        ``[n]`` of the examples of the task.
    """
    rows, merged = found.rows, len(vectors.target)
    group, of_fold = np.empty(merged, np.int64), np.empty(merged, np.int64)
    group[vectors.row_of], of_fold[vectors.row_of] = task.group, fold
    target, count = vectors.target[rows], vectors.count[rows]
    probabilities = np.exp(log_probabilities(found.scores)).astype(np.float32)
    conformal = fit_conformal(probabilities, target, group[rows], alpha=alpha)
    own = int(conformal.own.sum())
    if not len(target):
        return conformal, ConformalEntry(alpha=alpha, own=own)
    sets = cross_judged(probabilities, target, group[rows], of_fold[rows], alpha=alpha)
    hit, size, bucket = sets[np.arange(len(target)), target], sets.sum(axis=1), task.bucket[target]
    covered = {"all": float(np.average(hit, weights=count))}
    for name in ("head", "torso", "tail"):
        mine = bucket == name
        if mine.any():
            covered[name] = float(np.average(hit[mine], weights=count[mine]))
    return conformal, ConformalEntry(
        alpha=alpha,
        own=own,
        coverage={name: round(value, 4) for name, value in covered.items()},
        size=round(float(np.average(size, weights=count)), 4),
        sure=round(float(np.average(size == 1, weights=count)), 4),
    )

"""Metrics of product labelling: over all rows, and apart for head, torso, tail, cold and few-shot classes.

Every metric is a function of four arrays with one entry per evaluated example (true class, predicted class, the
probabilities given to both), so it can be recomputed from stored out-of-fold predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evenshelf.errors import InputError
from evenshelf.shop.profiling.imbalance import FEW_SHOT
from evenshelf.tasks.measures import Measures, Metric

BINS = 15
"""Bins of the expected calibration error."""

SMALLEST_PROBABILITY = 1e-12
"""Probabilities are clipped here before their logarithm is taken: one impossible row costs 27.6 nats, not infinity."""


NOTHING = -1
"""Stands for a class where nothing is predicted, or where nothing is true: of texts that may have any number of labels,
what is given and not true has a row of its own."""


_ALL = (
    Metric("macro_f1", "macro-F1", "higher", "Mean over classes of the F1 score; every class counts the same."),
    Metric("head_f1", "head F1", "higher", "Macro-F1 over the head: the most frequent classes, half of the examples."),
    Metric("torso_f1", "torso F1", "higher", "Macro-F1 over the torso: classes that are neither head nor tail."),
    Metric(
        "tail_f1", "tail F1", "higher", "Macro-F1 over the tail: the least frequent classes, a tenth of the examples."
    ),
    Metric("cold_f1", "cold F1", "higher", "Macro-F1 over classes that no training fold held."),
    Metric("few_shot_f1", "few-shot F1", "higher", f"Macro-F1 over classes with fewer than {FEW_SHOT} examples."),
    Metric("accuracy", "accuracy", "higher", "Share of examples with the right class; frequent classes dominate it."),
    Metric("tail_accuracy", "tail accuracy", "higher", "Share of the tail's examples with the right class."),
    Metric("balanced_accuracy", "balanced accuracy", "higher", "Mean over classes of recall."),
    Metric("macro_precision", "macro precision", "higher", "Mean over classes of precision."),
    Metric("macro_recall", "macro recall", "higher", "Mean over classes of recall; the same as balanced accuracy."),
    Metric("weighted_precision", "weighted precision", "higher", "Precision, each class weighted by its examples."),
    Metric("weighted_recall", "weighted recall", "higher", "Recall, each class weighted by its examples: accuracy."),
    Metric("weighted_f1", "weighted F1", "higher", "F1, each class weighted by its examples."),
    Metric(
        "nll",
        "negative log-likelihood",
        "lower",
        "Mean of minus the natural logarithm of the probability given to the true class, in nats.",
    ),
    Metric("tail_nll", "tail negative log-likelihood", "lower", "The same over examples whose true class is tail."),
    Metric(
        "ece",
        "calibration error",
        "lower",
        f"Expected calibration error of the predicted class, {BINS} bins of equal mass: how far stated confidence "
        "is from the share that is right.",
    ),
    Metric("tail_ece", "tail calibration error", "lower", "The same over examples whose true class is tail."),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
"""Every metric that :func:`label_metrics` returns, in order."""

CLASSES = Measures(
    name="classes",
    metrics=METRICS,
    main="macro_f1",
    head="head_f1",
    torso="torso_f1",
    tail="tail_f1",
    overall="accuracy",
    each="F1",
    guess="guessing by class frequency",
    likelihood=True,
    zone=0.005,
)
"""Of answers that name a class."""


def label_metrics(
    y: ArrayLike,
    predicted: ArrayLike,
    p_true: ArrayLike,
    p_predicted: ArrayLike,
    *,
    buckets: ArrayLike,
    counts: ArrayLike,
) -> dict[str, float]:
    """All metrics of one set of predictions.

    Averages over classes run over the classes that occur in `y`; a class that is only ever predicted counts through
    the precision it takes from the others. Precision of a class counts all rows, so a tail class pays for head rows
    that are wrongly called tail. Ratios without a denominator are 0, as in scikit-learn with ``zero_division=0``.

    Parameters
    ----------
    y, predicted
        ``[n]`` codes of the true and the predicted class, from 0 to C - 1; :data:`NOTHING` where there is none. Rows
        where nothing is true count for precision and F1 only.
    p_true, p_predicted
        ``[n]`` probabilities given to the true and to the predicted class, in [0, 1].
    buckets
        ``[C]`` of ``"head"``, ``"torso"``, ``"tail"`` or ``"cold"``. Cold classes are in none of the other three;
        see :func:`bucket_or_cold`.
    counts
        ``[C]`` examples of each class in all the data; decides which classes are few-shot.

    Returns
    -------
    dict
        A value for every name in :data:`METRICS`; NaN where nothing is left to average over (no cold class, ...).

    Raises
    ------
    InputError
        If arrays differ in length, are empty, codes are not of a class, or probabilities are outside of [0, 1].
    """
    truth, guess = np.asarray(y), np.asarray(predicted)
    p, q = np.asarray(p_true, dtype=np.float64), np.asarray(p_predicted, dtype=np.float64)
    names, sizes = np.asarray(buckets, dtype=np.str_), np.asarray(counts)
    _check(truth, guess, p=p, q=q, buckets=names, counts=sizes)

    scores = class_scores(truth, guess, len(names))
    present = scores.support > 0
    asked, said = truth >= 0, guess >= 0
    share = scores.support / asked.sum()
    right = guess == truth
    in_tail = asked & (names[truth] == "tail")
    said_of_tail = said & (names[np.where(asked, truth, guess)] == "tail")

    def over(classes: NDArray[np.bool_]) -> float:
        return _mean(scores.f1[present & classes])

    values = {
        "macro_f1": over(present),
        "head_f1": over(names == "head"),
        "torso_f1": over(names == "torso"),
        "tail_f1": over(names == "tail"),
        "cold_f1": over(names == "cold"),
        "few_shot_f1": over(sizes < FEW_SHOT),
        "accuracy": _mean(right[asked]),
        "tail_accuracy": _mean(right[in_tail]),
        "balanced_accuracy": _mean(scores.recall[present]),
        "macro_precision": _mean(scores.precision[present]),
        "macro_recall": _mean(scores.recall[present]),
        "weighted_precision": float(share @ scores.precision),
        "weighted_recall": float(share @ scores.recall),
        "weighted_f1": float(share @ scores.f1),
        "nll": negative_log_likelihood(p[asked]),
        "tail_nll": negative_log_likelihood(p[in_tail]),
        "ece": expected_calibration_error(right[said], q[said]),
        "tail_ece": expected_calibration_error(right[said_of_tail], q[said_of_tail]),
    }
    return {name: values[name] for name in METRICS}


@dataclass(frozen=True)
class ClassScores:
    """Per class: how often it occurs and is predicted, and how well. All arrays are ``[C]``."""

    support: NDArray[np.int64]
    predicted: NDArray[np.int64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]


def class_scores(
    y: NDArray[Any], predicted: NDArray[Any], classes: int, count: NDArray[Any] | None = None
) -> ClassScores:
    """Precision, recall and F1 of each of `classes` classes; 0 where a denominator is 0.

    Parameters
    ----------
    y, predicted
        ``[n]`` codes; :data:`NOTHING` where nothing is true, or predicted.
    count
        ``[n]`` how many examples a row stands for, >= 1; one each if not given.
    """
    support, guesses, hits = (
        np.bincount(codes[rows], None if count is None else count[rows], classes)
        for codes, rows in ((y, y >= 0), (predicted, predicted >= 0), (y, (y == predicted) & (y >= 0)))
    )
    return ClassScores(
        support=support,
        predicted=guesses,
        precision=hits / np.maximum(guesses, 1),
        recall=hits / np.maximum(support, 1),
        f1=2 * hits / np.maximum(support + guesses, 1),
    )


def macro_f1(y: NDArray[Any], predicted: NDArray[Any], classes: int, count: NDArray[Any] | None = None) -> float:
    """Mean F1 over the classes that occur in `y`, 0 if none does; see :func:`class_scores`."""
    scores = class_scores(y, predicted, classes, count)
    return float(scores.f1[scores.support > 0].mean()) if (y >= 0).any() else 0.0


def negative_log_likelihood(p_true: NDArray[np.float64]) -> float:
    """Mean of ``-log(p)`` in nats, `p` clipped from below at :data:`SMALLEST_PROBABILITY`; NaN without rows."""
    return _mean(-np.log(np.maximum(p_true, SMALLEST_PROBABILITY)))


def expected_calibration_error(right: NDArray[np.bool_], confidence: NDArray[np.float64], bins: int = BINS) -> float:
    """Mean over rows of the gap between the confidence and the accuracy of the row's bin.

    Bins hold equally many rows (Nixon et al. 2019, "Measuring calibration in deep learning": adaptive bins), because
    bins of equal width leave most rows of a good classifier in the last one. Equal confidences share a bin, so the
    value does not depend on the order of the rows.

    Returns
    -------
    float
        In [0, 1]; NaN without rows.
    """
    table = reliability(right, confidence, bins)
    return float(table.share @ np.abs(table.confidence - table.accuracy)) if len(table.share) else float("nan")


@dataclass(frozen=True)
class Reliability:
    """Per bin of confidence: share of the rows, mean confidence, share that is right. All ``[bins]`` or shorter."""

    share: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def reliability(right: NDArray[np.bool_], confidence: NDArray[np.float64], bins: int = BINS) -> Reliability:
    """Accuracy by confidence in bins of equal mass; see :func:`expected_calibration_error`."""
    n = len(confidence)
    if n == 0:
        return Reliability(np.zeros(0), np.zeros(0), np.zeros(0))
    first = (np.arange(1, bins) * n) // bins
    edges = np.sort(confidence)[first]
    bin_of_row = np.searchsorted(edges, confidence, side="right")
    size = np.bincount(bin_of_row, minlength=bins)
    used = size > 0
    total = np.bincount(bin_of_row, weights=confidence, minlength=bins)
    correct = np.bincount(bin_of_row, weights=right, minlength=bins)
    return Reliability(size[used] / n, total[used] / size[used], correct[used] / size[used])


def bucket_or_cold(y: ArrayLike, fold: ArrayLike, buckets: ArrayLike) -> NDArray[np.str_]:
    """Buckets of the classes, with ``"cold"`` for those that are evaluated without ever having been trained on.

    A class is cold when all its rows lie in one evaluated fold (a single row, or all rows with one title): whenever
    it is asked for, no training fold holds it.

    Parameters
    ----------
    y, fold
        ``[n]`` class code and outer fold; a negative fold is always trained on.
    buckets
        ``[C]`` head, torso or tail.
    """
    codes, folds = np.asarray(y), np.asarray(fold).astype(np.int64)
    codes, folds = codes[codes >= 0], folds[codes >= 0]
    names = np.asarray(buckets).astype("<U5")
    low = np.full(len(names), np.iinfo(np.int64).max)
    high = np.full(len(names), -1, dtype=np.int64)
    np.minimum.at(low, codes, folds)
    np.maximum.at(high, codes, folds)
    names[(low == high) & (low >= 0)] = "cold"
    return names


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _check(
    y: NDArray[Any],
    predicted: NDArray[Any],
    *,
    p: NDArray[np.float64],
    q: NDArray[np.float64],
    buckets: NDArray[np.str_],
    counts: NDArray[Any],
) -> None:
    faults = []
    if not len(y) == len(predicted) == len(p) == len(q):
        faults.append(
            f"y, predicted, p_true and p_predicted have {len(y)}, {len(predicted)}, {len(p)} and {len(q)} entries"
        )
    if not (y >= 0).any():
        faults.append("there is no row to evaluate")
    if len(buckets) != len(counts):
        faults.append(f"there are {len(buckets)} buckets but {len(counts)} counts")
    for name, codes in (("y", y), ("predicted", predicted)):
        if codes.size and not np.issubdtype(codes.dtype, np.integer):
            faults.append(f"{name} holds {codes.dtype}, not integer class codes")
        elif codes.size and (codes.min() < NOTHING or codes.max() >= len(buckets)):
            faults.append(f"{name} holds codes from {codes.min()} to {codes.max()}; there are {len(buckets)} classes")
    for name, values in (("p_true", p), ("p_predicted", q)):
        outside = ~((values >= 0) & (values <= 1 + 1e-6))
        if outside.any():
            row = int(outside.argmax())
            faults.append(
                f"{name} must be in [0, 1], but {int(outside.sum())} are not (first: row {row}, {values[row]})"
            )
    unknown = sorted(set(buckets.tolist()) - {"head", "torso", "tail", "cold"})
    if unknown:
        faults.append(f"unknown buckets: {', '.join(unknown)}")
    if faults:
        raise InputError("These predictions cannot be evaluated: " + "; ".join(faults) + ".")

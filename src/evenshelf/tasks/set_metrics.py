"""Metrics of sets of labels beside those of each label: over all labels given, and of how labels and texts are ranked.

Macro-F1 and its kin are those of :mod:`evenshelf.tasks.label_metrics`, over pairs of a text and a label; see
:func:`evenshelf.tasks.label_metrics.class_scores` for pairs that are given and not true.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenshelf.tasks.measures import Metric

Floats = NDArray[np.float32]

_ALL = (
    Metric(
        "micro_f1", "micro-F1", "higher", "F1 over all pairs of text and label together; frequent labels dominate it."
    ),
    Metric(
        "map",
        "mAP",
        "higher",
        "Mean over labels of average precision: how far up the texts with a label stand where all are ranked by their "
        "score for it. Thresholds do not matter.",
    ),
    Metric("head_map", "head mAP", "higher", "The same over the head."),
    Metric("torso_map", "torso mAP", "higher", "The same over the torso."),
    Metric("tail_map", "tail mAP", "higher", "The same over the tail."),
    Metric(
        "lrap",
        "LRAP",
        "higher",
        "Label ranking average precision: mean over texts of how far up their labels stand among all labels.",
    ),
    Metric(
        "known_size_f1",
        "macro-F1, size known",
        "higher",
        "Macro-F1 where each text is asked for as many labels as it has, its best scored ones.",
    ),
    Metric("known_size_tail_f1", "tail F1, size known", "higher", "The same over the tail."),
)

SET_METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
"""Every metric of sets, in order."""


def average_precisions(scores: Floats, has: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``[C]`` average precision of each label over texts; NaN for one that no text has.

    Texts with equal scores are ranked together, as scikit-learn's ``average_precision_score`` does.

    Parameters
    ----------
    scores, has
        ``[n, C]`` scores, and whether the text has the label.
    """
    found = np.full(has.shape[1], np.nan)
    for label in np.flatnonzero(has.any(axis=0)):
        order = np.argsort(-scores[:, label], kind="stable")
        ranked, true = scores[order, label], has[order, label]
        last = np.append(ranked[1:] != ranked[:-1], True)
        ends = np.flatnonzero(last)
        hits = np.cumsum(true)[ends]
        found[label] = float((np.diff(hits, prepend=0) * hits / (ends + 1)).sum() / hits[-1])
    return found


def label_rankings(scores: Floats, has: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``[n]`` of each text the mean over its labels of the share of true ones among those scored at least as high.

    The mean over texts is scikit-learn's ``label_ranking_average_precision_score``.

    Parameters
    ----------
    scores, has
        ``[n, C]`` scores, and whether the text has the label; each has one.
    """
    text, label = np.nonzero(has)
    share = np.empty(len(text))
    step = max(1, (1 << 22) // scores.shape[1])
    for start in range(0, len(text), step):
        here = slice(start, start + step)
        above = scores[text[here]] >= scores[text[here], label[here]][:, None]
        share[here] = (above & has[text[here]]).sum(axis=1) / above.sum(axis=1)
    return np.asarray(np.bincount(text, share, len(has)) / np.bincount(text, minlength=len(has)))


def micro_f1(hits: float, true: float, given: float) -> float:
    """F1 of so many right pairs among those that are true and those that are given; 0 where there are none."""
    return 2.0 * hits / (true + given) if true + given else 0.0

"""What a model is worth while it is tuned, by its scores of rows held out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.finetune.settings import Watch
from evenshelf.shop.profiling.imbalance import buckets
from evenshelf.tasks.label_metrics import class_scores, macro_f1

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


def judge_of(target: Codes, counts: Codes, adjust: Callable[[Floats], Floats], watch: str) -> Callable[[Floats], float]:
    """What scores of rows held out are worth, by macro-F1, or by F1 over the tail where any of it is held out.

    Parameters
    ----------
    target
        ``[h]`` group codes of the rows held out.
    counts
        ``[C]`` rows of each group in all, by which groups are tail; those without are never predicted.
    adjust
        What the remedy does to scores.
    watch
        See :attr:`FineTuning.watch`.
    """
    present = np.flatnonzero(counts)
    tail = np.flatnonzero(buckets(counts) == "tail")
    watched = np.isin(np.arange(len(counts)), tail) & np.isin(np.arange(len(counts)), target)

    def judge(scores: Floats) -> float:
        guess = present[adjust(scores)[:, present].argmax(axis=1)]
        if watch == Watch.TAIL and watched.any():
            return float(class_scores(target, guess, len(counts)).f1[watched].mean())
        return macro_f1(target, guess, len(counts))

    return judge

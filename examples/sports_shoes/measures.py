"""What a line does to the thinned class, to those it is confused with, and to all others; with intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf import LabelTask
from evenshelf.study.statistics import Estimate, class_by_group, draw_groups, estimate, hits_by_group
from examples.sports_shoes.contest import FULL, NOTHING, Contest

Codes = NDArray[np.int64]

NEIGHBOURS = 4
"""So many classes are told of by themselves at most: the first, and others with enough of the rows."""
ENOUGH = 0.01
MEASURES = {
    "recall": "recall",
    "precision": "precision",
    "f1": "F1",
    "confused": "F1 of classes confused with it",
    "head": "head F1 without it",
    "others": "macro-F1 without it",
    "accuracy": "accuracy on all others",
}


@dataclass(frozen=True, eq=False)
class Measured:
    """All figures of the page.

    Attributes
    ----------
    values, changes
        By line and measure: the value, and its difference to doing nothing.
    won_back
        By line, the share of the lost F1 that it wins back; NaN if none was lost.
    neighbours
        Codes of the classes that rows of the class are taken for by doing nothing, the most frequent first.
    single
        By line, F1 of each of `neighbours`.
    ends
        By line, how the rows of the class are answered: right, as each of `neighbours`, or as another.
    tested
        Rows of the class, and of all classes, that were tested.
    """

    values: dict[str, dict[str, Estimate]]
    changes: dict[str, dict[str, Estimate]]
    won_back: dict[str, float]
    neighbours: tuple[int, ...]
    single: dict[str, tuple[float, ...]]
    ends: dict[str, tuple[int, ...]]
    tested: tuple[int, int]


def measure(task: LabelTask, contest: Contest, *, replicates: int = 1000, seed: int = 0) -> Measured:
    """Score all lines on the same draws of title groups.

    Pooled over the outer folds. The neighbours are those of doing nothing, so no line chooses what it is judged by.
    """
    rows = contest.fold >= 0
    y, code = task.target[rows], contest.code
    unique, cluster = np.unique(task.group[rows], return_inverse=True)
    shape = (len(task.classes), len(unique))
    names = tuple(contest.lines)
    answers = {name: contest.lines[name].answers[rows] for name in names}
    mistaken = Counter(answers[NOTHING][(y == code) & (answers[NOTHING] != code)].tolist())
    ranked = sorted(mistaken.items(), key=lambda item: (-item[1], item[0]))[:NEIGHBOURS]
    least = ENOUGH * int((y == code).sum())
    neighbours = tuple(label for rank, (label, times) in enumerate(ranked) if rank == 0 or times >= least)
    support = class_by_group(y, cluster, shape)
    hits = {name: hits_by_group(y, answers[name], cluster, shape) for name in names}
    calls = {name: class_by_group(answers[name], cluster, shape) for name in names}
    other = np.arange(len(task.classes)) != code
    members = {
        "confused": np.isin(np.arange(len(task.classes)), neighbours),
        "head": (task.bucket == "head") & other,
        "others": other,
    }

    def score(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        there = support @ weights
        out = np.empty((len(names), len(MEASURES), weights.shape[1]))
        with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0: nothing of the kind in this draw, NaN is meant
            for number, name in enumerate(names):
                right, called = hits[name] @ weights, calls[name] @ weights
                f1 = 2 * right / np.maximum(there + called, 1)
                out[number, 0] = right[code] / there[code]
                out[number, 1] = right[code] / np.maximum(called[code], 1)
                out[number, 2] = f1[code]
                for place, member in enumerate(members.values(), start=3):
                    part = member[:, None] & (there > 0)
                    out[number, place] = (f1 * part).sum(axis=0) / part.sum(axis=0)
                out[number, 6] = right[other].sum(axis=0) / there[other].sum(axis=0)
        return out

    observed, draws = draw_groups(score, len(unique), replicates=replicates, seed=seed)
    base, full = names.index(NOTHING), names.index(FULL)
    keys = list(MEASURES)
    values, changes = {}, {}
    for number, name in enumerate(names):
        values[name] = {k: estimate(float(observed[number, j]), draws[number, j]) for j, k in enumerate(keys)}
        changes[name] = {
            k: estimate(float(observed[number, j] - observed[base, j]), draws[number, j] - draws[base, j])
            for j, k in enumerate(keys)
        }
    lost = observed[full, 2] - observed[base, 2]
    won = {n: float((observed[i, 2] - observed[base, 2]) / lost) if lost > 0 else np.nan for i, n in enumerate(names)}
    single, ends = {}, {}
    everything = np.ones((len(unique), 1), np.float32)
    for name in names:
        f1 = 2 * (hits[name] @ everything) / np.maximum((support + calls[name]) @ everything, 1)
        single[name] = tuple(float(f1[label, 0]) for label in neighbours)
        mine = answers[name][y == code]
        told = [int((mine == label).sum()) for label in (code, *neighbours)]
        ends[name] = (*told, len(mine) - sum(told))
    return Measured(values, changes, won, neighbours, single, ends, (int((y == code).sum()), len(y)))

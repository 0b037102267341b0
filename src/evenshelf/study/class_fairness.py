"""Which classes gain and lose under a remedy, how the worst off fare, and how often each class is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from evenshelf.study.statistics import (
    Estimate,
    centred,
    chosen_difference,
    class_by_group,
    draw_groups,
    estimate,
    hits_by_group,
)
from evenshelf.tasks.label_metrics import class_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = 10
"""Classes are told of in tenths."""


@dataclass(frozen=True)
class SizePart:
    """Classes of similar size under doing nothing and under a remedy.

    Attributes
    ----------
    smallest, largest
        Examples of the smallest and of the largest class.
    classes
        How many are evaluated.
    gain, loss, same
        How many have a higher, lower or the same F1 under the remedy.
    before, after
        Mean F1.
    diff
        Change of the mean, with an interval by the paired bootstrap.
    """

    smallest: int
    largest: int
    classes: int
    gain: int
    loss: int
    same: int
    before: float
    after: float
    diff: Estimate


@dataclass(frozen=True)
class WorstOff:
    """The worst tenth of the classes under one remedy.

    Attributes
    ----------
    spec
        The remedy.
    f1
        Mean F1 of the tenth of the classes that has the lowest F1 under this remedy.
    diff
        Difference to the worst tenth under doing nothing, which may be other classes; NaN for the baseline.
    never
        Evaluated classes of which no example is answered right.
    """

    spec: str
    f1: Estimate
    diff: Estimate
    never: int


@dataclass(frozen=True)
class Exposure:
    """How often classes are given as an answer, in proportion to their true examples.

    Attributes
    ----------
    classes
        How many classes are a tenth of the evaluated ones.
    before, after, diff
        Answers for each true example, mean over the tenth of the classes that gets the fewest under doing nothing and
        under the remedy, each chosen by itself; and the difference.
    gini_before, gini_after, gini_diff
        Gini coefficient of the answers over the evaluated classes: 0 if all are given equally often.
    gini_truth
        That of the true examples.
    """

    classes: int
    before: Estimate
    after: Estimate
    diff: Estimate
    gini_before: Estimate
    gini_after: Estimate
    gini_diff: Estimate
    gini_truth: float


def size_parts(counts: NDArray[Any]) -> NDArray[np.int64]:
    """``[C]`` tenth of each class by size, 0 for the smallest; classes of equal size stay together.

    A tenth is where the middle of the classes of a size lies, so some tenths may be empty.
    """
    middle = np.asarray(rankdata(counts), np.float64) - 0.5
    tenth: NDArray[np.int64] = np.minimum(middle * PARTS // len(counts), PARTS - 1).astype(np.int64)
    return tenth


def lowest_tenth(values: NDArray[np.floating], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``[W]`` mean of the lowest tenth (rounded up) of each column's values.

    Parameters
    ----------
    values, there
        ``[C, W]`` values, and whether they count.
    """
    ordered = np.sort(np.where(there, values, np.inf), axis=0).astype(np.float64)
    size = -(-there.sum(axis=0) // PARTS)
    counted = np.arange(len(ordered))[:, None] < size
    sums = np.where(counted, ordered, 0.0).sum(axis=0)
    lowest: NDArray[np.float64] = sums / np.maximum(size, 1)
    return lowest


def gini(values: NDArray[Any]) -> NDArray[np.float64]:
    """``[W]`` Gini coefficient of each column of ``[C, W]`` values >= 0; 0 where all are 0."""
    ordered = np.sort(values, axis=0).astype(np.float64)
    total, n = ordered.sum(axis=0), len(values)
    ranked = (np.arange(1, n + 1) @ ordered) / np.maximum(total, 1e-12)
    return np.where(total > 0, np.maximum(0.0, 2 * ranked / n - (n + 1) / n), 0.0)


def class_fairness(
    y: NDArray[np.integer],
    group: NDArray[np.integer],
    predictions: Mapping[str, NDArray[np.integer]],
    counts: NDArray[np.integer],
    *,
    base: str,
    best: str,
    replicates: int,
    seed: int,
) -> tuple[list[SizePart], list[WorstOff], Exposure]:
    """Classes by size under `base` and `best`, the worst off under every remedy, and exposure.

    The worst tenth is chosen under each remedy by itself, on the rows as they are and again in every draw. To choose
    it under doing nothing and to measure the same classes under a remedy would find a gain where there is none: part
    of what is worst is so by bad luck, which does not come twice (regression to the mean). For the same reason the
    lowest tenth is lower than that of the true values, under every remedy alike, and its intervals are centred on the
    value (:func:`evenshelf.study.statistics.centred`); those of differences hold percentiles and value
    (:func:`evenshelf.study.statistics.chosen_difference`).

    Parameters
    ----------
    y, group
        ``[n]`` true class and title group of each evaluated row; -1 where nothing is true.
    predictions
        ``[n]`` predicted classes by remedy, -1 where nothing is predicted; `base` and `best` among them.
    counts
        ``[C]`` examples of each class in all the data.
    replicates, seed
        Of the bootstrap; see :mod:`evenshelf.study.statistics`.

    Returns
    -------
    Tenths of classes from the smallest, the worst off in the order of `predictions`, and the exposure.
    """
    asked = np.unique(y[y >= 0])
    sizes, part = counts[asked], size_parts(counts[asked])
    there = np.unique(part)
    unique, cluster = np.unique(group, return_inverse=True)
    # what is no evaluated class, or nothing (-1), is counted in one more row, which is then left out
    place = np.full(len(counts) + 1, len(asked))
    place[asked] = np.arange(len(asked))
    truth = place[y]
    told = {spec: place[codes] for spec, codes in predictions.items()}
    shape = (len(asked) + 1, len(unique))
    support = class_by_group(truth, cluster, shape)[:-1]
    base_hits, base_calls = hits_by_group(truth, told[base], cluster, shape), class_by_group(told[base], cluster, shape)
    found: dict[str, tuple[Any, Any]] = {}
    for spec, codes in told.items():
        # only what differs from the baseline is summed for each draw, which is little
        more = (
            hits_by_group(truth, codes, cluster, shape) - base_hits,
            class_by_group(codes, cluster, shape) - base_calls,
        )
        for matrix in more:
            matrix.eliminate_zeros()
        found[spec] = more[0][:-1], more[1][:-1]
    base_hits, base_calls = base_hits[:-1], base_calls[:-1]
    members = (part == there[:, None]).astype(np.float64)
    specs = list(predictions)

    def score(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        rows = support @ weights
        present = rows > 0
        hits0, calls0 = base_hits @ weights, base_calls @ weights
        lines, seen = [], {}
        for spec, (hits, calls) in found.items():
            answers = calls0 + calls @ weights
            f1 = np.where(present, 2.0 * (hits0 + hits @ weights) / np.maximum(rows + answers, 1), 0.0)
            lines.append(lowest_tenth(f1, present))
            seen[spec] = (f1, answers)
        with np.errstate(invalid="ignore"):  # a draw without any class of a part: NaN is meant
            for spec in (base, best):
                lines.extend((members @ seen[spec][0]) / (members @ present))
        for spec in (base, best):
            answers = seen[spec][1]
            lines += [lowest_tenth(answers / np.maximum(rows, 1), present), gini(answers)]
        return np.stack(lines)

    observed, draws = draw_groups(score, len(unique), replicates=replicates, seed=seed)

    def one(at: int) -> Estimate:
        return centred(float(observed[at]), draws[at], floor=0.0)

    def change(after: int, before: int) -> Estimate:
        return chosen_difference(float(observed[after] - observed[before]), draws[after] - draws[before])

    scores = {spec: class_scores(truth, codes, len(asked) + 1) for spec, codes in told.items()}
    first = specs.index(base)
    worst = [
        WorstOff(
            spec,
            one(n),
            change(n, first) if n != first else NOTHING,
            int((scores[spec].recall[:-1] == 0).sum()),
        )
        for n, spec in enumerate(specs)
    ]
    moved = scores[best].f1[:-1] - scores[base].f1[:-1]
    at, width = len(specs), len(there)
    parts = [
        _part(sizes[part == p], moved[part == p], observed[[at + k, at + width + k]], draws[[at + k, at + width + k]])
        for k, p in enumerate(there)
    ]
    least = at + 2 * width
    exposure = Exposure(
        classes=-(-len(asked) // PARTS),
        before=one(least),
        after=one(least + 2),
        diff=change(least + 2, least),
        gini_before=one(least + 1),
        gini_after=one(least + 3),
        gini_diff=change(least + 3, least + 1),
        gini_truth=float(gini(np.bincount(truth)[: len(asked), None])[0]),
    )
    return parts, worst, exposure


NOTHING = Estimate(float("nan"), float("nan"), float("nan"))


def _part(
    sizes: NDArray[np.integer],
    moved: NDArray[np.floating],
    means: NDArray[np.float64],
    draws: NDArray[np.float64],
) -> SizePart:
    return SizePart(
        smallest=int(sizes.min()),
        largest=int(sizes.max()),
        classes=len(sizes),
        gain=int((moved > 0).sum()),
        loss=int((moved < 0).sum()),
        same=int((moved == 0).sum()),
        before=float(means[0]),
        after=float(means[1]),
        diff=estimate(float(means[1] - means[0]), draws[1] - draws[0]),
    )

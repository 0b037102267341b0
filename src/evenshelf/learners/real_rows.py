"""Training rows as a remedy leaves them, for learners that need real ones: vectors, labels and weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.materialise import copied, weighted
from evenshelf.remedies import Prior, Remedy, Stage
from evenshelf.tasks.folds import grouped_folds

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

PARTS = 8
"""One part of so many is held out to tell when to stop."""


@dataclass(frozen=True, eq=False)
class RealRows:
    """Rows to fit on.

    Attributes
    ----------
    vectors
        ``[m, d]``.
    target
        ``[m]`` group codes.
    weight
        ``[m]`` > 0, or ``None``: all the same.
    """

    vectors: Floats
    target: Codes
    weight: Floats | None


def real_rows(
    vectors: Floats,
    target: Codes,
    groups: int,
    remedy: Remedy,
    rng: np.random.Generator,
    *,
    weighs: bool,
    class_weight: Floats | None = None,
) -> RealRows:
    """What a remedy that resamples makes of the rows, built; and their weights.

    Parameters
    ----------
    vectors, target, groups, remedy
        See :class:`evenshelf.learners.registry.FitScores`.
    rng
        Source of all randomness.
    weighs
        Whether the learner takes weights; otherwise a row that stands for several is repeated.
    class_weight
        ``[groups]`` by which rows are weighed besides.
    """
    prior = Prior(np.bincount(target, minlength=groups).astype(np.int64))
    rows = remedy.resample(vectors, target, prior, rng) if Stage.RESAMPLE in remedy.stages else None
    weight: Floats | None = None
    if rows is not None:
        if weighs:
            index, target, weight = weighted(rows)
        else:
            index, target = copied(rows, rng)
        if rows.made is not None:
            vectors = np.concatenate([vectors, rows.made])
        first, second, step = rows.first[index], rows.second[index], rows.step[index][:, None]
        vectors = ((1 - step) * vectors[first] + step * vectors[second]).astype(np.float32)
        if weight is not None and (weight == 1).all():
            weight = None
    for by_group in (remedy.weight(prior), class_weight):
        if by_group is not None:
            weight = (by_group[target] * (1.0 if weight is None else weight)).astype(np.float32)
    return RealRows(vectors, target, weight)


def held_out(vectors: Floats, target: Codes, group: Codes | None, seed: int) -> NDArray[np.bool_]:
    """``[n]`` which rows are held out to tell when to stop: about one of :data:`PARTS`, maybe none.

    Groups are never split, and a class that stands in one group stays in training.

    Parameters
    ----------
    group
        ``[n]`` equal numbers stay together; without them equal vectors do.
    seed
        Of the draw.
    """
    if group is None:
        _, group = np.unique(vectors, axis=0, return_inverse=True)
    group = group.reshape(-1)
    parts = min(PARTS, len(np.unique(group)))
    if parts < 3:
        return np.zeros(len(target), bool)
    return np.asarray(grouped_folds(target, group, parts, seed) == 0)

"""Scores of rows by models that have not seen them, for remedies that calibrate where no study holds rows back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.registry import FitScores
from evenshelf.remedies import Composition, Remedy, Stage, parse

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

CROSS_FITS = 3
"""Parts that rows are dealt out to, where scores of unseen rows are needed and no study has them."""


def cross_fitted(
    fit: FitScores,
    vectors: Floats,
    target: Codes,
    groups: int,
    remedy: Remedy,
    *,
    names: Floats | None,
    seed: int,
    penalty: float | None,
    group: Codes | None = None,
) -> tuple[Floats, Codes, Floats]:
    """Scores of rows by models that have not seen them, their groups and counts.

    Of each class, rows are dealt out in turn, those that belong together in one part. What is left of a class of one
    row, or of rows without which nothing can be fitted, stays in training: of these a model can say nothing that it has
    not seen.
    Rows of a class that the model of their part has not seen at all are left out.

    Parameters
    ----------
    fit
        Fits one of the models, under the remedy without its calibration.
    vectors, target, groups, remedy, names, seed, penalty
        See :class:`evenshelf.learners.registry.FitScores`.
    group
        ``[n]`` numbers of which equal ones belong together, handed on to `fit`; without them equal vectors do.

    Returns
    -------
    ``[m, groups]`` scores, ``[m]`` groups and ``[m]`` ones.
    """
    together = vectors if group is None else group
    _, first, alike = np.unique(together, axis=0, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(first))
    turn = np.empty(len(first), np.int64)
    for code in np.unique(target):
        rows = order[target[first][order] == code]
        turn[rows] = np.arange(len(rows)) % CROSS_FITS if len(rows) > 1 else -1
    turn = turn[alike.ravel()]
    for number in range(CROSS_FITS):
        kept = turn != number
        if len(np.unique(alike.ravel()[kept])) < 2 or len(np.unique(target[kept])) < 2:
            turn[~kept] = -1
    bare = uncalibrated(remedy)
    scores = np.zeros((len(target), groups), np.float32)
    kept = turn >= 0
    for number in range(CROSS_FITS):
        seen, unseen = turn != number, turn == number
        if not unseen.any():
            continue
        more: dict[str, Any] = {} if group is None else {"group": group[seen]}
        fitted = fit(vectors[seen], target[seen], groups, bare, names=names, seed=seed, penalty=penalty, **more)
        scores[unseen] = fitted(vectors[unseen])
        # a row that belongs to one of another class goes where that goes, and may be the only one of its own
        kept[unseen] = np.isin(target[unseen], target[seen])
    return scores[kept], target[kept], np.ones(int(kept.sum()), np.float32)


def uncalibrated(remedy: Remedy) -> Remedy:
    """What is fitted without calibration: the same remedy but for its last step."""
    parts = tuple(p for p in remedy.parts if Stage.CALIBRATE not in p.stages)
    return Composition(parts) if len(parts) > 1 else parts[0] if parts else parse("none")

"""One linear logistic head a label, on frozen vectors, all fitted together: the learner ``binary_heads``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.cross_fitting import CROSS_FITS, uncalibrated
from evenshelf.learners.heads import LoneHead
from evenshelf.learners.paths import fit_path, penalties
from evenshelf.learners.registry import LearnerKind, register
from evenshelf.learners.training import Training, training_part, training_rows
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Remedy, Stage

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

STAGES = (Stage.RESAMPLE, Stage.WEIGHT, Stage.LOSS, Stage.CALIBRATE, Stage.POOL)


def fit_sets(
    vectors: Floats,
    labels: csr_array,
    remedy: Remedy,
    *,
    names: Floats | None = None,
    seed: int = 0,
    penalty: float | None = None,
) -> LoneHead:
    """Heads for sets of labels, fitted by themselves and tightly.

    A study fits those of several remedies together instead, which has the same optimum.

    Parameters
    ----------
    vectors
        ``[n, d]`` float32, a row a text.
    labels
        ``[n, G]`` sparse; what is not 0 is a label that the text has.
    remedy, names, seed, penalty
        See :class:`evenshelf.learners.registry.FitScores`.

    Returns
    -------
    What gives ``[m, G]`` log odds for vectors ``[m, d]``; a label is given where they are above 0.

    Raises
    ------
    InputError
        If there are not as many sets as vectors.
    SettingError
        If the remedy cannot act where each label has a score of its own.
    """
    reason = BINARY.unsupported(remedy)
    if reason:
        raise SettingError(f"{remedy}: {reason}.")
    if labels.shape[0] != len(vectors):
        raise InputError(f"{len(vectors)} vectors but {labels.shape[0]} sets of labels: they must be equally many.")
    positive = csr_array(csr_array(labels, dtype=bool), dtype=np.float32)
    positive.eliminate_zeros()
    rows = np.arange(len(vectors))
    prepared = prepare(vectors, np.zeros_like(rows), np.zeros_like(rows), rows)
    prepared = replace(prepared, positive=positive)
    training = Training.of(prepared, (-1, 0), positive.shape[1], names)
    made = training_rows(remedy, training, np.random.default_rng(seed))
    head = fit_path(training, [(training_part(remedy), made, (penalty,))], tolerance=1e-8, max_steps=500)[0][0]
    calibrated = None
    if Stage.CALIBRATE in remedy.stages:
        unseen, scores = _cross_fitted(vectors, positive, remedy, names=names, seed=seed, penalty=penalty)
        count = np.ones(len(unseen), np.float32)
        calibrated = remedy.set_calibration(scores, csr_array(positive[unseen], dtype=bool), count, training.prior)
    return LoneHead(head, remedy, prepared.mean, prepared.axes, prepared.scale, calibrated)


def fit_each(
    vectors: Floats,
    target: Codes,
    groups: int,
    remedy: Remedy,
    *,
    names: Floats | None = None,
    seed: int = 0,
    penalty: float | None = None,
) -> LoneHead:
    """One against all others for each group; see :class:`evenshelf.learners.registry.FitScores`."""
    lines = np.arange(len(target))
    labels = csr_array((np.ones(len(target), np.float32), (lines, target)), shape=(len(target), groups))
    return fit_sets(vectors, labels, remedy, names=names, seed=seed, penalty=penalty)


def _cross_fitted(
    vectors: Floats, positive: csr_array, remedy: Remedy, *, names: Floats | None, seed: int, penalty: float | None
) -> tuple[Codes, Floats]:
    """Rows dealt out at random, equal ones together, and their scores by heads that have not seen them.

    Rows without which nothing can be fitted stay in training, and are left out.
    """
    _, first, alike = np.unique(vectors, axis=0, return_index=True, return_inverse=True)
    turn = (np.random.default_rng(seed).permutation(len(first)) % CROSS_FITS)[alike.ravel()]
    bare = uncalibrated(remedy)
    rows, found = [], []
    for number in range(CROSS_FITS):
        seen, unseen = np.flatnonzero(turn != number), np.flatnonzero(turn == number)
        if not len(unseen) or len(np.unique(alike.ravel()[seen])) < 2:
            continue
        fitted = fit_sets(vectors[seen], positive[seen], bare, names=names, seed=seed, penalty=penalty)
        rows.append(unseen)
        found.append(fitted(vectors[unseen]))
    if not rows:
        return np.empty(0, np.int64), np.empty((0, positive.shape[1]), np.float32)
    return np.concatenate(rows), np.concatenate(found)


BINARY = register(
    LearnerKind(
        "binary_heads",
        "linear heads, one a label,",
        "One linear logistic classifier a label, all fitted together, for examples with sets of labels: each is given "
        "where its own score says so.",
        STAGES,
        fit_each,
        penalties,
        "C = 1",
        sets=True,
    )
)

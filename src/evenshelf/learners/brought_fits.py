"""How classifiers and modules that a user brought are fitted under a remedy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.brought import Brought, Form, guarded, made_by
from evenshelf.learners.cross_fitting import cross_fitted
from evenshelf.learners.log_scores import log_scores, spread
from evenshelf.learners.real_rows import held_out, real_rows
from evenshelf.learners.registry import Predict
from evenshelf.learners.torch_training import Examples, Loop, predicted, seeded, train
from evenshelf.remedies import Calibrated, Prior, Remedy, Stage, effective_loss

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

BATCH = 1024
"""Rows that are scored at once."""


def fit_brought(
    brought: Brought,
    vectors: Floats,
    target: Codes,
    groups: int,
    remedy: Remedy,
    *,
    seed: int,
    group: Codes | None,
) -> Predict:
    """Fit a classifier or a module, adjust its scores, and calibrate them on rows that others like it have not seen.

    Raises
    ------
    SettingError
        If the user's code raises, or gives what are no scores.
    """
    prior = Prior(np.bincount(target, minlength=groups).astype(np.int64))
    fits = {Form.CLASSIFIER: _classifier, Form.TORCH: _torch, Form.KERAS: _keras}
    if prior.present.sum() < 2:
        scores = _only(np.flatnonzero(prior.present), groups)
    else:
        scores = fits[brought.form](_Asked(brought, vectors, target, groups, remedy, prior, seed, group))
    calibrated: Calibrated | None = None
    if Stage.CALIBRATE in remedy.stages:
        unseen = cross_fitted(
            brought, vectors, target, groups, remedy, names=None, seed=seed, penalty=None, group=group
        )
        calibrated = remedy.calibration(*unseen, prior)

    def predict(new: Floats) -> Floats:
        if not len(new):
            return np.empty((0, groups), np.float32)
        adjusted = remedy.adjust(scores(new), prior, np.ones(groups, np.float32))
        return adjusted if calibrated is None else calibrated(adjusted)

    return predict


def outputs(made: Any, form: Form, rows: Floats) -> Floats:
    """What a module or model gives for ``[n, d]`` rows."""
    if form is Form.TORCH:
        with seeded(0):
            return predicted(made, rows)
    import keras  # noqa: PLC0415

    parts = [made(rows[start : start + BATCH], training=False) for start in range(0, len(rows), BATCH)]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is to be fitted on what."""

    brought: Brought
    vectors: Floats
    target: Codes
    groups: int
    remedy: Remedy
    prior: Prior
    seed: int
    group: Codes | None


def _only(present: Codes, groups: int) -> Predict:
    return lambda new: spread(np.zeros((len(new), len(present))), present, groups)


def _classifier(asked: _Asked) -> Predict:
    from sklearn.base import clone  # noqa: PLC0415

    brought, groups, seed = asked.brought, asked.groups, asked.seed
    rng = np.random.default_rng(seed)
    rows = real_rows(asked.vectors, asked.target, groups, asked.remedy, rng, weighs=brought.weighs)
    if len(np.unique(rows.target)) < 2:
        return _only(np.unique(rows.target), groups)
    estimator = clone(made_by(brought.origin))
    open_seeds = {
        key: seed
        for key, value in estimator.get_params().items()
        if value is None and (key == "random_state" or key.endswith("__random_state"))
    }
    estimator.set_params(**open_seeds)
    weight = {} if rows.weight is None else {"sample_weight": rows.weight}
    guarded(brought.origin, lambda: estimator.fit(rows.vectors, rows.target, **weight))
    present = np.asarray(estimator.classes_, np.int64)

    def scores(new: Floats) -> Floats:
        if not brought.logits:
            found = guarded(brought.origin, lambda: estimator.predict_proba(new))
            return log_scores(_shaped(brought, found, len(new), len(present)), present, groups)
        found = np.asarray(guarded(brought.origin, lambda: estimator.decision_function(new)))
        if found.ndim == 1:  # of two classes, how far the second one leads
            found = np.stack([-found / 2, found / 2], axis=1)
        return spread(_shaped(brought, found, len(new), len(present)), present, groups)

    return scores


def _torch(asked: _Asked) -> Predict:
    loss = effective_loss(asked.remedy, asked.prior)
    warm_up = loss.warm_up()
    given, stop = _parts(asked, loss.class_weight())
    with seeded(asked.seed):
        module = made_by(asked.brought.origin, (asked.vectors.shape[1], asked.groups))
        losses = (loss,) if warm_up is None else (warm_up, loss)
        guarded(asked.brought.origin, lambda: train(module, given, stop, losses=losses, loop=Loop(), seed=asked.seed))
    return _known(asked, partial(outputs, module, Form.TORCH))


def _keras(asked: _Asked) -> Predict:
    """As it was compiled, or with Adam and cross entropy; sets the global seeds, as Keras does."""
    import keras  # noqa: PLC0415 - slow to import, and optional

    brought, groups, loop = asked.brought, asked.groups, Loop()
    given, stop = _parts(asked, None)
    keras.utils.set_random_seed(asked.seed % 2**32)
    model = made_by(brought.origin, (asked.vectors.shape[1], groups))
    if not model.compiled:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=brought.logits)
        model.compile(optimizer=keras.optimizers.Adam(loop.rate), loss=loss)
    each = math.ceil(loop.steps / math.ceil(len(given.target) / loop.batch))
    stopping = keras.callbacks.EarlyStopping(patience=loop.patience * each, restore_best_weights=True)
    guarded(
        brought.origin,
        lambda: model.fit(
            given.inputs,
            given.target,
            sample_weight=given.weights(),
            validation_data=None if stop is None else (stop.inputs, stop.target, stop.weights()),
            callbacks=[] if stop is None else [stopping],
            epochs=loop.rounds * each,
            batch_size=loop.batch,
            verbose=0,
        ),
    )

    def scores(new: Floats) -> Floats:
        found = outputs(model, Form.KERAS, new)
        return found if brought.logits else log_scores(found, np.arange(groups), groups)

    return _known(asked, scores)


def _parts(asked: _Asked, class_weight: Floats | None) -> tuple[Examples, Examples | None]:
    """Rows to train on, as the remedy leaves them, and those held out to stop by, weighed alike."""
    vectors, target, groups, remedy = asked.vectors, asked.target, asked.groups, asked.remedy
    out = held_out(vectors, target, asked.group, asked.seed)
    rng = np.random.default_rng(asked.seed)
    rows = real_rows(vectors[~out], target[~out], groups, remedy, rng, weighs=True, class_weight=class_weight)
    given = Examples(rows.vectors, rows.target, rows.weight)
    if not out.any():
        return given, None
    weight = np.ones(int(out.sum()), np.float32)
    for by_group in (remedy.weight(asked.prior), class_weight):
        if by_group is not None:
            weight *= by_group[target[out]]
    return given, Examples(vectors[out], target[out], weight)


def _known(asked: _Asked, scores: Callable[[Floats], Floats]) -> Predict:
    """Scores of a module, without a chance for groups that it has never seen."""
    present, groups = np.flatnonzero(asked.prior.present), asked.groups

    def predict(new: Floats) -> Floats:
        found = guarded(asked.brought.origin, lambda: scores(new))
        return spread(_shaped(asked.brought, found, len(new), groups)[:, present], present, groups)

    return predict


def _shaped(brought: Brought, found: Any, rows: int, classes: int) -> NDArray[np.floating]:
    array = np.asarray(found)
    if array.shape != (rows, classes) or not np.isfinite(array).all():
        what = (
            f"the shape {array.shape}, not {(rows, classes)}" if array.shape != (rows, classes) else "no finite scores"
        )
        raise SettingError(f"learner={brought.origin.source!r} gives {what}.", hint="One score a row and class.")
    return array

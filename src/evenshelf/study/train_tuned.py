"""A tuned language model and its heads fitted on all data, as a bundle serves them: in 8 bits, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders import Encoder, VectorCache
from evenshelf.encoders.onnx_encoder import OnnxEncoder
from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind
from evenshelf.learners.bundling import CrossFitted, check_bundled
from evenshelf.learners.finetune.exported import checkpoint_of
from evenshelf.learners.finetune.fits import TunedHeads, split
from evenshelf.learners.variants import VariantRows
from evenshelf.learners.vectors import Vectors, prepare_given
from evenshelf.plurals import counted
from evenshelf.remedies import Remedy, TextMaker
from evenshelf.study.fits import Model, fit_unit
from evenshelf.study.plan import Setting, Training, Unit
from evenshelf.study.served import SERVED
from evenshelf.study.trials import generator
from evenshelf.tasks.label import LabelTask

Floats = NDArray[np.float32]

MODEL = "bert-int8:./tuned"
"""What a bundle calls the tuned model that it holds."""
_LOOKED_AT = 2000
"""Texts by which it is measured what 8 bits lose."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a bundle keeps, and what it is judged by.

    Attributes
    ----------
    found
        The head, and what heads on models that had not seen a row said of it.
    encoder
        What is served: the frozen one, or the tuned model in 8 bits.
    prepared
        Rows, in the order of what was found.
    vectors
        ``[n, d]`` of the texts by that encoder.
    measured
        What else is known of it, JSON-able, for the evidence of a bundle.
    """

    found: CrossFitted
    encoder: Encoder
    prepared: Vectors
    vectors: Floats
    measured: Mapping[str, Any] = field(default_factory=dict)


def rows_for(task: LabelTask, learner: LearnerKind, vectors: Floats, names: Floats) -> tuple[Floats, Floats]:
    """``[n, d + r]`` rows of examples and ``[C, d + r]`` of classes, as the learner is given them."""
    assert task.texts is not None
    assert learner.reads is not None
    read = learner.reads([*task.texts, *task.class_texts])
    size = len(task.texts)
    return np.hstack([vectors, read[:size]]), np.hstack([names, read[size:]])


def laid_out(task: LabelTask, rows: Floats, fold: NDArray[np.integer]) -> Vectors:
    """The rows by fold."""
    return prepare_given(rows, task.target, fold, task.same, group=task.group)


def fit_tuned(
    task: LabelTask,
    learner: LearnerKind,
    remedy: Remedy,
    prepared: Vectors,
    names: Floats,
    *,
    cache: VectorCache,
    penalty: float,
    seed: int = 0,
    variants: Mapping[TextMaker, VariantRows] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Fitted:
    """Tune a model on all rows, and one without each fold; the first and its head are what is served.

    Those without a fold are found in the cache where a study has tuned them.

    Parameters
    ----------
    prepared, names
        As :func:`laid_out` and :func:`rows_for` give them.
    cache
        Of the vectors of the served model.
    penalty
        Of the heads.
    variants
        Made texts, for a remedy that trains on such.
    progress
        Called with the number of models tuned and in all.

    Raises
    ------
    SettingError
        If the remedy, or the architecture of the model, cannot be kept in a bundle.
    """
    check_bundled(remedy)
    assert task.texts is not None
    classes = len(task.classes)
    numbers = [fold for fold in range(prepared.folds) if prepared.spans((fold,))]
    given: dict[str, Any] = {"penalty": penalty, "seed": seed, "variants": variants}
    scores = []
    progress(0, len(numbers) + 1)
    for done, fold in enumerate(numbers, start=1):
        scores.append(fit_without(learner, remedy, prepared, names, (fold,), **given).scores(fold, remedy))
        progress(done, len(numbers) + 1)
    tuned = tuned_without(learner, remedy, prepared, names, (), **given)
    progress(len(numbers) + 1, len(numbers) + 1)
    encoder = OnnxEncoder(checkpoint_of(tuned.tuned, tuned.settings), MODEL, int8=True)
    texts = list(task.texts)
    vectors = cache.encode(encoder, texts)
    rows = prepared.index(tuple(numbers))
    some = np.linspace(0, len(texts) - 1, min(_LOOKED_AT, len(texts))).astype(np.int64)
    told = what_8_bits_lose(tuned, prepared.rows[prepared.row_of[some], 1:], vectors[some])
    notes = (*tuned.head.notes, told)
    found = CrossFitted(tuned.head, np.concatenate([np.empty((0, classes), np.float32), *scores]), rows, notes)
    return Fitted(found, encoder, prepared, vectors)


def tuned_without(
    learner: LearnerKind,
    remedy: Remedy,
    prepared: Vectors,
    names: Floats,
    held: tuple[int, ...],
    *,
    penalty: float,
    seed: int,
    variants: Mapping[TextMaker, VariantRows] | None = None,
) -> TunedHeads:
    """A model tuned without some folds, with its heads; as :func:`fit_tuned`.

    Raises
    ------
    SettingError
        If the learner is another one.
    """
    given: dict[str, Any] = {"penalty": penalty, "seed": seed, "variants": variants}
    tuned = fit_without(learner, remedy, prepared, names, held, **given).predict
    if not isinstance(tuned, TunedHeads):
        raise SettingError(f"The learner {learner.name!r} has no heads to keep.", hint=f"Train with {SERVED}.")
    return tuned


def fit_without(
    learner: LearnerKind,
    remedy: Remedy,
    prepared: Vectors,
    names: Floats,
    held: tuple[int, ...],
    *,
    penalty: float,
    seed: int,
    variants: Mapping[TextMaker, VariantRows] | None = None,
) -> Model:
    """Fit without some folds, as a study does; as :func:`fit_tuned`."""
    training = Training(remedy, (penalty,), ((remedy.spec, Setting(remedy, penalty)),))
    unit = Unit("final", "", held, (training,), learner=learner)
    random = partial(generator, seed)
    (models,) = fit_unit(unit, prepared, names, random=random, start=_none, variants=variants).models
    return models[0]


def what_8_bits_lose(tuned: TunedHeads, rows: Floats, served: Floats) -> str:
    """What is lost by computing the model in 8 bits, as a sentence.

    Parameters
    ----------
    rows
        ``[n, d + r]`` of texts, as the learner is given them.
    served
        ``[n, w]`` their vectors in 8 bits.
    """
    exact = tuned.tuned.encode(split(rows, tuned.settings)[1])
    cosine = np.sum(exact * served, axis=1, dtype=np.float64)
    same = tuned.head(exact).argmax(axis=1) == tuned.head(served).argmax(axis=1)
    return (
        f"the tuned model is served in 8 bits: the cosine to its exact vectors is {cosine.mean():.4f} in the mean and "
        f"{cosine.min():.3f} at least, and {same.mean():.1%} of {counted(len(rows), 'text', 'texts')} keep their label"
    )


def _none(start: object) -> Floats:
    raise AssertionError(f"a tuned model starts from nothing, and not from {start}")

"""What is fitted of a shop's task: heads on a frozen encoder, on a tuned model, or on a table distilled from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders import Encoder, VectorCache
from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind
from evenshelf.learners.bundling import cross_fit
from evenshelf.learners.finetune.fits import Decoupled
from evenshelf.learners.heads import HEADS
from evenshelf.learners.language_models import penalty_of_heads
from evenshelf.learners.variants import VariantRows
from evenshelf.learners.vectors import Vectors, prepare
from evenshelf.remedies import Remedy
from evenshelf.shop.progress import Progress
from evenshelf.study.judged import chosen_penalty
from evenshelf.study.made_rows import rows_of
from evenshelf.study.text_making import TextMaking, check_maker
from evenshelf.study.train_distilled import Frozen, fit_distilled
from evenshelf.study.train_tuned import Fitted, fit_tuned, laid_out, rows_for
from evenshelf.study.winner import Winner
from evenshelf.tasks.label import LabelTask

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Given:
    """What models are fitted on, and under what."""

    task: LabelTask
    fold: NDArray[np.int16]
    remedy: Remedy
    encoder: Encoder
    cache: VectorCache
    seed: int
    progress: Progress

    def progress_of_texts(self, done: float, total: float, words: str) -> None:
        """Tell how many texts were looked at of which others are made."""
        self.progress(words, int(done), int(total))


def linear(given: Given, winner: Winner, vectors: Floats, names: Floats) -> tuple[Winner, Fitted]:
    """Heads on the vectors of a frozen encoder."""
    task, remedy, seed = given.task, given.remedy, given.seed
    prepared = prepare(vectors, task.target, given.fold, task.same, several=task.several)
    variants = _made(given, prepared)
    given.progress("fitting", 0, None)
    if winner.penalty is None:
        penalty = chosen_penalty(prepared, task, remedy, names, seed, variants=variants)
        how = "the best of those tried on a held-out fold" if penalty is not None else HEADS.default
        winner = replace(winner, penalty=penalty, chosen=f"{winner.chosen}; penalty: {how}")
    found = cross_fit(
        prepared,
        len(task.classes),
        remedy,
        names=names,
        penalty=winner.penalty,
        seed=seed,
        variants=variants,
        progress=lambda done, total: given.progress("fitting", done, total),
    )
    return winner, Fitted(found, given.encoder, prepared, vectors)


def tuned(given: Given, learner: LearnerKind, winner: Winner, vectors: Floats, names: Floats) -> tuple[Winner, Fitted]:
    """Heads on the vectors of a tuned model, which is served in the place of the encoder."""
    task = given.task
    _check_one_label(task)
    rows, called = rows_for(task, learner, vectors, names)
    prepared = laid_out(task, rows, given.fold)
    variants, maker = _made(given, prepared, learner), given.remedy.text_maker
    penalty = penalty_of_heads(1)[0] if winner.penalty is None else winner.penalty
    winner = replace(winner, penalty=penalty, notes=(*winner.notes, _tuned_by(learner)))
    return winner, fit_tuned(
        task,
        learner,
        given.remedy,
        prepared,
        called,
        cache=given.cache,
        seed=given.seed,
        penalty=penalty,
        variants={} if variants is None or maker is None else {maker.made_alike: variants},
        progress=lambda done, total: given.progress("tuning models", done, total),
    )


def distilled(
    given: Given, learner: LearnerKind, winner: Winner, vectors: Floats, names: Floats, *, further: Sequence[str]
) -> tuple[Winner, Fitted]:
    """Heads on the vectors of a table that imitates a tuned model, which is served in the place of the encoder.

    Parameters
    ----------
    further
        Texts of the shop that have no label, from which the table learns as well.
    """
    task, remedy = given.task, given.remedy
    _check_one_label(task)
    rows, called = rows_for(task, learner, vectors, names)
    frozen = prepare(vectors, task.target, given.fold, task.same)
    given.progress("fitting", 0, None)
    strength = chosen_penalty(frozen, task, remedy, names, given.seed)
    beside = cross_fit(frozen, len(task.classes), remedy, names=names, penalty=strength, seed=given.seed)
    fitted, penalty = fit_distilled(
        task,
        learner,
        remedy,
        laid_out(task, rows, given.fold),
        called,
        fold=given.fold,
        frozen=Frozen(given.encoder.name, beside.scores),
        further=further,
        penalty=winner.penalty,
        seed=given.seed,
        progress=lambda done, total: given.progress("tuning and distilling models", done, total),
    )
    chosen = winner.chosen
    if winner.penalty is None:
        chosen += "; penalty: " + ("the best of those tried on a held-out fold" if penalty else HEADS.default)
    return replace(winner, penalty=penalty, chosen=chosen, notes=(*winner.notes, _tuned_by(learner))), fitted


def _check_one_label(task: LabelTask) -> None:
    if task.several:
        raise SettingError(
            f"A bundle of a tuned model gives one {task.nouns.label}, and here a {task.nouns.thing} has several.",
            hint=f"Train with the learner {HEADS.name}.",
        )


def _tuned_by(learner: LearnerKind) -> str:
    assert isinstance(learner.fit, Decoupled)
    model = learner.fit.settings.model
    told = learner.name.replace(model, Path(model).name) if Path(model).is_absolute() else learner.name
    return f"the model was tuned by {told}"


def _made(given: Given, prepared: Vectors, learner: LearnerKind = HEADS) -> VariantRows | None:
    """Texts that a remedy trains on besides, or ``None``."""
    maker = given.remedy.text_maker
    if maker is None:
        return None
    check_maker(maker)
    making = TextMaking(given.task, given.encoder, given.cache, learner.reads)
    reason = making.unfit(maker)
    if reason:
        raise SettingError(f"{given.remedy} cannot be used here: {reason}.", hint="Name another remedy with --remedy.")
    made = making(maker.made_alike, [given.remedy], given.fold, given.seed, given.progress_of_texts)
    return rows_of(made, prepared)

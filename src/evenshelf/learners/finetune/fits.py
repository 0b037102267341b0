"""Learners that tune a language model to labels: with the head that was tuned, or with linear heads on its vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.cross_fitting import cross_fitted
from evenshelf.learners.finetune.kept import kept
from evenshelf.learners.finetune.network import token_rows
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.finetune.tuning import Lessons, Tuned, tune
from evenshelf.learners.heads import STAGES, fit_alone
from evenshelf.learners.log_scores import spread
from evenshelf.learners.materialise import weighted
from evenshelf.learners.real_rows import held_out
from evenshelf.learners.registry import LearnerKind, Predict, register
from evenshelf.remedies import Loss, Prior, Remedy, Stage, effective_loss, parse

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Tokens:
    """Reads texts as rows of token numbers; see :attr:`~evenshelf.learners.registry.LearnerKind.reads`."""

    model: str
    length: int

    def __call__(self, texts: list[str]) -> Floats:
        """``[n, length]``."""
        return token_rows(texts, self.model, self.length)


@dataclass(frozen=True)
class Joint:
    """Tunes model and head together under a remedy: its rows, weights, loss and adjustments.

    Rows that lie between two texts, as those of Mixup and SMOTE, lie between their vectors inside the network; which
    texts are near is seen in the vectors of the frozen encoder.
    """

    settings: FineTuning

    @property
    def fingerprint(self) -> str:
        """All that decides what it does."""
        return f"finetune 1 {self.settings!r}"

    def __call__(
        self,
        vectors: Floats,
        target: Codes,
        groups: int,
        remedy: Remedy,
        *,
        names: Floats | None = None,
        seed: int = 0,
        penalty: float | None = None,
        group: Codes | None = None,
    ) -> Predict:
        """See :class:`evenshelf.learners.registry.FitScores`; the last columns of rows and names are tokens."""
        del penalty
        frozen, rows = _split(vectors, self.settings)
        prior = Prior(np.bincount(target, minlength=groups).astype(np.int64))
        present = np.flatnonzero(prior.present)
        if len(present) < 2:
            return lambda new: spread(np.zeros((len(new), len(present))), present, groups)
        loss = effective_loss(remedy, prior)
        out = _held(rows, target, group, seed) if self.settings.patience else np.zeros(len(target), bool)
        lessons = _lessons(frozen[~out], rows[~out], target[~out], remedy, prior, loss, seed)
        pooled = names is not None and Stage.POOL in remedy.stages

        def judge(scores: Floats) -> float:
            adjusted = remedy.adjust(scores.copy(), prior, np.ones(groups, np.float32))
            return macro_f1(target[out], adjusted[:, present].argmax(axis=1), present)

        tuned = tune(
            lessons,
            groups,
            self.settings,
            loss=loss,
            names=_split(names, self.settings)[1] if pooled and names is not None else None,
            seed=seed,
            judge=judge if out.any() else None,
            held=rows[out] if out.any() else None,
        )
        norms = np.linalg.norm(tuned.weights, axis=0).astype(np.float32)

        def scores(new: Floats) -> Floats:
            if not len(new):
                return np.empty((0, groups), np.float32)
            found = tuned.head(tuned.encode(_split(new, self.settings)[1]))
            return remedy.adjust(spread(found[:, present], present, groups), prior, norms)

        if Stage.CALIBRATE not in remedy.stages:
            return scores
        more: dict[str, Any] = {"names": names, "seed": seed, "penalty": None, "group": group}
        calibrated = remedy.calibration(*cross_fitted(self, vectors, target, groups, remedy, **more), prior)
        return lambda new: calibrated(scores(new)) if len(new) else scores(new)


@dataclass(frozen=True)
class Decoupled:
    """Tunes a model on rows as they are, and fits linear heads under the remedy on its vectors (Kang et al., ICLR 2020).

    One tuning serves all remedies of a study, as none acts in it.
    """

    settings: FineTuning

    @property
    def fingerprint(self) -> str:
        """All that decides what it does."""
        return f"finetune_heads 1 {self.settings!r}"

    def __call__(
        self,
        vectors: Floats,
        target: Codes,
        groups: int,
        remedy: Remedy,
        *,
        names: Floats | None = None,
        seed: int = 0,
        penalty: float | None = None,
        group: Codes | None = None,
    ) -> Predict:
        """See :class:`evenshelf.learners.registry.FitScores`; the last columns of rows and names are tokens."""
        rows = _split(vectors, self.settings)[1]
        lessons = Lessons.plain(rows, target)
        # of the rows alone: remedies are given seeds of their own, and the same model is to serve them all
        own = int(np.bincount(target, minlength=groups) @ np.arange(1, groups + 1)) % 2**31
        out = _held(rows, target, group, own) if self.settings.patience else np.zeros(len(target), bool)

        def made(place: Path) -> Tuned:
            return self._tuned(rows, target, groups, out, own, place)

        tuned = kept(lessons, groups, self.settings, own, made)
        head = fit_alone(
            tuned.encode(rows),
            target,
            groups,
            remedy,
            names=None if names is None else tuned.encode(_split(names, self.settings)[1]),
            seed=seed,
            penalty=penalty,
        )
        return lambda new: head(tuned.encode(_split(new, self.settings)[1]))

    def _tuned(self, rows: Floats, target: Codes, groups: int, out: NDArray[np.bool_], seed: int, place: Path) -> Tuned:
        lessons = Lessons.plain(rows[~out], target[~out])
        present = np.unique(target)

        def judge(scores: Floats) -> float:
            return macro_f1(target[out], scores[:, present].argmax(axis=1), present)

        judged: dict[str, Any] = {"judge": judge, "held": rows[out]} if out.any() else {}
        return tune(lessons, groups, self.settings, seed=seed, place=place, **judged)


def macro_f1(target: Codes, predicted: Codes, present: Codes) -> float:
    """Mean F1 over the groups that are among the rows, rare ones counting as much as others.

    Parameters
    ----------
    target
        ``[n]`` group codes.
    predicted
        ``[n]`` places in `present`.
    """
    answer = present[predicted]
    codes = np.unique(target)
    right = np.array([(answer[target == code] == code).sum() for code in codes])
    said = np.array([(answer == code).sum() for code in codes])
    there = np.array([(target == code).sum() for code in codes])
    return float((2 * right / np.maximum(said + there, 1)).mean())


def _lessons(
    frozen: Floats, rows: Floats, target: Codes, remedy: Remedy, prior: Prior, loss: Loss, seed: int
) -> Lessons:
    """What a remedy makes of the rows, weighed."""
    found = Lessons.plain(rows, target)
    if Stage.RESAMPLE in remedy.stages:
        made = remedy.resample(frozen, target, _prior_of(target, prior), np.random.default_rng(seed))
        if made is not None and made.made is not None:
            raise SettingError(f"{remedy} makes vectors that no text has.", hint="Use it with the learner heads.")
        if made is not None:
            index, label, weight = weighted(made)
            found = Lessons(rows, made.first[index], made.second[index], made.step[index], label, weight)
    weight = found.weight
    for by_group in (remedy.weight(prior), loss.class_weight()):
        if by_group is not None:
            weight = (weight * by_group[found.target]).astype(np.float32)
    return replace(found, weight=weight)


def _prior_of(target: Codes, prior: Prior) -> Prior:
    return Prior(np.bincount(target, minlength=len(prior.counts)).astype(np.int64))


def _held(rows: Floats, target: Codes, group: Codes | None, seed: int) -> NDArray[np.bool_]:
    return held_out(rows, target, group, seed)


def _split(rows: Floats, settings: FineTuning) -> tuple[Floats, Floats]:
    """Vectors of the frozen encoder, and tokens."""
    return rows[:, : -settings.length], rows[:, -settings.length :]


def joint(settings: FineTuning) -> LearnerKind:
    """The learner that tunes model and head together."""
    return LearnerKind(
        _named("finetune", settings),
        "tuned language models",
        "A language model and its head tuned together, in full, in part or by low-rank matrices; needs evenshelf[train].",
        (Stage.RESAMPLE, Stage.WEIGHT, Stage.LOSS, Stage.ADJUST, Stage.CALIBRATE, Stage.POOL),
        Joint(settings),
        default="no penalty",
        grouped=True,
        cost=400.0,
        reads=Tokens(settings.model, settings.length),
        makes=False,
        at=_joint_at,
    )


def decoupled(settings: FineTuning) -> LearnerKind:
    """The learner that fits linear heads on the vectors of a tuned model."""
    return LearnerKind(
        _named("finetune_heads", settings),
        "linear heads on tuned language models",
        "A language model tuned on the rows as they are, then linear heads under the remedy on its vectors; needs "
        "evenshelf[train].",
        STAGES,
        Decoupled(settings),
        default="C = 1",
        grouped=True,
        averages=True,
        cost=100.0,
        reads=Tokens(settings.model, settings.length),
        at=_decoupled_at,
    )


def _joint_at(values: dict[str, Any]) -> LearnerKind:
    return joint(FineTuning.of(values))


def _decoupled_at(values: dict[str, Any]) -> LearnerKind:
    return decoupled(FineTuning.of(values))


def _named(name: str, settings: FineTuning) -> str:
    return f"{name}({settings.spec})" if settings.spec else name


NOTHING = parse("none")
register(joint(FineTuning()))
register(decoupled(FineTuning()))

"""Fits of a learning curve: remedies tuned and fitted on one share of the labels, tested on one fold."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from evenshelf.study import trials
from evenshelf.study.answers import answers
from evenshelf.study.calibrating import classes_of
from evenshelf.study.fits import fit_unit
from evenshelf.study.plan import Setting, Start, Training, Unit, search_axes, settings, trainings
from evenshelf.tasks.label_metrics import macro_f1

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.learners import LearnerKind
    from evenshelf.remedies import Remedy

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Of the training rows; all of them are the study itself."""


def layers_of(group: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """``[n]`` the first share that holds each row, from 0; rows of a group are together."""
    unique, cluster = np.unique(group, return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(unique)) / len(unique)
    return np.searchsorted(np.array(SHARES), place, side="right")[cluster.reshape(-1)].astype(np.int64)


@dataclass(frozen=True, eq=False)
class CurvePlan:
    """What all jobs have in common; nothing large, since it goes to every worker."""

    folder: Path
    matrix: str
    remedies: tuple[Remedy, ...]
    folds: int
    budget: int
    seed: int
    learner: LearnerKind


@dataclass(frozen=True, eq=False)
class CurveFit:
    """The remedies on one share, tested on one fold."""

    plan: CurvePlan
    test: int
    level: int

    def _of(self, fold: int, levels: range) -> tuple[int, ...]:
        return tuple((fold + 1) * (len(SHARES) + 1) + layer for layer in levels)

    @property
    def tested(self) -> tuple[int, ...]:
        """Parts that are tested: all of a fold."""
        return self._of(self.test, range(len(SHARES) + 1))

    @property
    def validated(self) -> tuple[int, ...]:
        """Parts of the share that settings are chosen by."""
        return self._of((self.test + 1) % self.plan.folds, range(self.level + 1))

    @property
    def beyond(self) -> tuple[int, ...]:
        """Parts that the share does not hold."""
        others = (f for f in range(-1, self.plan.folds) if f != self.test)
        return tuple(part for f in others for part in self._of(f, range(self.level + 1, len(SHARES) + 1)))

    @property
    def trained(self) -> tuple[int, ...]:
        """Parts of the final fits."""
        others = (f for f in range(-1, self.plan.folds) if f != self.test)
        return tuple(part for f in others for part in self._of(f, range(self.level + 1)))

    @property
    def fitted_first(self) -> tuple[int, ...]:
        """Parts of the fits that settings are chosen among."""
        return tuple(part for part in self.trained if part not in self.validated)

    @property
    def path(self) -> Path:
        """Where the predictions are kept, by all that they depend on."""
        plan = self.plan
        joint = trainings(_wanted(plan), final=False, learner=plan.learner)
        search = Unit("curve", plan.matrix, (self.test, self.level), tuple(joint), 0, plan.learner)
        return plan.folder / "curve" / f"{trials.address_of(search, plan.seed)}.npz"

    def stored(self) -> dict[str, NDArray[np.int32]]:
        """Predicted codes of the tested rows by remedy."""
        with np.load(self.path) as kept:
            return {remedy.spec: kept[str(number)] for number, remedy in enumerate(self.plan.remedies)}


def _wanted(plan: CurvePlan) -> list[tuple[str, Setting]]:
    return [(r.spec, s) for r in plan.remedies for s in settings(r, plan.budget, plan.learner)]


def fit_share(job: CurveFit) -> None:
    """Tune, fit and test on one share and fold, and keep the predictions; what is kept already is not done again."""
    if job.path.is_file():
        return
    plan, learner = job.plan, job.plan.learner
    vectors, names = trials.laid_out(plan.folder / "vectors" / plan.matrix)
    random = partial(trials.generator, plan.seed, "curve", job.level)
    joint = trainings(_wanted(plan), final=False, learner=learner)
    out = (*job.tested, *job.beyond)
    weights: dict[tuple[int, int], NDArray[np.float32]] = {}
    best: dict[str, tuple[float, Setting, Start]] = {}
    index = vectors.index(job.validated)
    with threadpool_limits(1):
        search = Unit("search", plan.matrix, (*out, *job.validated), tuple(joint), search_axes(vectors), learner)
        fitted = fit_unit(search, vectors, names, random=random, start=_none)
        for number, (training, models) in enumerate(zip(joint, fitted.models, strict=True)):
            for spec, setting in training.users:
                level = training.penalties.index(setting.penalty)
                model = models[level]
                if model.weights is not None:
                    weights[number, level] = model.weights
                codes = _codes(model.scores, setting, job.validated, vectors)
                score = macro_f1(vectors.target[index], codes, classes_of(vectors), vectors.count[index])
                if spec not in best or score > best[spec][0]:
                    best[spec] = (score, setting, Start("", number, level, job.validated))
        finals: list[Training] = []
        for spec, (_, setting, start) in best.items():
            (training,) = trainings([(spec, setting)], final=True, learner=learner)
            starts = {"penalties": training.penalties[-1:], "start": start} if weights else {}
            finals.append(Training(**{**vars(training), **starts}))
        unit = Unit("final", plan.matrix, out, tuple(finals), 0, learner)
        fitted = fit_unit(unit, vectors, names, random=random, start=lambda s: weights[s.training, s.level])
        arrays, places = {}, {remedy.spec: str(number) for number, remedy in enumerate(plan.remedies)}
        for training, models in zip(finals, fitted.models, strict=True):
            ((spec, setting),) = training.users
            arrays[places[spec]] = _codes(models[-1].scores, setting, job.tested, vectors)
    job.path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = job.path.with_name(f"{job.path.stem}.{os.getpid()}.partial")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    unfinished.replace(job.path)


def _codes(scores: Callable[..., Any], setting: Setting, parts: Sequence[int], vectors: Any) -> NDArray[np.int32]:
    found = [
        answers(scores(part, setting.remedy), vectors, index, sets=False).predicted
        for part in sorted(parts)
        if len(index := vectors.index((part,)))
    ]
    return np.concatenate([*found, np.empty(0, np.int32)]).astype(np.int32)


def _none(start: Start) -> NDArray[np.float32]:
    raise AssertionError(f"a search starts from nothing, and not from {start}")

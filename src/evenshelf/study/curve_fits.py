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

from evenshelf.errors import InputError, SettingError
from evenshelf.study import trials
from evenshelf.study.answers import answers
from evenshelf.study.calibrating import classes_of
from evenshelf.study.fits import fit_unit
from evenshelf.study.plan import Setting, Start, Training, Unit, search_axes, settings, trainings, validating
from evenshelf.tasks.label_metrics import macro_f1

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.learners import LearnerKind
    from evenshelf.remedies import Remedy, TextMaker

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Of the training rows; all of them are the study itself."""


def layers_of(group: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """``[n]`` the first share that holds each row, from 0; rows of a group are together."""
    unique, cluster = np.unique(group, return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(unique)) / len(unique)
    return np.searchsorted(np.array(SHARES), place, side="right")[cluster.reshape(-1)].astype(np.int64)


def check_learner(learner: LearnerKind) -> None:
    """Raise a :class:`SettingError` if it is one of which there is no learning curve."""
    if learner.sets:
        raise SettingError(
            f"There is no learning curve of {learner.name}, which gives texts any number of labels.",
            hint="Leave the curve out, or draw that of --learner heads.",
        )


def check_shares(
    target: NDArray[np.integer], fold: NDArray[np.integer], group: NDArray[np.integer], *, folds: int, seed: int
) -> None:
    """Raise an :class:`InputError` if a share is too small to choose settings in and to learn from; takes no time.

    Parameters
    ----------
    target, fold, group
        ``[n]`` class, outer fold (negative: always trained on) and group of each example.
    folds
        How many outer folds; where one of them is empty, the study says so.
    seed
        Of the study.
    """
    if len(np.unique(fold[fold >= 0])) < folds:
        return
    layer = layers_of(group.astype(np.int64), seed)
    faults = []
    for level, share in enumerate(SHARES):
        held = layer <= level
        pairs = [(test, other) for test in range(folds) for other in validating(test, folds)]
        unseen = sum(not (held & (fold == other)).any() for _, other in pairs)
        classes = min(len(np.unique(target[held & (fold != test) & (fold != other)])) for test, other in pairs)
        if unseen or classes < 2:
            why = "no example is left to choose settings by" if unseen else f"{classes} of its classes would be trained"
            faults.append(f"{share:.3g} of the labels ({int(held.sum())} of {len(fold)} examples), as {why}")
    if not ((layer == len(SHARES)) & (fold == folds - 1)).any():
        faults.append("what is beyond the largest share, as one fold has nothing there")
    if faults:
        raise InputError(
            f"There are too few examples for a learning curve: a share is too small to learn from ({faults[0]}).",
            hint="Leave the curve out, give more examples, or ask for fewer folds.",
        )


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
    variants: tuple[tuple[TextMaker, str], ...] = ()


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
    def validated(self) -> tuple[tuple[int, ...], ...]:
        """Parts of the share that settings are chosen by, for each fold that the study itself chooses by."""
        return tuple(self._of(fold, range(self.level + 1)) for fold in validating(self.test, self.plan.folds))

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
    def path(self) -> Path:
        """Where the predictions are kept, by all that they depend on."""
        plan = self.plan
        joint = trainings(_wanted(plan), final=False, learner=plan.learner)
        search = Unit("curve", plan.matrix, (self.test, self.level), tuple(joint), 0, plan.learner, plan.variants)
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
    made = trials.variants_of(plan.variants, plan.folder)
    random = partial(trials.generator, plan.seed, "curve", job.level)
    joint = trainings(_wanted(plan), final=False, learner=learner)
    out = (*job.tested, *job.beyond)
    weights: dict[tuple[int, int], NDArray[np.float32]] = {}
    tried: dict[str, dict[tuple[int, int], tuple[Setting, Start, list[float]]]] = {}
    with threadpool_limits(1):
        for parts in job.validated:
            index = vectors.index(parts)
            search = Unit("search", plan.matrix, (*out, *parts), tuple(joint), search_axes(vectors), learner)
            fitted = fit_unit(search, vectors, names, random=random, start=_none, variants=made)
            for number, (training, models) in enumerate(zip(joint, fitted.models, strict=True)):
                for place, (spec, setting) in enumerate(training.users):
                    level = training.penalties.index(setting.penalty)
                    model = models[level]
                    if model.weights is not None:
                        weights.setdefault((number, level), model.weights)  # of the first search, as its start says
                    codes = _codes(model.scores, setting, parts, vectors)
                    score = macro_f1(vectors.target[index], codes, classes_of(vectors), vectors.count[index])
                    start = Start("", number, level, parts)
                    known = tried.setdefault(spec, {}).setdefault((number, place), (setting, start, []))
                    known[2].append(score)
        finals: list[Training] = []
        for spec, found in tried.items():
            setting, start, _ = max(found.values(), key=lambda seen: float(np.mean(seen[2])))  # ties: the first
            (training,) = trainings([(spec, setting)], final=True, learner=learner)
            starts = {"penalties": training.penalties[-1:], "start": start} if weights else {}
            finals.append(Training(**{**vars(training), **starts}))
        unit = Unit("final", plan.matrix, out, tuple(finals), 0, learner)
        fitted = fit_unit(
            unit, vectors, names, random=random, start=lambda s: weights[s.training, s.level], variants=made
        )
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

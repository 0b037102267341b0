"""The head of a fold of a study, fitted again: trials keep what a head said of the fold, and not the head."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.errors import SettingError
from evenshelf.learners.heads import HEADS, LoneHead
from evenshelf.remedies import Stage
from evenshelf.study import trials
from evenshelf.study.answers import answers
from evenshelf.study.fits import fit_unit

if TYPE_CHECKING:
    from evenshelf.study.plan import Unit
    from evenshelf.study.results import Outcome
    from evenshelf.study.runner import Study

SAME = 1e-3
"""Largest difference of a probability at which a head that is fitted again passes for the one of the trial."""


@dataclass(frozen=True, eq=False)
class FoldHead:
    """A remedy's head that has not seen a fold.

    Attributes
    ----------
    spec, fold
        Which one it is.
    head
        With its adjustments, without its calibration.
    apart
        Largest difference between a probability that it gives to the examples of the fold (to the true and to the
        predicted class) and the one that the trial kept; infinity where it predicts another class.
    """

    spec: str
    fold: int
    head: LoneHead
    apart: float

    @property
    def same(self) -> bool:
        """Whether it is the head of the trial."""
        return self.apart <= SAME


def fold_head(study: Study, outcome: Outcome, spec: str, fold: int) -> FoldHead:
    """Fit the head of a tuned remedy again that has not seen a fold: same rows, setting, draws and start.

    Parameters
    ----------
    study
        That has run.
    outcome
        What it kept of the tuned remedy.

    Raises
    ------
    SettingError
        If the remedy has no linear head there.
    """
    if study.fitted != HEADS:
        raise SettingError(f"The learner {study.fitted.name} fits no linear heads on the vectors of an encoder.")
    unit = _alone(study, spec, fold)
    setting = unit.trainings[0].users[0][1]
    if Stage.RETRIEVE in setting.remedy.stages:
        raise SettingError(f"{spec} looks training examples up, so its scores are those of no linear head.")
    vectors, names = trials.laid_out(study.folder / "vectors" / unit.matrix)
    fitted = fit_unit(
        unit,
        vectors,
        names,
        random=partial(trials.generator, study.seed),
        start=partial(trials.read_start, study.folder),
        variants=trials.variants_of(unit.variants, study.folder),
    )
    model = fitted.models[0][-1]
    assert model.head is not None
    index = vectors.index((fold,))
    said = answers(model.scores(fold, setting.remedy), vectors, index, sets=False)
    # merged rows are compared by their first example
    _, example = np.unique(vectors.row_of, return_index=True)
    kept = example[index]
    pairs = ((said.p_true, outcome.p_true[kept]), (said.p_predicted, outcome.p_predicted[kept]))
    apart = max(float(np.abs(here - there).max(initial=0.0)) for here, there in pairs)
    if not np.array_equal(said.predicted, outcome.predicted[kept]):
        apart = float("inf")
    lone = LoneHead(model.head, setting.remedy, vectors.mean, vectors.axes, vectors.scale)
    return FoldHead(spec, fold, lone, apart)


def _alone(study: Study, spec: str, fold: int) -> Unit:
    """The final fit of a remedy, tuned, without the others that shared its unit."""
    for unit in study.finals:
        for training in unit.trainings:
            mine = [user for user in training.users if user[0] == spec and user[1].penalty is not None]
            if unit.held_out == (fold,) and mine:
                return replace(unit, trainings=(replace(training, users=tuple(mine)),))
    raise SettingError(f"The study has fitted no {spec} without fold {fold + 1}.", hint="Run it first.")

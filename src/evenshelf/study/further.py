"""What is asked of a study after its verdict: other seeds, fewer labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from evenshelf.errors import SettingError
from evenshelf.study.curve_fits import check_shares
from evenshelf.study.learning_curve import learning_curve
from evenshelf.study.repeats import finalists, seed_sensitivity
from evenshelf.study.results import StudyResult, save_further

if TYPE_CHECKING:
    from evenshelf.learners import LearnerKind
    from evenshelf.study.runner import Study
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.label import LabelTask


def check_seeds(seeds: int) -> None:
    """Raise a :class:`SettingError` before the work, not after it, if there cannot be so many seeds."""
    if seeds < 1:
        raise SettingError(f"seeds={seeds}: a study has at least one.", hint="3 show whether a verdict hangs on it.")


def check_curve(learner: LearnerKind, task: LabelTask | None = None, *, folds: int = 5, seed: int = 0) -> None:
    """Raise an error before the work if no learning curve can be had; takes no time.

    Parameters
    ----------
    learner
        What is to be fitted.
    task
        The question, once it is known; its examples have to suffice for the smallest share.
    folds, seed
        Of the study.

    Raises
    ------
    SettingError
        If it is a learner of which there is none.
    InputError
        If there are too few examples or classes.
    """
    if learner.sets:
        raise SettingError(
            f"There is no learning curve of {learner.name}, which gives texts any number of labels.",
            hint="Leave the curve out, or draw that of --learner heads.",
        )
    if task is not None:
        check_shares(task.target, task.split(folds, seed), task.group, folds=folds, seed=seed)


def of_verdict(result: StudyResult, verdict: Verdict) -> StudyResult:
    """The result without other seeds that a verdict of other settings asked for."""
    if result.seeds is None or result.seeds.of_verdict(verdict):
        return result
    return replace(result, seeds=None)


def further(
    study: Study,
    result: StudyResult,
    verdict: Verdict,
    *,
    seeds: int = 1,
    curve: bool = False,
    progress: Callable[[float, float, str], None] | None = None,
) -> StudyResult:
    """The result with what else was asked for, kept in the study's folder.

    What an earlier run of the same study was asked for stays: :meth:`evenshelf.study.runner.Study.run` found it there.
    So where fewer seeds are asked for than there are, all of them are told. Seeds that another verdict asked for are
    kept, but not told: they are of other finalists; see :func:`of_verdict`.

    Parameters
    ----------
    study, result, verdict
        What was run, found and decided.
    seeds
        How many, that of the study included; the best remedies are run again with the others.
    curve
        Whether to fit doing nothing and the best remedy on shares of the labels.
    progress
        Called with work done, work in all and a few words.
    """
    if curve:
        check_curve(study.fitted)
    asked = result
    kept = result.seeds
    if kept is not None and kept.of_verdict(verdict) and seeds > 1:
        seeds = max(seeds, len(kept.seeds))
    if seeds > 1 and finalists(verdict):
        asked = replace(asked, seeds=seed_sensitivity(study, result, verdict, seeds, progress))
        save_further(asked, study.folder)  # what comes next may be interrupted
    if curve:
        best = [] if verdict.best is None else [verdict.best]
        asked = replace(asked, curve=learning_curve(study, result, best, progress))
        save_further(asked, study.folder)
    return asked

"""What is asked of a study after its verdict: other seeds, fewer labels or users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from evenshelf.errors import SettingError
from evenshelf.study.curve_fits import check_learner, check_shares
from evenshelf.study.repeats import Repeatable, finalists, seed_sensitivity
from evenshelf.study.results import StudyResult, save_further

if TYPE_CHECKING:
    from evenshelf.learners import LearnerKind
    from evenshelf.study.learning_curve import LearningCurve
    from evenshelf.study.verdict import Verdict
    from evenshelf.study.work import Progress
    from evenshelf.tasks.label import LabelTask


class Asked(Repeatable, Protocol):
    """A study of which more can be asked."""

    def check_curve(self) -> None:
        """Raise an error if there is no learning curve of it."""

    def learning_curve(self, result: StudyResult, specs: Sequence[str], progress: Progress | None) -> LearningCurve:
        """Its remedies on shares of what is learned from; `specs` come beside the baseline."""


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
    check_learner(learner)
    if task is not None:
        check_shares(task.target, task.split(folds, seed), task.group, folds=folds, seed=seed)


def of_verdict(result: StudyResult, verdict: Verdict) -> StudyResult:
    """The result without other seeds that a verdict of other settings asked for."""
    if result.seeds is None or result.seeds.of_verdict(verdict):
        return result
    return replace(result, seeds=None)


def further(
    study: Asked,
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
        Whether to fit doing nothing and the best remedy on shares of the labels, or of the users.
    progress
        Called with work done, work in all and a few words.
    """
    if curve:
        study.check_curve()
    asked = result
    kept = result.seeds
    if kept is not None and kept.of_verdict(verdict) and seeds > 1:
        seeds = max(seeds, len(kept.seeds))
    if seeds > 1 and finalists(verdict):
        asked = replace(asked, seeds=seed_sensitivity(study, result, verdict, seeds, progress))
        save_further(asked, study.folder)  # what comes next may be interrupted
    if curve:
        best = [] if verdict.best is None else [verdict.best]
        asked = replace(asked, curve=study.learning_curve(result, best, progress))
        save_further(asked, study.folder)
    return asked

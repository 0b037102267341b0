"""What more users would bring: models of a study of lists on what ever larger shares of the users took.

Users are dealt out to nested shares once. Of every share remedies are tuned and fitted as if the shop had no other
users, with settings chosen by users of the share alone. Those who are asked in the end, what is known of them at that
moment and what they wanted stay the same, and the study's own results are the last points. What that foretells is told
by :mod:`evenshelf.study.learning_curve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.plurals import counted
from evenshelf.remedies import parse
from evenshelf.study.curve_fits import SHARES, layers_of
from evenshelf.study.judges import judge_of
from evenshelf.study.learning_curve import curve_of
from evenshelf.study.list_judge import POPULAR
from evenshelf.study.ranking.askers import of_share
from evenshelf.study.ranking.contest import pieces_of
from evenshelf.study.ranking.rows import Rows
from evenshelf.study.ranking.trials import run
from evenshelf.study.work import Work

if TYPE_CHECKING:
    from evenshelf.study.learning_curve import LearningCurve
    from evenshelf.study.ranking.plan import Job
    from evenshelf.study.ranking.study import RankingStudy
    from evenshelf.study.results import StudyResult
    from evenshelf.study.work import Progress
    from evenshelf.tasks.exams import Exam
    from evenshelf.tasks.recommend import RecommendTask

WORDS = "learning curve"


def check_shares(task: RecommendTask, split: str, *, folds: int, seed: int) -> None:
    """Raise an :class:`InputError` if a share is too small to choose settings in and to learn from.

    Parameters
    ----------
    task
        The question.
    split, folds, seed
        Of the study.
    """
    layer = _layers(task, seed)
    for sitting in task.sittings(split, folds=folds, seed=seed):
        for level, share in enumerate(SHARES):
            held = layer <= level
            why = ""
            if not held[sitting.choosing.group].any():
                why = "nobody is left to choose settings by"
            elif (kinds := _kinds(sitting.choosing, held)) < 2:
                why = f"only {counted(kinds, 'item', 'items')} would be learned from"
            if why:
                raise InputError(
                    "There are too few users for a learning curve: a share is too small to learn from "
                    f"({share:.3g} of the users, {int(held.sum())} of {len(held)}, as {why}).",
                    hint="Leave the curve out, or give more users.",
                )


def learning_curve(
    study: RankingStudy, result: StudyResult, specs: Sequence[str], progress: Progress | None = None
) -> LearningCurve:
    """Fit remedies on what shares of the users took.

    What is done is kept in the study's folder, so an interrupted run goes on.

    Parameters
    ----------
    study
        That was run.
    result
        What it found: the values with all users are its own.
    specs
        Remedies; the baseline comes first and what is popular last, whether they are asked for or not.
    progress
        Called with work done, work in all and a few words.

    Raises
    ------
    InputError
        If the smallest share has nothing to choose settings by or to learn from.
    """
    study.check_curve()
    wanted = list(dict.fromkeys([result.baseline.spec, *specs, POPULAR]))
    known = {remedy.spec: (remedy, study.fitted) for remedy in study.compared}
    contest = study.contest({name: known.get(name) or (parse("none"), ranking_learner(name)) for name in wanted})
    layer = _layers(study.task, study.seed)
    found = list(study.task.sittings(study.split, folds=study.folds, seed=study.seed))
    work = Work(study.folder, study.workers, progress)
    search: dict[tuple[int, int], list[Job]] = {}
    for level in range(len(SHARES)):
        for s in found:
            exam = study.laid_out(study.choosing(of_share(s.choosing, layer <= level, choosing=True)))
            search[level, s.fold] = contest.search(exam, s.fold)
    work.expect(sum(job.cost for some in search.values() for job in some) * 1.5)
    work.do(pieces_of((job for some in search.values() for job in some), run), WORDS)
    picked = {place: contest.chosen(some) for place, some in search.items()}
    finals: dict[tuple[int, int], list[Job]] = {}
    users = np.zeros(len(SHARES) + 1)
    for level in range(len(SHARES) + 1):
        for s in found:
            users[level] += len(np.unique(s.judging.known.user[(layer <= level)[s.judging.known.user]])) / len(found)
            if level < len(SHARES):
                exam = study.laid_out(of_share(s.judging, layer <= level, choosing=False))
                settled = {name: [setting] for name, setting in picked[level, s.fold].items()}
                finals[level, s.fold] = contest.finals(exam, s.fold, settled)
    work.expect(sum(job.cost for some in finals.values() for job in some))
    work.do(pieces_of((job for some in finals.values() for job in some), run), WORDS)
    rows, outcomes = Rows(found), {}
    for name in wanted:
        tuned = result[name].tuned
        assert tuned is not None
        for level in range(len(SHARES)):
            jobs = {s.fold: finals[level, s.fold] for s in found}
            by_fold = {s.fold: picked[level, s.fold][name] for s in found}
            outcomes[f"{level} {name}"] = replace(tuned, rank=rows.ranks(study.folder, jobs, name, by_fold))
        outcomes[f"{len(SHARES)} {name}"] = tuned
    judge = judge_of(result)
    bootstrap = judge.bootstrap(outcomes, replicates=1000, seed=study.seed)
    measures = judge.measures
    own = [name for name in wanted if name in known]
    return curve_of(bootstrap, wanted, users, metrics=(measures.main, measures.tail), foretold=own)


def _layers(task: RecommendTask, seed: int) -> NDArray[np.int64]:
    """``[U]`` the first share that holds each user."""
    return layers_of(np.arange(len(task.histories.users)), seed)


def _kinds(exam: Exam, held: NDArray[np.bool_]) -> int:
    """How many different items a share has to learn from."""
    return len(np.unique(exam.known.item[held[exam.known.user]]))

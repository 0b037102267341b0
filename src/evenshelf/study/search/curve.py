"""What more judged queries would bring: models of a study of search that learn from ever larger shares of them.

Queries are dealt out to nested shares once, those that are nearly equal together. Of every share remedies are tuned and
fitted as if no other query had been judged. The queries that are asked in the end are the same at every share, and the
study's own results are the last points. What that foretells is told by :mod:`evenshelf.study.learning_curve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.learners.search.registry import search_learner
from evenshelf.remedies import parse
from evenshelf.shop import title_groups
from evenshelf.study.curve_fits import SHARES, layers_of
from evenshelf.study.judges import judge_of
from evenshelf.study.learning_curve import curve_of
from evenshelf.study.ranking.contest import pieces_of
from evenshelf.study.search.rows import Rows
from evenshelf.study.search.stored import Exam
from evenshelf.study.search.trials import run
from evenshelf.study.search_judge import POPULAR
from evenshelf.study.work import Work

if TYPE_CHECKING:
    from evenshelf.study.learning_curve import LearningCurve
    from evenshelf.study.ranking.plan import Job
    from evenshelf.study.results import StudyResult
    from evenshelf.study.search.study import SearchStudy
    from evenshelf.study.work import Progress

WORDS = "learning curve"


def check_shares(study: SearchStudy) -> None:
    """Raise an :class:`InputError` if a share is too small to learn from and to choose settings in."""
    layer = _layers(study)
    for level, share in enumerate(SHARES):
        for number in range(study.folds):
            exam = _held(study.choosing(number), layer <= level)
            if not study.task.taught[exam.learned].any() or not study.task.answerable[exam.asked].any():
                held = int((layer <= level).sum())
                raise InputError(
                    "There are too few queries for a learning curve: a share is too small to learn from "
                    f"({share:.3g} of the queries, {held} of {len(layer)}).",
                    hint="Leave the curve out, have more queries judged, or ask for fewer folds.",
                )


def learning_curve(
    study: SearchStudy, result: StudyResult, specs: Sequence[str], progress: Progress | None = None
) -> LearningCurve:
    """Fit remedies on shares of the queries.

    What is done is kept in the study's folder, so an interrupted run goes on.

    Parameters
    ----------
    study
        That was run.
    result
        What it found: the values with all queries are its own.
    specs
        Remedies; the baseline comes first and what is popular last, whether they are asked for or not.
    progress
        Called with work done, work in all and a few words.

    Raises
    ------
    InputError
        If the smallest share has nothing to choose settings by or to learn from.
    """
    check_shares(study)
    wanted = list(dict.fromkeys([result.baseline.spec, *specs, POPULAR]))
    known = {remedy.spec: remedy for remedy in study.compared}
    contest = study.contest(
        {n: (known[n], study.fitted) if n in known else (parse("none"), search_learner(n)) for n in wanted}
    )
    layer, numbers = _layers(study), range(study.folds)
    work = Work(study.folder, study.workers, progress)
    search: dict[tuple[int, int], list[Job]] = {
        (level, n): contest.search(study.laid_out(_held(study.choosing(n), layer <= level)), n)
        for level in range(len(SHARES))
        for n in numbers
    }
    work.expect(sum(job.cost for some in search.values() for job in some) * 1.5)
    work.do(pieces_of((job for some in search.values() for job in some), run), WORDS)
    picked = {place: contest.chosen(some) for place, some in search.items()}
    exams = {n: study.exam(n) for n in numbers}
    finals: dict[tuple[int, int], list[Job]] = {}
    for level, n in search:
        exam = Exam(exams[n].learned[layer[exams[n].learned] <= level], exams[n].asked)
        settled = {name: [setting] for name, setting in picked[level, n].items()}
        finals[level, n] = contest.finals(study.laid_out(exam), n, settled)
    work.expect(sum(job.cost for some in finals.values() for job in some))
    work.do(pieces_of((job for some in finals.values() for job in some), run), WORDS)
    rows, outcomes = Rows(study.known, exams), {}
    for name in wanted:
        tuned = result[name].tuned
        assert tuned is not None
        for level in range(len(SHARES)):
            jobs = {n: finals[level, n] for n in numbers}
            by_fold = {n: picked[level, n][name] for n in numbers}
            outcomes[f"{level} {name}"] = replace(tuned, rank=rows.ranks(study.folder, jobs, name, by_fold))
        outcomes[f"{len(SHARES)} {name}"] = tuned
    told = study.task.taught
    queries = np.array(
        [
            np.mean([(told & (layer <= level))[exams[n].learned].sum() for n in numbers])
            for level in range(len(SHARES) + 1)
        ]
    )
    judge = judge_of(result)
    bootstrap = judge.bootstrap(outcomes, replicates=1000, seed=study.seed)
    measures = judge.measures
    own = [name for name in wanted if name in known]
    return curve_of(bootstrap, wanted, queries, metrics=(measures.main, measures.tail), foretold=own)


def _layers(study: SearchStudy) -> NDArray[np.int64]:
    """``[Q]`` the first share that holds each query."""
    return layers_of(np.asarray(title_groups(study.task.queries), np.int64), study.seed)


def _held(exam: Exam, held: NDArray[np.bool_]) -> Exam:
    return Exam(exam.learned[held[exam.learned]], exam.asked[held[exam.asked]])

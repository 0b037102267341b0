"""What more users or judged queries would bring: models of a study that learn from ever larger shares of them.

They are dealt out to nested shares once. Of every share remedies are tuned and fitted as if there were no others, with
settings chosen by the share alone. What is asked in the end stays the same, and the study's own results are the last
points. What that foretells is told by :mod:`evenshelf.study.learning_curve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.remedies import parse
from evenshelf.study.curve_fits import SHARES
from evenshelf.study.judges import judge_of
from evenshelf.study.learning_curve import curve_of
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.work import Work

if TYPE_CHECKING:
    from evenshelf.study.contests.study import ContestStudy
    from evenshelf.study.learning_curve import LearningCurve
    from evenshelf.study.results import StudyResult
    from evenshelf.study.work import Progress

WORDS = "learning curve"


def learning_curve(
    study: ContestStudy[Any, Any], result: StudyResult, specs: Sequence[str], progress: Progress | None = None
) -> LearningCurve:
    """Fit remedies on shares of what is learned from.

    What is done is kept in the study's folder, so an interrupted run goes on.

    Parameters
    ----------
    study
        That was run.
    result
        What it found: the values with all are its own.
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
    contest = study.contest({name: known.get(name) or (parse("none"), study.learner_named(name)) for name in wanted})
    work = Work(study.folder, study.workers, progress)
    shares = {level: study.turns(level) for level in range(len(SHARES))}
    search = {
        (level, n): contest.search(study.laid_out(turn.choosing), n)
        for level, turns in shares.items()
        for n, turn in turns.items()
    }
    picked = contest.choose(search, work, WORDS)
    finals = {
        (level, n): contest.finals(
            study.laid_out(turn.judging), n, {name: [setting] for name, setting in picked[level, n].items()}
        )
        for level, turns in shares.items()
        for n, turn in turns.items()
    }
    contest.fit(finals, work, WORDS)
    whole = study.turns()
    rows, outcomes = study.rows(whole), {}
    for name in wanted:
        tuned = result[name].tuned
        assert tuned is not None
        for level in shares:
            jobs = {n: finals[level, n] for n in whole}
            by_fold = {n: picked[level, n][name] for n in whole}
            outcomes[f"{level} {name}"] = replace(tuned, rank=rows.ranks(study.folder, jobs, name, by_fold))
        outcomes[f"{len(SHARES)} {name}"] = tuned
    learned = [np.mean([study.learned_from(turn) for turn in turns.values()]) for turns in (*shares.values(), whole)]
    judge = judge_of(result)
    bootstrap = judge.bootstrap(outcomes, replicates=1000, seed=study.seed)
    measures = judge.measures
    own = [name for name in wanted if name in known]
    return curve_of(bootstrap, wanted, np.array(learned), metrics=(measures.main, measures.tail), foretold=own)

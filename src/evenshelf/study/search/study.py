"""Runs a study of search: chooses settings, fits what was chosen, and gathers how queries were answered."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.search.registry import SearchLearner, not_applicable, search_learner
from evenshelf.learners.tunable import Tunable
from evenshelf.remedies import Remedy, parse, remedy_set
from evenshelf.shop import title_groups
from evenshelf.study import trials
from evenshelf.study.learning_curve import LearningCurve
from evenshelf.study.ranking.contest import GIVE, Contest, pieces_of
from evenshelf.study.ranking.plan import Job, fits, settings
from evenshelf.study.ranking.stored import lay_out
from evenshelf.study.results import RemedyResult, StudyResult, kept_further, save
from evenshelf.study.search.curve import check_shares, learning_curve
from evenshelf.study.search.rows import Rows
from evenshelf.study.search.stored import Exam, Known, exam_arrays, known_arrays
from evenshelf.study.search.trials import evidence_of, run
from evenshelf.study.search_judge import POPULAR
from evenshelf.study.work import Progress, Work
from evenshelf.tasks.search import SearchTask
from evenshelf.tasks.search_measures import SEARCHES

BASELINES = (POPULAR, "usual", "words", "vectors", "rrf", "linear", "lambdamart")


@dataclass(eq=False)
class SearchStudy:
    """Remedies compared on one learner, with other learners beside it.

    Parameters
    ----------
    task
        The question.
    known
        Queries with their candidates, items, and queries that remedies made.
    folder
        Where pools, trials and results are kept; a study that was interrupted goes on there.
    remedies
        Specs, remedies, or the name of a set.
    baselines
        Names of learners that are told beside the remedies; what is popular is always told.
    folds
        Of queries, those that are nearly equal together.
    budget
        Fits that every remedy may have while settings are chosen.
    seed
        Of all that is drawn.
    workers
        Processes; ``None`` for as many as there are cores. Does not change the result.
    learner
        Name of what is fitted; see :func:`evenshelf.learners.search.registry.search_learners`.
    about
        Facts for the record.

    Raises
    ------
    SettingError
        If a setting is out of range.
    """

    task: SearchTask
    known: Known
    folder: Path
    remedies: str | Sequence[str | Remedy] = "search"
    baselines: Sequence[str] = BASELINES
    folds: int = 5
    budget: int = 4
    seed: int = 0
    workers: int | None = None
    learner: str = "convex"
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.folds < 3:
            raise SettingError(
                f"folds={self.folds}: a study needs at least 3, one to test, one to choose settings, one to train.",
                hint="The usual number is 5.",
            )
        self.folder = Path(self.folder).resolve()  # workers may live longer than the current folder
        self._remedies = remedy_set(self.remedies)
        self._learner = search_learner(self.learner)
        names = dict.fromkeys((POPULAR, *self.baselines))
        self._baselines = [search_learner(name) for name in names if name != self.learner]
        for remedy in self._remedies:
            settings(remedy, self.budget, self._learner)

    @cached_property
    def fold(self) -> np.ndarray[Any, np.dtype[np.int16]]:
        """``[Q]`` the fold in which each query is asked."""
        return self.task.folds(self.folds, self.seed)

    def run(self, progress: Progress | None = None) -> StudyResult:
        """Do what is not done yet and gather the result, which is also written to the folder.

        Parameters
        ----------
        progress
            Called with work done, work in all (same unit) and a few words.
        """
        started = time.perf_counter()
        exams = {number: self.exam(number) for number in range(self.folds)}
        evidence = evidence_of(self.known, exams[0], parse("none"))
        reasons = {
            r.spec: self._learner.unsupported(r) or not_applicable(r, evidence, clicks=self.known.taught_by_clicks)
            for r in self._remedies
        }
        tried: dict[str, tuple[Remedy, Tunable]] = {
            r.spec: (r, self._learner) for r in self._remedies if reasons[r.spec] is None
        }
        if "none" not in tried:
            raise InputError(f"Nothing can be studied here: {reasons['none']}.", hint="Judge more queries.")
        tried |= {k.name: (parse("none"), k) for k in self._baselines}
        contest = self.contest(tried)
        work = Work(self.folder, self.workers, progress)
        search = {n: contest.search(self.laid_out(self.choosing(n)), n) for n in exams}
        work.expect(sum(job.cost for some in search.values() for job in some) * 1.5)
        work.do(pieces_of((job for some in search.values() for job in some), run), "choosing settings")
        picked = {number: contest.chosen(some) for number, some in search.items()}
        untuned = {name: contest.untuned(name) for name in tried}
        finals = {
            n: contest.finals(self.laid_out(exam), n, {name: [picked[n][name], untuned[name]] for name in tried})
            for n, exam in exams.items()
        }
        work.expect(sum(job.cost for some in finals.values() for job in some))
        work.do(pieces_of((job for some in finals.values() for job in some), run), "final fits")
        rows = Rows(self.known, exams)
        spent = contest.spent(job for some in search.values() for job in some)
        outcomes = {
            (name, mode): rows.outcome(self.folder, finals, name, by_fold, spent.get(name, 0.0) * (mode == "tuned"))
            for name in tried
            for mode, by_fold in (
                ("tuned", {n: picked[n][name] for n in picked}),
                ("default", dict.fromkeys(picked, untuned[name])),
            )
        }
        results = [
            RemedyResult(
                spec=r.spec,
                title=r.title,
                stages=tuple(s.value for s in r.stages),
                paper=r.paper,
                tuned=outcomes.get((r.spec, "tuned")),
                default=outcomes.get((r.spec, "default")),
                not_applicable=reasons[r.spec],
            )
            for r in self._remedies
        ]
        results += [
            RemedyResult(
                spec=k.name,
                title=k.title[0].upper() + k.title[1:],
                stages=(),
                paper=k.paper,
                tuned=outcomes[k.name, "tuned"],
                default=outcomes[k.name, "default"],
                reference=True,
            )
            for k in self._baselines
        ]
        result = StudyResult(
            meta=self._meta(contest, tried, rows, [*search.values(), *finals.values()])
            | {
                "timings": {
                    "study_seconds": round(time.perf_counter() - started, 2),
                    "cpu_seconds": round(work.cpu, 2),
                }
            },
            classes=pl.DataFrame(
                {
                    "class": list(self.task.queries),
                    "count": np.ceil(self.known.pool.count).astype(np.int64),
                    "bucket": self.known.bucket.tolist(),
                }
            ),
            y=rows.query.astype(np.int32),
            fold=rows.fold,
            group=np.asarray(title_groups(self.task.queries), np.int64)[rows.query],
            remedies=tuple(results),
            traits=rows.traits(self.task),
            worth=rows.worth,
        )
        result = replace(result, **kept_further(self.folder, result.meta["plan"]))
        save(result, self.folder)
        return result

    def contest(self, tried: Mapping[str, tuple[Remedy, Tunable]]) -> Contest:
        """What is compared, by name, with what is known of queries and items laid out for it."""
        facts = lay_out(self.folder, "facts", known_arrays(self.known))
        rivals = frozenset(r.spec for r in self._remedies)
        return Contest(self.folder, facts, tried, rivals, False, self.budget, self.seed, SEARCHES)

    def exam(self, number: int) -> Exam:
        """The exam of a fold: what is learned from are the queries of all others."""
        return Exam(np.flatnonzero(self.fold != number), np.flatnonzero(self.fold == number))

    def choosing(self, number: int) -> Exam:
        """The exam by which the settings of a fold are chosen: asked are the queries of the next one."""
        other = (number + 1) % self.folds
        return Exam(np.flatnonzero((self.fold != number) & (self.fold != other)), np.flatnonzero(self.fold == other))

    def laid_out(self, exam: Exam) -> str:
        """Put an exam into the folder; returns its name."""
        return lay_out(self.folder, "exams", exam_arrays(exam))

    def _meta(
        self,
        contest: Contest,
        tried: Mapping[str, tuple[Remedy, Tunable]],
        rows: Rows,
        some: Iterable[Sequence[Job]],
    ) -> dict[str, Any]:
        own = sorted(job.address for jobs in some for job in jobs if job.learner.name == self._learner.name)
        return {
            **self.task.describe(),
            **self.about,
            "measures": SEARCHES.name,
            "learner": self._learner.name,
            "models": self._learner.title,
            "settings_tried": sorted({fits(contest.offered(n), self._learner) for n in tried if n in contest.rivals}),
            "baselines": [
                {"name": k.name, "spec": k.name, "title": k.title, "summary": k.summary, "reads": "candidates"}
                | {"settings": len(contest.offered(k.name))}
                for k in self._baselines
            ],
            "folds": self.folds,
            "split": "queries, those that are equal or nearly so together",
            "chosen": {"metric": SEARCHES.main, "guarded": SEARCHES.head, "give": GIVE},
            "candidates": int(np.median(np.diff(self.known.pool.start))),
            "seed": self.seed,
            "budget": self.budget,
            "versions": {p: version(p) for p in ("evenshelf", "numpy", "scipy", "tantivy", "polars")},
            "machine": {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()},
            "plan": trials.digest_of(np.array(own), rows.query, rows.item),
        }

    @property
    def fitted(self) -> SearchLearner:
        """The learner."""
        return self._learner

    @property
    def compared(self) -> tuple[Remedy, ...]:
        """The remedies, the baseline first."""
        return tuple(self._remedies)

    @property
    def tests_anew(self) -> bool:
        """Whether another seed tests by other folds."""
        return True

    def again(self, seed: int, specs: Sequence[str], folder: Path) -> SearchStudy:
        """Some of the remedies under another seed, without yardsticks: other folds of queries, other draws."""
        known = {remedy.spec: remedy for remedy in self._remedies}
        return replace(self, seed=seed, remedies=[known[spec] for spec in specs], baselines=(), folder=folder)

    def check_curve(self) -> None:
        """See :func:`evenshelf.study.search.curve.check_shares`."""
        check_shares(self)

    def learning_curve(self, result: StudyResult, specs: Sequence[str], progress: Progress | None) -> LearningCurve:
        """See :func:`evenshelf.study.search.curve.learning_curve`."""
        return learning_curve(self, result, specs, progress)

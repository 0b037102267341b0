"""Runs a study of learners under remedies: chooses settings, fits what was chosen, and gathers what was answered."""

from __future__ import annotations

import os
import platform
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from evenshelf.errors import InputError
from evenshelf.learners.tunable import Tunable
from evenshelf.remedies import Remedy, Stage, parse, remedy_set
from evenshelf.study import trials
from evenshelf.study.contests.contest import GIVE, Contest
from evenshelf.study.contests.plan import Job, fits, settings
from evenshelf.study.contests.rows import Rows
from evenshelf.study.learning_curve import LearningCurve
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.results import Outcome, RemedyResult, StudyResult, kept_further, save
from evenshelf.study.work import Progress, Work
from evenshelf.tasks.measures import Measures

X = TypeVar("X")
"""What one asks a model, and what it may learn from: an exam."""
L = TypeVar("L", bound=Tunable)
"""A kind of learners."""


@dataclass(frozen=True, eq=False)
class Turn(Generic[X]):
    """The exams of one fold: settings are chosen by the first, and the second judges."""

    choosing: X
    judging: X


@dataclass(frozen=True)
class Hindered:
    """Why some cannot be fitted: of each remedy by spec, ``None`` if it can; of other learners by name."""

    remedies: Mapping[str, str | None]
    learners: Mapping[str, str]


class ContestStudy(ABC, Generic[X, L]):
    """Remedies compared on one learner, with other learners beside it.

    Subclasses know what is asked and who is asked. They are dataclasses with at least these fields, and call
    :meth:`enter` once these are set.

    Parameters
    ----------
    task
        The question.
    folder
        Where exams, trials and results are kept; a study that was interrupted goes on there.
    remedies
        Specs, remedies, or the name of a set.
    baselines
        Names of learners that are told beside the remedies.
    folds
        In which what is asked is split.
    budget
        Fits that every remedy may have while settings are chosen.
    seed
        Of all that is drawn.
    workers
        Processes; ``None`` for as many as there are cores. Does not change the result.
    learner
        Name of what is fitted.
    about
        Facts for the record.
    """

    folder: Path
    remedies: str | Sequence[str | Remedy]
    baselines: Sequence[str]
    folds: int
    budget: int
    seed: int
    workers: int | None
    learner: str
    about: Mapping[str, Any]

    measures: ClassVar[Measures]
    lacking: ClassVar[str]
    """What to do where nothing can be studied."""
    reads: ClassVar[str]
    """What learners read."""
    libraries: ClassVar[tuple[str, ...]]
    """Whose versions stand in the record."""

    def enter(self) -> None:
        """Look up what is compared.

        Raises
        ------
        SettingError
            If there is no such remedy or learner, or the budget does not suffice.
        """
        self.folder = Path(self.folder).resolve()  # workers may live longer than the current folder
        self._remedies = remedy_set(self.remedies)
        self._learner = self.learner_named(self.learner)
        self._baselines = [self.learner_named(name) for name in dict.fromkeys(self.others())]
        for remedy in self._remedies:
            settings(remedy, self.budget, self._learner)

    @abstractmethod
    def learner_named(self, name: str) -> L:
        """The learner of a name, or an error."""

    @abstractmethod
    def turns(self, share: int | None = None) -> dict[int, Turn[X]]:
        """The exams of each fold; of a share of what is learned from if one is given, by its number."""

    @abstractmethod
    def hindered(self, turns: Mapping[int, Turn[X]]) -> Hindered:
        """Why some remedies and learners cannot be fitted here."""

    @abstractmethod
    def facts_laid_out(self) -> str:
        """Put what is known besides exams into the folder; returns its name."""

    @abstractmethod
    def laid_out(self, exam: X) -> str:
        """Put an exam into the folder; returns its name."""

    @abstractmethod
    def do(self) -> Callable[[Job, str, Path], None]:
        """What does a job, a function of a module."""

    @abstractmethod
    def rows(self, turns: Mapping[int, Turn[X]]) -> Rows:
        """What is asked in all folds."""

    @abstractmethod
    def record(self, turns: Mapping[int, Turn[X]], rows: Rows) -> dict[str, Any]:
        """JSON-able facts beside those that every study has."""

    @abstractmethod
    def result(self, turns: Mapping[int, Turn[X]], rows: Rows, **found: Any) -> StudyResult:
        """A result of the rows, with ``meta`` and ``remedies`` as they were found."""

    @abstractmethod
    def learned_from(self, turn: Turn[X]) -> int:
        """How many users or queries are learned from where it is judged."""

    @abstractmethod
    def check_curve(self) -> None:
        """Raise an :class:`InputError` if a share is too small to choose settings by or to learn from."""

    @property
    @abstractmethod
    def tests_anew(self) -> bool:
        """Whether another seed tests by other folds."""

    def others(self) -> list[str]:
        """Names of the learners that are told beside the remedies; what is popular even where it is studied itself."""
        return [POPULAR, *(name for name in self.baselines if name != self.learner)]

    @property
    def may_repeat(self) -> bool:
        """Whether what users had may be shown."""
        return False

    def about_learner(self, learner: L) -> dict[str, Any]:
        """JSON-able facts about one of the others, beside those that every learner has."""
        del learner
        return {}

    @property
    def fitted(self) -> L:
        """The learner."""
        return self._learner

    @property
    def compared(self) -> tuple[Remedy, ...]:
        """The remedies, the baseline first."""
        return tuple(self._remedies)

    def contest(self, tried: Mapping[str, tuple[Remedy, Tunable]]) -> Contest:
        """What is compared, by name."""
        rivals = frozenset(remedy.spec for remedy in self._remedies)
        facts = self.facts_laid_out()
        return Contest(
            self.folder, facts, tried, rivals, self.budget, self.seed, self.measures, self.do(), self.may_repeat
        )

    def run(self, progress: Progress | None = None) -> StudyResult:
        """Do what is not done yet and gather the result, which is also written to the folder.

        Parameters
        ----------
        progress
            Called with work done, work in all (same unit) and a few words.
        """
        started = time.perf_counter()
        turns = self.turns()
        hindered = self.hindered(turns)
        tried = {r.spec: (r, self._learner) for r in self._remedies if hindered.remedies[r.spec] is None}
        if "none" not in tried:
            raise InputError(f"Nothing can be studied here: {hindered.remedies['none']}.", hint=self.lacking)
        tried |= {k.name: (parse("none"), k) for k in self._baselines if k.name not in hindered.learners}
        contest = self.contest(tried)
        work = Work(self.folder, self.workers, progress)
        search = {n: contest.search(self.laid_out(turn.choosing), n) for n, turn in turns.items()}
        picked = contest.choose(search, work, "choosing settings")
        untuned = {name: contest.untuned(name) for name in tried}
        finals = {
            n: contest.finals(self.laid_out(turn.judging), n, {k: [picked[n][k], untuned[k]] for k in tried})
            for n, turn in turns.items()
        }
        contest.fit(finals, work, "final fits")
        rows = self.rows(turns)
        spent = contest.spent(job for some in search.values() for job in some)
        outcomes = {
            (name, mode): rows.outcome(self.folder, finals, name, by_fold, spent.get(name, 0.0) * (mode == "tuned"))
            for name in tried
            for mode, by_fold in (
                ("tuned", {n: picked[n][name] for n in turns}),
                ("default", dict.fromkeys(turns, untuned[name])),
            )
        }
        own = sorted(
            job.address
            for some in (*search.values(), *finals.values())
            for job in some
            if job.learner.name == self._learner.name
        )
        meta = {
            **self._record(contest),
            **self.record(turns, rows),
            # other seeds and a learning curve depend on it; other learners are in neither
            "plan": trials.digest_of(np.array(own), rows.asker, rows.item),
            "timings": {"study_seconds": round(time.perf_counter() - started, 2), "cpu_seconds": round(work.cpu, 2)},
        }
        remedies = [
            _told(outcomes, r.spec, r.title, r.paper, hindered.remedies[r.spec], stages=r.stages)
            for r in self._remedies
        ]
        remedies += [
            _told(outcomes, k.name, k.title[0].upper() + k.title[1:], k.paper, hindered.learners.get(k.name))
            for k in self._baselines
        ]
        result = self.result(turns, rows, meta=meta, remedies=tuple(remedies))
        result = replace(result, **kept_further(self.folder, result.meta["plan"]))
        save(result, self.folder)
        return result

    def learning_curve(self, result: StudyResult, specs: Sequence[str], progress: Progress | None) -> LearningCurve:
        """See :func:`evenshelf.study.contests.curve.learning_curve`."""
        from evenshelf.study.contests.curve import learning_curve  # noqa: PLC0415 - which knows of studies

        return learning_curve(self, result, specs, progress)

    def _record(self, contest: Contest) -> dict[str, Any]:
        tried = contest.tried
        return {
            **self.about,
            "measures": self.measures.name,
            "learner": self._learner.name,
            "models": self._learner.title,
            "settings_tried": sorted({fits(contest.offered(n), self._learner) for n in tried if n in contest.rivals}),
            "baselines": [
                {"name": k.name, "spec": k.name, "title": k.title, "summary": k.summary, "reads": self.reads}
                | {"settings": len(contest.offered(k.name)) if k.name in tried else 0, **self.about_learner(k)}
                for k in self._baselines
            ],
            "folds": self.folds,
            "chosen": {"metric": self.measures.main, "guarded": self.measures.head, "give": GIVE},
            "seed": self.seed,
            "budget": self.budget,
            "versions": {p: version(p) for p in ("evenshelf", "numpy", "polars", *self.libraries)},
            "machine": {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()},
        }


def _told(
    outcomes: Mapping[tuple[str, str], Outcome],
    spec: str,
    title: str,
    paper: str,
    hindrance: str | None,
    *,
    stages: Sequence[Stage] | None = None,
) -> RemedyResult:
    """The result of a remedy; of another learner, which has no stages."""
    return RemedyResult(
        spec=spec,
        title=title,
        stages=tuple(stage.value for stage in stages or ()),
        paper=paper,
        tuned=outcomes.get((spec, "tuned")),
        default=outcomes.get((spec, "default")),
        not_applicable=hindrance,
        reference=stages is None,
    )

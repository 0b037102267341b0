"""Runs a study of recommendation: chooses settings, fits what was chosen, and gathers what users would have seen."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.registry import RankingLearner, ranking_learner
from evenshelf.remedies import Prior, Remedy, Stage, parse, remedy_set
from evenshelf.study import trials
from evenshelf.study.learning_curve import LearningCurve
from evenshelf.study.list_judge import POPULAR
from evenshelf.study.order_free import ORDER
from evenshelf.study.ranking.askers import drawn_again, in_other_order
from evenshelf.study.ranking.contest import GIVE, Contest, pieces_of
from evenshelf.study.ranking.curve import check_shares, learning_curve
from evenshelf.study.ranking.order import order_facts
from evenshelf.study.ranking.plan import Job, fits, settings
from evenshelf.study.ranking.rows import Rows
from evenshelf.study.ranking.stored import exam_arrays, fact_arrays, lay_out
from evenshelf.study.ranking.trials import run
from evenshelf.study.results import Outcome, RemedyResult, StudyResult, kept_further, save
from evenshelf.study.work import Progress, Work
from evenshelf.tasks.exams import SPLITS, Exam, Sitting
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.recommend import RecommendTask

CHOSEN_BY = 5_000
"""Users, at most, by whom settings are chosen."""
AGAIN = "again"
"""Baseline where what users had may be shown again."""
BASELINES = (POPULAR, AGAIN, "item_knn")


@dataclass(eq=False)
class RankingStudy:
    """Remedies compared on one learner, with other learners beside it.

    Parameters
    ----------
    task
        The question.
    facts
        What is known of the items.
    folder
        Where exams, trials and results are kept; a study that was interrupted goes on there.
    remedies
        Specs, remedies, or the name of a set.
    baselines
        Names of learners that are told beside the remedies; what is popular is always told.
    split
        One of :data:`evenshelf.tasks.exams.SPLITS`.
    folds
        Of users, where the split is by user.
    budget
        Fits that every remedy may have while settings are chosen.
    seed
        Of all that is drawn.
    workers
        Processes; ``None`` for as many as there are cores. Does not change the result.
    learner
        Name of what is fitted; see :func:`evenshelf.learners.ranking.registry.ranking_learners`.
    about
        Facts for the record.
    redrawn
        Whether it is one of :meth:`again`, in which users by whom settings are chosen are drawn with replacement.

    Raises
    ------
    SettingError
        If a setting is out of range.
    """

    task: RecommendTask
    facts: ItemFacts
    folder: Path
    remedies: str | Sequence[str | Remedy] = "lists"
    baselines: Sequence[str] = BASELINES
    split: str = "last"
    folds: int = 5
    budget: int = 8
    seed: int = 0
    workers: int | None = None
    learner: str = "near"
    about: Mapping[str, Any] = field(default_factory=dict)
    redrawn: bool = False

    def __post_init__(self) -> None:
        if self.split == "users" and self.folds < 3:
            raise SettingError(
                f"folds={self.folds}: a study needs at least 3, one to test, one to choose settings, one to train.",
                hint="The usual number is 5.",
            )
        self.folder = Path(self.folder).resolve()  # workers may live longer than the current folder
        self._remedies = remedy_set(self.remedies)
        self._learner = ranking_learner(self.learner)
        self._baselines = [
            ranking_learner(name)
            for name in dict.fromkeys((POPULAR, *self.baselines))
            if name == POPULAR or (name != self.learner and (name != AGAIN or self.task.repeats))
        ]
        for remedy in self._remedies:
            settings(remedy, self.budget, self._learner)

    @property
    def fitted(self) -> RankingLearner:
        """The learner."""
        return self._learner

    @property
    def compared(self) -> tuple[Remedy, ...]:
        """The remedies, the baseline first."""
        return tuple(self._remedies)

    def run(self, progress: Progress | None = None) -> StudyResult:
        """Do what is not done yet and gather the result, which is also written to the folder.

        Parameters
        ----------
        progress
            Called with work done, work in all (same unit) and a few words.
        """
        started = time.perf_counter()
        found = list(self.task.sittings(self.split, folds=self.folds, seed=self.seed))
        counts = known_counts(found)
        prior = Prior(counts)
        evidence = Evidence(found[0].choosing.known, self.facts, self.task.repeats)
        if lacking := self._learner.lacking(evidence):
            raise InputError(f"{lacking[0].upper()}{lacking[1:]}.", hint="Study another learner with --learner.")
        left_out = {k.name: why for k in self._baselines if (why := k.lacking(evidence))}
        reasons = {
            r.spec: self._learner.unsupported(r)
            or _unreadable(r, self.facts)
            or r.not_applicable(prior, has_names=self.facts.has_texts)
            for r in self._remedies
        }
        tried = {r.spec: (r, self._learner) for r in self._remedies if reasons[r.spec] is None}
        if "none" not in tried:
            raise InputError(f"Nothing can be studied here: {reasons['none']}.", hint="Give more items to more users.")
        tried |= {k.name: (parse("none"), k) for k in self._baselines if k.name not in left_out}
        contest = self.contest(tried)
        work = Work(self.folder, self.workers, progress)
        search = {s.fold: contest.search(self.laid_out(self.choosing(s.choosing)), s.fold) for s in found}
        work.expect(sum(job.cost for some in search.values() for job in some) * 1.5)
        work.do(pieces_of((job for some in search.values() for job in some), run), "choosing settings")
        picked = {number: contest.chosen(some) for number, some in search.items()}
        untuned = {name: contest.untuned(name) for name in tried}
        finals = {
            s.fold: contest.finals(
                self.laid_out(s.judging), s.fold, {n: [picked[s.fold][n], untuned[n]] for n in tried}
            )
            for s in found
        }
        work.expect(sum(job.cost for some in finals.values() for job in some))
        work.do(pieces_of((job for some in finals.values() for job in some), run), "final fits")
        rows = Rows(found)
        spent = contest.spent(job for some in search.values() for job in some)
        outcomes = {
            (name, mode): rows.outcome(self.folder, finals, name, by_fold, spent.get(name, 0.0) * (mode == "tuned"))
            for name in tried
            for mode, by_fold in (
                ("tuned", {n: picked[n][name] for n in picked}),
                ("default", dict.fromkeys(picked, untuned[name])),
            )
        }
        results = [self._result(r, reasons[r.spec], outcomes) for r in self._remedies]
        results += [_yardstick(learner, outcomes, left_out.get(learner.name)) for learner in self._baselines]
        meta = {
            **self.task.describe(),
            **self.about,
            "measures": LISTS.name,
            "learner": self._learner.name,
            "models": self._learner.title,
            "settings_tried": sorted({fits(contest.offered(n), self._learner) for n in tried if n in contest.rivals}),
            "baselines": [
                {"name": k.name, "spec": k.name, "title": k.title, "summary": k.summary, "reads": "histories"}
                | {"settings": len(contest.offered(k.name)) if k.name in tried else 0, "directed": k.directed}
                for k in self._baselines
            ],
            "folds": len(found),
            "split": SPLITS[self.split],
            "split_by": self.split,
            "chosen": {"metric": LISTS.main, "guarded": LISTS.head, "give": GIVE, "users": CHOSEN_BY},
            "seed": self.seed,
            "budget": self.budget,
            "directed": self._learner.directed,
            "order": order_facts(self.task.histories, rows.traits[ORDER].to_numpy().astype(np.str_), rows.user),
            "versions": {p: version(p) for p in ("evenshelf", "numpy", "scipy", "scikit-learn", "polars")},
            "machine": {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()},
            "plan": self._digest((job for some in (*search.values(), *finals.values()) for job in some), rows),
            "timings": {"study_seconds": round(time.perf_counter() - started, 2), "cpu_seconds": round(work.cpu, 2)},
        }
        result = StudyResult(
            meta=meta,
            classes=pl.DataFrame(
                {
                    "class": list(self.task.classes),
                    "count": counts,
                    "bucket": self.task.bucket(counts).tolist(),
                    **({} if self.task.texts is None else {"title": list(self.task.texts)}),
                }
            ),
            y=rows.item.astype(np.int32),
            fold=rows.fold,
            group=rows.user,
            remedies=tuple(results),
            traits=rows.traits,
        )
        result = replace(result, **kept_further(self.folder, result.meta["plan"]))
        save(result, self.folder)
        return result

    @property
    def tests_anew(self) -> bool:
        """Whether another seed tests by other folds."""
        return self.split == "users"

    def again(self, seed: int, specs: Sequence[str], folder: Path) -> RankingStudy:
        """Some of the remedies under another seed, without yardsticks.

        What is drawn anew: the order of steps in a basket, what fits draw, the order of items that score alike, and the
        users by whom settings are chosen (as many, with replacement), or the folds where the split is by user. What was
        wanted stays.
        """
        known = {remedy.spec: remedy for remedy in self._remedies}
        return replace(
            self,
            task=in_other_order(self.task, seed),
            seed=seed,
            remedies=[known[spec] for spec in specs],
            baselines=(),
            folder=folder,
            redrawn=True,
        )

    def check_curve(self) -> None:
        """See :func:`evenshelf.study.ranking.curve.check_shares`."""
        check_shares(self.task, self.split, folds=self.folds, seed=self.seed)

    def learning_curve(self, result: StudyResult, specs: Sequence[str], progress: Progress | None) -> LearningCurve:
        """See :func:`evenshelf.study.ranking.curve.learning_curve`."""
        return learning_curve(self, result, specs, progress)

    def _digest(self, some: Iterable[Job], rows: Rows) -> str:
        """Of all that other seeds and a learning curve depend on; other learners are in neither."""
        own = sorted(job.address for job in some if job.learner.name == self._learner.name)
        return trials.digest_of(np.array(own), rows.user, rows.item)

    def contest(self, tried: Mapping[str, tuple[Remedy, RankingLearner]]) -> Contest:
        """What is compared, by name, with what is known of the items laid out for it."""
        rivals = frozenset(r.spec for r in self._remedies)
        facts = lay_out(self.folder, "facts", fact_arrays(self.facts))
        return Contest(self.folder, facts, tried, rivals, self.task.repeats, self.budget, self.seed)

    def laid_out(self, exam: Exam) -> str:
        """Put an exam into the folder; returns its name."""
        return lay_out(self.folder, "exams", exam_arrays(exam, self.task.bucket(exam.known.counts)))

    def choosing(self, exam: Exam) -> Exam:
        """The exam of those by whom settings are chosen."""
        if self.redrawn and self.split != "users":  # who chooses is drawn with the folds there
            return drawn_again(exam, CHOSEN_BY, self.seed)
        return exam.drawn(CHOSEN_BY, self.seed)

    def _result(self, remedy: Remedy, reason: str | None, outcomes: Mapping[tuple[str, str], Outcome]) -> RemedyResult:
        about: dict[str, Any] = {
            "spec": remedy.spec,
            "title": remedy.title,
            "stages": tuple(s.value for s in remedy.stages),
            "paper": remedy.paper,
        }
        if reason is not None:
            return RemedyResult(**about, not_applicable=reason)
        return RemedyResult(**about, tuned=outcomes[remedy.spec, "tuned"], default=outcomes[remedy.spec, "default"])


def known_counts(found: Sequence[Sitting]) -> NDArray[np.int64]:
    """``[I]`` how often each item is in what models learn from that are judged; of several, the mean, rounded up."""
    mean = np.mean([sitting.judging.known.counts for sitting in found], axis=0)
    return np.asarray(np.ceil(mean), np.int64)


def _unreadable(remedy: Remedy, facts: ItemFacts) -> str | None:
    """Why a remedy that orders lists by what items are like cannot be used, or ``None``: words alone are too few."""
    if facts.vectors is None and any(part.reads_names and Stage.RERANK in part.stages for part in remedy.parts):
        return "it compares items by vectors of their titles, and no encoder made any"
    return None


def _yardstick(
    learner: RankingLearner, outcomes: Mapping[tuple[str, str], Outcome], lacking: str | None
) -> RemedyResult:
    return RemedyResult(
        spec=learner.name,
        title=learner.title[0].upper() + learner.title[1:],
        stages=(),
        paper=learner.paper,
        tuned=outcomes.get((learner.name, "tuned")),
        default=outcomes.get((learner.name, "default")),
        not_applicable=lacking,
        reference=True,
    )

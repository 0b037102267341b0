"""Runs a study of recommendation: chooses settings, fits what was chosen, and gathers what users would have seen."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from joblib import delayed
from numpy.typing import NDArray

from evenshelf.encoders.cores import usable_cores
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.registry import RankingLearner, ranking_learner
from evenshelf.remedies import Prior, Remedy, Stage, parse, remedy_set
from evenshelf.study import trials
from evenshelf.study.list_judge import POPULAR
from evenshelf.study.order_free import ORDER
from evenshelf.study.parallel import as_done
from evenshelf.study.ranking.order import order_facts
from evenshelf.study.ranking.plan import Job, Setting, chosen, fits, jobs, settings
from evenshelf.study.ranking.rows import Rows
from evenshelf.study.ranking.stored import exam_arrays, fact_arrays, keep, named_digest
from evenshelf.study.ranking.trials import run
from evenshelf.study.results import Outcome, RemedyResult, StudyResult, save
from evenshelf.study.work import Progress
from evenshelf.tasks.exams import SPLITS, Sitting
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.recommend import RecommendTask

GIVE = 0.01
"""Share of the head that settings may give away while they are chosen."""
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
        Settings that every remedy may try.
    seed
        Of all that is drawn.
    workers
        Processes; ``None`` for as many as there are cores. Does not change the result.
    learner
        Name of what is fitted; see :func:`evenshelf.learners.ranking.registry.ranking_learners`.
    about
        Facts for the record.

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

    def run(self, progress: Progress | None = None) -> StudyResult:
        """Do what is not done yet and gather the result, which is also written to the folder.

        Parameters
        ----------
        progress
            Called with work done, work in all (same unit) and a few words.
        """
        started = time.perf_counter()
        found = list(self.task.sittings(self.split, folds=self.folds, seed=self.seed))
        places = self._lay_out(found)
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
        wanted = {name: settings(remedy, self.budget, learner) for name, (remedy, learner) in tried.items()}
        work = _Work(self.folder, self.workers, progress)

        def planned(sitting: Sitting, exam: str, names: Mapping[str, list[Setting]], *, lists: bool) -> list[Job]:
            made = []
            for learner in {learner.name: learner for _, learner in tried.values()}.values():
                asked = [(n, s) for n, some in names.items() if tried[n][1].name == learner.name for s in some]
                made += jobs(
                    asked,
                    exam=exam,
                    facts=places["facts"],
                    learner=learner,
                    repeats=self.task.repeats,
                    lists=lists,
                    seed=self.seed + sitting.fold,
                )
            return made

        search = {s.fold: planned(s, places[f"choosing {s.fold}"], wanted, lists=False) for s in found}
        work.expect(sum(job.cost for some in search.values() for job in some) * 1.5)
        work.do([job for some in search.values() for job in some], "choosing settings")
        picked = {number: self._chosen(some) for number, some in search.items()}
        untuned = {n: Setting(remedy, learner.default) for n, (remedy, learner) in tried.items()}
        finals = {
            s.fold: planned(
                s, places[f"judging {s.fold}"], {n: [picked[s.fold][n], untuned[n]] for n in tried}, lists=True
            )
            for s in found
        }
        work.expect(sum(job.cost for some in finals.values() for job in some))
        work.do([job for some in finals.values() for job in some], "final fits")
        rows = Rows(found)
        spent = self._spent(search)
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
            "settings_tried": sorted({fits(wanted[n]) for n in tried if reasons.get(n, "") is None}),
            "baselines": [
                {"name": k.name, "spec": k.name, "title": k.title, "summary": k.summary, "reads": "histories"}
                | {"settings": len(wanted.get(k.name, ())), "directed": k.directed}
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
            "plan": trials.digest_of(
                np.array(sorted(j.address for some in (*search.values(), *finals.values()) for j in some)), rows.user
            ),
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
        save(result, self.folder)
        return result

    def _lay_out(self, found: Sequence[Sitting]) -> dict[str, str]:
        """Put exams and facts into the folder, by names of their content."""
        places = {}
        facts = fact_arrays(self.facts)
        places["facts"] = named_digest(facts)
        keep(self.folder / "facts" / places["facts"], facts)
        for sitting in found:
            for kind, exam in (
                ("choosing", sitting.choosing.drawn(CHOSEN_BY, self.seed)),
                ("judging", sitting.judging),
            ):
                arrays = exam_arrays(exam, self.task.bucket(exam.known.counts))
                name = named_digest(arrays)
                places[f"{kind} {sitting.fold}"] = name
                keep(self.folder / "exams" / name, arrays)
        return places

    def _chosen(self, search: Sequence[Job]) -> dict[str, Setting]:
        values: dict[str, list[tuple[Setting, Mapping[str, float]]]] = {}
        for job in search:
            facts, _ = trials.read(self.folder, job.address)
            for (name, setting), fact in zip(job.asks, facts["asks"], strict=True):
                known = {k: float("nan") if v is None else v for k, v in fact["values"].items()}
                values.setdefault(name, []).append((setting, known))
        # in the order in which they are offered, whatever jobs they were done in
        for name, tried in values.items():
            order = [s.describe() for s in self._offered(name)]
            tried.sort(key=lambda one, order=order: order.index(one[0].describe()))  # type: ignore[misc]
        rule: dict[str, Any] = {"metric": LISTS.main, "guarded": LISTS.head, "overall": LISTS.overall, "give": GIVE}
        own = {r.spec for r in self._remedies}
        found = chosen({n: t for n, t in values.items() if n in own}, base="none", **rule)
        for name in values.keys() - own:
            found |= chosen({name: values[name]}, base=name, **rule)
        return found

    def _offered(self, name: str) -> list[Setting]:
        own = {r.spec: r for r in self._remedies}
        if name in own:
            return settings(own[name], self.budget, self._learner)
        return settings(parse("none"), self.budget, ranking_learner(name))

    def _spent(self, search: Mapping[int, Sequence[Job]]) -> dict[str, float]:
        """CPU seconds of the search by remedy; a fit that several share is told for each, once."""
        found: dict[str, float] = {}
        for job in (job for some in search.values() for job in some):
            facts = trials.read(self.folder, job.address)[0]
            for name in {fact["name"] for fact in facts["asks"]}:
                found[name] = found.get(name, 0.0) + facts["fitted"]
            for fact in facts["asks"]:
                found[fact["name"]] += fact["seconds"]
        return found

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


class _Work:
    """Does jobs, in this process or in several, and says how far it is."""

    def __init__(self, folder: Path, workers: int | None, progress: Progress | None) -> None:
        self._folder, self._workers, self._progress = folder, workers, progress
        self._total, self._done = 0.0, 0.0
        self.cpu = 0.0

    def expect(self, left: float) -> None:
        self._total = self._done + left

    def do(self, some: Sequence[Job], words: str) -> None:
        if self._progress:
            self._progress(self._done, self._total, words)
        ordered = sorted(some, key=lambda job: -job.cost)
        workers = min(self._workers or usable_cores(), max(len(ordered), 1))
        calls: Iterator[Any] = (delayed(_do)(job, self._folder, number) for number, job in enumerate(ordered))
        for number, seconds in as_done(calls, workers):
            self.cpu += seconds
            self._done += ordered[number].cost
            if self._progress:
                self._progress(self._done, self._total, words)


def _do(job: Job, folder: Path, number: int) -> tuple[int, float]:
    run(job, folder)
    return number, float(trials.read(folder, job.address)[0]["seconds"])

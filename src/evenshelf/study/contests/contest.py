"""Remedies and learners that are tuned and fitted alike, whatever is known and whoever is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from evenshelf.learners.tunable import Tunable
from evenshelf.remedies import Remedy
from evenshelf.study import trials
from evenshelf.study.contests.plan import Job, Setting, chosen, jobs, settings
from evenshelf.study.work import Piece, Work
from evenshelf.tasks.measures import Measures

P = TypeVar("P")
GIVE = 0.01
"""Share of the head that settings may give away while they are chosen."""


@dataclass(frozen=True)
class Contest:
    """What is compared on one exam or another.

    Attributes
    ----------
    folder
        Of the study, with exams and facts laid out.
    facts
        Name of what is known of the items.
    tried
        By name, a remedy and what is fitted under it; ``none`` is among them.
    rivals
        Names of the remedies, whose settings may not give away what ``none`` has of the head; each other learner is
        held to its own.
    budget
        Fits that each may have while settings are chosen.
    seed
        Of the fits; that of a fold is as many more.
    measures
        What settings are chosen by.
    do
        Does a job, given its address and the folder of the study.
    repeats
        Whether what users had may be shown.
    """

    folder: Path
    facts: str
    tried: Mapping[str, tuple[Remedy, Tunable]]
    rivals: frozenset[str]
    budget: int
    seed: int
    measures: Measures
    do: Callable[[Job, str, Path], None]
    repeats: bool = False

    def only(self, names: Iterable[str]) -> Contest:
        """The same among some of them."""
        return replace(self, tried={name: self.tried[name] for name in names})

    def offered(self, name: str) -> list[Setting]:
        """The settings that one may try, in the order in which the first of equals is taken."""
        remedy, learner = self.tried[name]
        return settings(remedy, self.budget, learner)

    def untuned(self, name: str) -> Setting:
        """The usual setting of one."""
        remedy, learner = self.tried[name]
        return Setting(remedy, learner.default)

    def search(self, exam: str, fold: int) -> list[Job]:
        """Fits by which settings are chosen.

        Parameters
        ----------
        exam
            Name of it.
        fold
            Of the exam.
        """
        return self._planned(exam, fold, {name: self.offered(name) for name in self.tried}, lists=False)

    def finals(self, exam: str, fold: int, wanted: Mapping[str, Sequence[Setting]]) -> list[Job]:
        """Fits that are judged, of some settings of each."""
        return self._planned(exam, fold, wanted, lists=True)

    def choose(self, search: Mapping[P, Sequence[Job]], work: Work, words: str) -> dict[P, dict[str, Setting]]:
        """Do searches, of several folds or shares; returns what each chose."""
        # what comes after is about half as much
        work.expect(1.5 * sum(job.cost for some in search.values() for job in some))
        work.do(self._pieces(search), words)
        return {place: self.chosen(some) for place, some in search.items()}

    def fit(self, finals: Mapping[P, Sequence[Job]], work: Work, words: str) -> None:
        """Do fits that are judged, of several folds or shares."""
        work.expect(sum(job.cost for some in finals.values() for job in some))
        work.do(self._pieces(finals), words)

    def chosen(self, search: Sequence[Job]) -> dict[str, Setting]:
        """What a search that was done chose of each; see :func:`evenshelf.study.contests.plan.chosen`."""
        values: dict[str, list[tuple[Setting, Mapping[str, float]]]] = {}
        for job in search:
            facts, _ = trials.read(self.folder, job.address)
            for (name, setting), fact in zip(job.asks, facts["asks"], strict=True):
                known = {k: float("nan") if v is None else v for k, v in fact["values"].items()}
                values.setdefault(name, []).append((setting, known))
        # in the order in which they are offered, whatever jobs they were done in
        for name, tried in values.items():
            order = [s.describe() for s in self.offered(name)]
            tried.sort(key=lambda one, order=order: order.index(one[0].describe()))  # type: ignore[misc]
        of = self.measures
        rule: dict[str, Any] = {"metric": of.main, "guarded": of.head, "overall": of.overall, "give": GIVE}
        found = chosen({n: t for n, t in values.items() if n in self.rivals}, base="none", **rule)
        for name in values.keys() - self.rivals:
            found |= chosen({name: values[name]}, base=name, **rule)
        return found

    def spent(self, search: Iterable[Job]) -> dict[str, float]:
        """CPU seconds of a search by name; a fit that several share is told for each, once."""
        found: dict[str, float] = {}
        for job in search:
            facts = trials.read(self.folder, job.address)[0]
            for name in {fact["name"] for fact in facts["asks"]}:
                found[name] = found.get(name, 0.0) + facts["fitted"]
            for fact in facts["asks"]:
                found[fact["name"]] += fact["seconds"]
        return found

    def _planned(self, exam: str, fold: int, wanted: Mapping[str, Sequence[Setting]], *, lists: bool) -> list[Job]:
        made = []
        for learner in {learner.name: learner for _, learner in self.tried.values()}.values():
            asked = [(n, s) for n, some in wanted.items() if self.tried[n][1].name == learner.name for s in some]
            made += jobs(
                asked,
                exam=exam,
                facts=self.facts,
                learner=learner,
                repeats=self.repeats,
                lists=lists,
                seed=self.seed + fold,
            )
        return made

    def _pieces(self, jobs: Mapping[P, Sequence[Job]]) -> list[Piece]:
        return [Piece(job.address, job.cost, partial(self.do, job)) for some in jobs.values() for job in some]

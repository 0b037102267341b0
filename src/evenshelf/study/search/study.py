"""Studies of search: queries that were judged or clicked, in folds, and the candidates that an index has for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.learners.search.registry import SearchLearner, not_applicable, search_learner
from evenshelf.remedies import Remedy, parse
from evenshelf.shop import title_groups
from evenshelf.study.contests.laid_out import lay_out
from evenshelf.study.contests.plan import Job, enough_folds
from evenshelf.study.contests.rows import Rows
from evenshelf.study.contests.study import ContestStudy, Hindered, Turn
from evenshelf.study.curve_fits import SHARES, layers_of
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.results import StudyResult
from evenshelf.study.search.rows import SearchRows
from evenshelf.study.search.stored import Exam, Known, exam_arrays, known_arrays
from evenshelf.study.search.trials import evidence_of, run
from evenshelf.tasks.search import SearchTask
from evenshelf.tasks.search_measures import SEARCHES

BASELINES = (POPULAR, "usual", "words", "vectors", "rrf", "linear", "lambdamart")


@dataclass(eq=False)
class SearchStudy(ContestStudy[Exam, SearchLearner]):
    """Remedies compared on one learner, with other learners beside it.

    Parameters
    ----------
    task
        The question.
    known
        Queries with their candidates, items, and queries that remedies made.
    baselines
        What is popular is always told.
    folds
        Of queries, those that are nearly equal together.
    learner
        See :func:`evenshelf.learners.search.registry.search_learners`.

    Others are those of :class:`~evenshelf.study.contests.study.ContestStudy`.

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

    measures = SEARCHES
    lacking = "Judge more queries."
    reads = "candidates"
    libraries = ("scipy", "tantivy")

    def __post_init__(self) -> None:
        enough_folds(self.folds)
        self.enter()

    def learner_named(self, name: str) -> SearchLearner:
        """The learner of a name, or an error."""
        return search_learner(name)

    @cached_property
    def fold(self) -> NDArray[np.int16]:
        """``[Q]`` the fold in which each query is asked."""
        return self.task.folds(self.folds, self.seed)

    @cached_property
    def _group(self) -> NDArray[np.int64]:
        """``[Q]`` queries that are equal or nearly so."""
        return np.asarray(title_groups(self.task.queries), np.int64)

    def turns(self, share: int | None = None) -> dict[int, Turn[Exam]]:
        """The exams of each fold; of a share of the queries if one is given, but the same are asked in the end.

        Settings of a fold are chosen by the queries of the next one.
        """
        held = np.ones(len(self.fold), bool) if share is None else layers_of(self._group, self.seed) <= share
        found = {}
        for number in range(self.folds):
            own, other = self.fold == number, self.fold == (number + 1) % self.folds
            choosing = Exam(np.flatnonzero(held & ~own & ~other), np.flatnonzero(held & other))
            found[number] = Turn(choosing, Exam(np.flatnonzero(held & ~own), np.flatnonzero(own)))
        return found

    def hindered(self, turns: Mapping[int, Turn[Exam]]) -> Hindered:
        """Why some remedies cannot be fitted here."""
        evidence = evidence_of(self.known, turns[0].judging, parse("none"))
        clicks = self.known.taught_by_clicks
        reasons = {
            r.spec: self._learner.unsupported(r) or not_applicable(r, evidence, clicks=clicks) for r in self.compared
        }
        return Hindered(reasons, {})

    def facts_laid_out(self) -> str:
        """Put what is known of queries and items into the folder; returns its name."""
        return lay_out(self.folder, "facts", known_arrays(self.known))

    def laid_out(self, exam: Exam) -> str:
        """Put an exam into the folder; returns its name."""
        return lay_out(self.folder, "exams", exam_arrays(exam))

    def do(self) -> Callable[[Job, str, Path], None]:
        """What does a job."""
        return run

    def rows(self, turns: Mapping[int, Turn[Exam]]) -> SearchRows:
        """What answers in all folds."""
        return SearchRows(self.known, self.task, {number: turn.judging for number, turn in turns.items()})

    def record(self, turns: Mapping[int, Turn[Exam]], rows: Rows) -> dict[str, Any]:
        """JSON-able facts beside those that every study has."""
        del turns, rows
        return {
            **self.task.describe(),
            "split": "queries, those that are equal or nearly so together",
            "candidates": int(np.median(np.diff(self.known.pool.start))),
        }

    def result(self, turns: Mapping[int, Turn[Exam]], rows: Rows, **found: Any) -> StudyResult:
        """A result whose rows are items that answer, and whose classes are queries."""
        del turns
        assert isinstance(rows, SearchRows)
        return StudyResult(
            classes=pl.DataFrame(
                {
                    "class": list(self.task.queries),
                    "count": np.ceil(self.known.pool.count).astype(np.int64),
                    "bucket": self.known.bucket.tolist(),
                }
            ),
            y=rows.asker.astype(np.int32),
            fold=rows.fold,
            group=self._group[rows.asker],
            traits=rows.traits,
            worth=rows.worth,
            **found,
        )

    def learned_from(self, turn: Turn[Exam]) -> int:
        """How many queries that teach something are learned from where it is judged."""
        return int(self.task.taught[turn.judging.learned].sum())

    @property
    def tests_anew(self) -> bool:
        """Whether another seed tests by other folds."""
        return True

    def again(self, seed: int, specs: Sequence[str], folder: Path) -> SearchStudy:
        """Some of the remedies under another seed, without yardsticks: other folds of queries, other draws."""
        known = {remedy.spec: remedy for remedy in self.compared}
        return replace(self, seed=seed, remedies=[known[spec] for spec in specs], baselines=(), folder=folder)

    def check_curve(self) -> None:
        """Raise an :class:`InputError` if a share is too small to learn from and to choose settings in."""
        layer = layers_of(self._group, self.seed)
        for level, share in enumerate(SHARES):
            for turn in self.turns(level).values():
                exam = turn.choosing
                if not self.task.taught[exam.learned].any() or not self.task.answerable[exam.asked].any():
                    held = int((layer <= level).sum())
                    raise InputError(
                        "There are too few queries for a learning curve: a share is too small to learn from "
                        f"({share:.3g} of the queries, {held} of {len(layer)}).",
                        hint="Leave the curve out, have more queries judged, or ask for fewer folds.",
                    )

"""Studies of recommendation: learners that rank items, under remedies, on what users wanted next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.registry import RankingLearner, ranking_learner
from evenshelf.plurals import counted
from evenshelf.remedies import Prior, Remedy, Stage
from evenshelf.study.contests.contest import GIVE
from evenshelf.study.contests.laid_out import lay_out
from evenshelf.study.contests.plan import Job, enough_folds
from evenshelf.study.contests.rows import Rows
from evenshelf.study.contests.study import ContestStudy, Hindered, Turn
from evenshelf.study.curve_fits import SHARES, layers_of
from evenshelf.study.order_free import ORDER
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.ranking.askers import drawn_again, in_other_order, of_share
from evenshelf.study.ranking.order import order_facts
from evenshelf.study.ranking.rows import RankingRows
from evenshelf.study.ranking.stored import exam_arrays, fact_arrays
from evenshelf.study.ranking.trials import run
from evenshelf.study.results import StudyResult
from evenshelf.tasks.exams import SPLITS, Exam
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.recommend import RecommendTask

CHOSEN_BY = 5_000
"""Users, at most, by whom settings are chosen."""
AGAIN = "again"
"""Baseline where what users had may be shown again."""
BASELINES = (POPULAR, AGAIN, "item_knn")


@dataclass(eq=False)
class RankingStudy(ContestStudy[Exam, RankingLearner]):
    """Remedies compared on one learner, with other learners beside it.

    Parameters
    ----------
    task
        The question.
    facts
        What is known of the items.
    baselines
        What is popular is always told.
    split
        One of :data:`evenshelf.tasks.exams.SPLITS`.
    folds
        Of users, where the split is by user.
    learner
        See :func:`evenshelf.learners.ranking.registry.ranking_learners`.
    redrawn
        Whether it is one of :meth:`again`, in which users by whom settings are chosen are drawn with replacement.

    Others are those of :class:`~evenshelf.study.contests.study.ContestStudy`.

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

    measures = LISTS
    lacking = "Give more items to more users."
    reads = "histories"
    libraries = ("scipy", "scikit-learn")

    def __post_init__(self) -> None:
        if self.split == "users":
            enough_folds(self.folds)
        self.enter()

    def learner_named(self, name: str) -> RankingLearner:
        """The learner of a name, or an error."""
        return ranking_learner(name)

    def others(self) -> list[str]:
        """Names of the learners that are told beside the remedies, without those that may show nothing here."""
        return [name for name in super().others() if name != AGAIN or self.task.repeats]

    @property
    def may_repeat(self) -> bool:
        """Whether what users had may be shown."""
        return self.task.repeats

    def turns(self, share: int | None = None) -> dict[int, Turn[Exam]]:
        """The exams of each fold; of a share of the users if one is given, but the same are asked in the end."""
        found = {}
        held = None if share is None else layers_of(np.arange(len(self.task.histories.users)), self.seed) <= share
        for sitting in self.task.sittings(self.split, folds=self.folds, seed=self.seed):
            choosing, judging = sitting.choosing, sitting.judging
            if held is not None:
                choosing = of_share(choosing, held, choosing=True)
                judging = of_share(judging, held, choosing=False)
            found[sitting.fold] = Turn(self._choosing(choosing), judging)
        return found

    def hindered(self, turns: Mapping[int, Turn[Exam]]) -> Hindered:
        """Why some remedies and learners cannot be fitted here.

        Raises
        ------
        InputError
            If the learner that is studied cannot.
        """
        evidence = Evidence(next(iter(turns.values())).choosing.known, self.facts, self.task.repeats)
        if lacking := self.fitted.lacking(evidence):
            raise InputError(f"{lacking[0].upper()}{lacking[1:]}.", hint="Study another learner with --learner.")
        prior = Prior(known_counts(turns))
        reasons = {
            r.spec: self._learner.unsupported(r)
            or _unreadable(r, self.facts)
            or r.not_applicable(prior, has_names=self.facts.has_texts)
            for r in self.compared
        }
        others = {name: self.learner_named(name).lacking(evidence) for name in self.others()}
        return Hindered(reasons, {name: why for name, why in others.items() if why})

    def facts_laid_out(self) -> str:
        """Put what is known of the items into the folder; returns its name."""
        return lay_out(self.folder, "facts", fact_arrays(self.facts))

    def laid_out(self, exam: Exam) -> str:
        """Put an exam into the folder; returns its name."""
        return lay_out(self.folder, "exams", exam_arrays(exam, self.task.bucket(exam.known.counts)))

    def do(self) -> Callable[[Job, str, Path], None]:
        """What does a job."""
        return run

    def rows(self, turns: Mapping[int, Turn[Exam]]) -> RankingRows:
        """What was wanted in all folds."""
        return RankingRows({number: turn.judging for number, turn in turns.items()})

    def about_learner(self, learner: RankingLearner) -> dict[str, Any]:
        """Whether it reads the order of steps."""
        return {"directed": learner.directed}

    def record(self, turns: Mapping[int, Turn[Exam]], rows: Rows) -> dict[str, Any]:
        """JSON-able facts beside those that every study has."""
        return {
            **self.task.describe(),
            "folds": len(turns),
            "split": SPLITS[self.split],
            "split_by": self.split,
            "chosen": {"metric": LISTS.main, "guarded": LISTS.head, "give": GIVE, "users": CHOSEN_BY},
            "directed": self.fitted.directed,
            "order": order_facts(self.task.histories, rows.traits[ORDER].to_numpy().astype(np.str_), rows.asker),
        }

    def result(self, turns: Mapping[int, Turn[Exam]], rows: Rows, **found: Any) -> StudyResult:
        """A result whose rows are items that users wanted, and whose classes are items."""
        counts = known_counts(turns)
        return StudyResult(
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
            group=rows.asker,
            traits=rows.traits,
            **found,
        )

    def learned_from(self, turn: Turn[Exam]) -> int:
        """How many users are learned from where it is judged."""
        return len(np.unique(turn.judging.known.user))

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
        known = {remedy.spec: remedy for remedy in self.compared}
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
        """See :func:`check_shares`."""
        check_shares(self.task, self.split, folds=self.folds, seed=self.seed)

    def _choosing(self, exam: Exam) -> Exam:
        """The exam of those by whom settings are chosen."""
        if self.redrawn and self.split != "users":  # who chooses is drawn with the folds there
            return drawn_again(exam, CHOSEN_BY, self.seed)
        return exam.drawn(CHOSEN_BY, self.seed)


def known_counts(turns: Mapping[int, Turn[Exam]]) -> NDArray[np.int64]:
    """``[I]`` how often each item is in what models learn from that are judged; of several, the mean, rounded up."""
    mean = np.mean([turn.judging.known.counts for turn in turns.values()], axis=0)
    return np.asarray(np.ceil(mean), np.int64)


def check_shares(task: RecommendTask, split: str, *, folds: int, seed: int) -> None:
    """Raise an :class:`InputError` if a share of a learning curve is too small to choose settings in and to learn from.

    Parameters
    ----------
    task
        The question.
    split, folds, seed
        Of the study.
    """
    layer = layers_of(np.arange(len(task.histories.users)), seed)
    for sitting in task.sittings(split, folds=folds, seed=seed):
        for level, share in enumerate(SHARES):
            held = layer <= level
            why = ""
            if not held[sitting.choosing.group].any():
                why = "nobody is left to choose settings by"
            elif (kinds := len(np.unique(sitting.choosing.known.item[held[sitting.choosing.known.user]]))) < 2:
                why = f"only {counted(kinds, 'item', 'items')} would be learned from"
            if why:
                raise InputError(
                    "There are too few users for a learning curve: a share is too small to learn from "
                    f"({share:.3g} of the users, {int(held.sum())} of {len(held)}, as {why}).",
                    hint="Leave the curve out, or give more users.",
                )


def _unreadable(remedy: Remedy, facts: ItemFacts) -> str | None:
    """Why a remedy that orders lists by what items are like cannot be used, or ``None``: words alone are too few."""
    if facts.vectors is None and any(part.reads_names and Stage.RERANK in part.stages for part in remedy.parts):
        return "it compares items by vectors of their titles, and no encoder made any"
    return None

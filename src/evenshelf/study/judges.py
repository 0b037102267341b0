"""How answers become numbers: what a verdict asks of results, whatever was answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from evenshelf.study.guessing import ANSWERS, guesses
from evenshelf.study.resampled import fold_answers, fold_scores
from evenshelf.study.statistics import Bootstrap, paired_bootstrap
from evenshelf.tasks.label_metrics import CLASSES, bucket_or_cold, label_metrics
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.measures import Measures
from evenshelf.tasks.search_measures import SEARCHES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.results import Outcome, StudyResult


class Judge(Protocol):
    """Judges the answers of one study."""

    @property
    def measures(self) -> Measures:
        """What it judges by."""

    @property
    def buckets(self) -> NDArray[np.str_]:
        """``[C]`` head, torso, tail or cold."""

    @property
    def guesses(self) -> Mapping[str, str]:
        """Answers that know nothing but frequencies: in words, by name in the bootstrap."""

    def bootstrap(self, outcomes: Mapping[str, Outcome], *, replicates: int, seed: int) -> Bootstrap:
        """The decisive metrics of outcomes, by name, and of guesses, on the same draws of groups."""

    def values(self, outcome: Outcome, rows: NDArray[np.bool_]) -> dict[str, float]:
        """Every metric over some evaluated rows, ``[n]``; NaN where there is nothing to average over."""

    def by_fold(self, outcome: Outcome, metric: str) -> NDArray[np.float64]:
        """``[K]`` a decisive metric in each evaluated fold; NaN where there is nothing to average over."""

    def differing(self, outcome: Outcome, other: Outcome) -> NDArray[np.int64]:
        """``[K]`` how many answers two outcomes do not share in each evaluated fold."""


class ClassJudge:
    """Judges answers that name a class.

    Parameters
    ----------
    result
        Of a study; rows with a negative fold are not evaluated.
    """

    measures = CLASSES
    guesses = ANSWERS

    def __init__(self, result: StudyResult) -> None:
        self._result, self._rows = result, result.fold >= 0
        self.buckets = bucket_or_cold(result.y, result.fold, result.classes["bucket"].to_numpy())

    def bootstrap(self, outcomes: Mapping[str, Outcome], *, replicates: int, seed: int) -> Bootstrap:
        """See :meth:`Judge.bootstrap`."""
        result, rows = self._result, self._rows
        named = {name: outcome.predicted[rows] for name, outcome in outcomes.items()} | guesses(result, seed)
        return paired_bootstrap(
            result.y[rows], result.group[rows], named, self.buckets, replicates=replicates, seed=seed
        )

    def values(self, outcome: Outcome, rows: NDArray[np.bool_]) -> dict[str, float]:
        """See :meth:`Judge.values`."""
        return label_metrics(
            self._result.y[rows],
            outcome.predicted[rows],
            np.clip(outcome.p_true[rows], 0, 1),
            np.clip(outcome.p_predicted[rows], 0, 1),
            buckets=self.buckets,
            counts=self._result.classes["count"].to_numpy(),
        )

    def by_fold(self, outcome: Outcome, metric: str) -> NDArray[np.float64]:
        """See :meth:`Judge.by_fold`."""
        rows = self._rows
        return fold_scores(self._result.y[rows], outcome.predicted[rows], self._result.fold[rows], self.buckets, metric)

    def differing(self, outcome: Outcome, other: Outcome) -> NDArray[np.int64]:
        """See :meth:`Judge.differing`."""
        rows = self._rows
        return fold_answers(outcome.predicted[rows], other.predicted[rows], self._result.fold[rows])


def judge_of(result: StudyResult) -> Judge:
    """What judges the answers of a study."""
    kind = result.meta.get("measures", CLASSES.name)
    if kind == CLASSES.name:
        return ClassJudge(result)
    from evenshelf.study.list_judge import ListJudge  # noqa: PLC0415 - which knows of results
    from evenshelf.study.search_judge import SearchJudge  # noqa: PLC0415

    return SearchJudge(result) if kind == SEARCHES.name else ListJudge(result)


def measures_named(name: str) -> Measures:
    """The measures of a kind of answer."""
    return {measures.name: measures for measures in (CLASSES, LISTS, SEARCHES)}[name]

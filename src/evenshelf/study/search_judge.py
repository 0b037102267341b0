"""Judges answers that are rankings for queries; queries are drawn again, those that are nearly equal together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.errors import InputError, SettingError
from evenshelf.study.statistics import Bootstrap, draw_groups
from evenshelf.tasks.list_measures import gain
from evenshelf.tasks.search_measures import PARTS, SEARCHES, K, ndcg_of_queries, search_measures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.results import Outcome, StudyResult

POPULAR = "popular"
"""Spec of the baseline that shows what is popular: the answer of who knows nothing of what was asked but its words."""
KIND = "item"
"""The trait of rows that says whether the item is head, torso, tail or cold."""


class SearchJudge:
    """Judges rankings.

    Parameters
    ----------
    result
        Of a study. A row is an item that answers a query: ``y`` is the query, ``worth`` the gain of the item, ``group``
        queries that are equal or nearly so.

    Raises
    ------
    InputError
        If the study has no popularity to compare with.
    """

    measures = SEARCHES

    def __init__(self, result: StudyResult) -> None:
        self._result, self._rows = result, result.fold >= 0
        self.buckets = result.classes["bucket"].to_numpy().astype("<U5")
        self._frequency = result.classes["count"].to_numpy().astype(np.float64)
        known = [r.tuned for r in result.remedies if r.spec == POPULAR and r.tuned is not None]
        if not known or result.worth is None or result.traits is None:
            raise InputError(
                f"The study has no baseline {POPULAR!r}, so nobody knows what guessing would do.", hint="Run it again."
            )
        self._popular, self._worth = known[0], result.worth.astype(np.float64)
        self._kind = result.traits[KIND].to_numpy().astype("<U5")

    @property
    def guesses(self) -> Mapping[str, str]:
        """See :attr:`evenshelf.study.judges.Judge.guesses`."""
        return {f"guess {POPULAR}": SEARCHES.guess}

    def bootstrap(self, outcomes: Mapping[str, Outcome], *, replicates: int, seed: int) -> Bootstrap:
        """See :meth:`evenshelf.study.judges.Judge.bootstrap`.

        Raises
        ------
        SettingError
            If `replicates` is below 1.
        """
        if replicates < 1:
            raise SettingError(f"replicates must be at least 1, not {replicates}.")
        rows, result = self._rows, self._result
        named = {name: outcome.ranks[rows] for name, outcome in outcomes.items()}
        named[f"guess {POPULAR}"] = self._popular.ranks[rows]
        query, worth = result.y[rows], self._worth[rows]
        _, cluster = np.unique(result.group[rows], return_inverse=True)
        queries, clusters = len(self.buckets), int(cluster.max()) + 1
        each = np.stack([ndcg_of_queries(rank, worth, query, queries) for rank in named.values()])
        asked = np.flatnonzero(~np.isnan(each[0]))
        of = np.zeros(queries, np.int64)
        of[query] = cluster
        # of clusters: sums over their queries, of each decisive metric, and what these are divided by
        weights = [np.ones(len(asked)), *(self.buckets[asked] == part for part in PARTS), self._frequency[asked]]
        own = of[asked]
        sums = np.stack(
            [
                np.stack([np.bincount(own, line[asked] * weight, clusters) for line in each]).astype(np.float32)
                for weight in weights
            ]
        )
        parts = np.stack([np.bincount(own, weight, clusters) for weight in weights]).astype(np.float32)

        def score(drawn: NDArray[np.float32]) -> NDArray[np.float64]:
            with np.errstate(invalid="ignore", divide="ignore"):  # none of the part is in this draw: NaN is meant
                means = (sums @ drawn) / (parts @ drawn)[:, None, :]
            return np.moveaxis(means, 0, 1).astype(np.float64)

        observed, draws = draw_groups(score, clusters, replicates=replicates, seed=seed)
        answered = np.stack([gain(rank, K).astype(np.float32) for rank in named.values()])
        return Bootstrap(tuple(named), observed, draws, answered, cluster, SEARCHES.decisive)

    def values(self, outcome: Outcome, rows: NDArray[np.bool_]) -> dict[str, float]:
        """See :meth:`evenshelf.study.judges.Judge.values`."""
        return search_measures(
            outcome.ranks[rows],
            self._worth[rows],
            self._result.y[rows],
            bucket=self.buckets,
            frequency=self._frequency,
            kind=self._kind[rows],
        )

    def by_fold(self, outcome: Outcome, metric: str) -> NDArray[np.float64]:
        """See :meth:`evenshelf.study.judges.Judge.by_fold`."""
        fold = self._result.fold
        return np.array([self.values(outcome, fold == number)[metric] for number in np.unique(fold[fold >= 0])])

    def differing(self, outcome: Outcome, other: Outcome) -> NDArray[np.int64]:
        """See :meth:`evenshelf.study.judges.Judge.differing`."""
        differs, fold = gain(outcome.ranks, K) != gain(other.ranks, K), self._result.fold
        return np.array([int(differs[fold == number].sum()) for number in np.unique(fold[fold >= 0])])

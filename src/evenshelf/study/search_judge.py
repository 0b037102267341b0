"""Judges answers that are rankings for queries; queries are drawn again, those that are nearly equal together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.errors import InputError
from evenshelf.study.rank_judge import RankJudge
from evenshelf.study.statistics import Bootstrap, draw_groups
from evenshelf.tasks.list_measures import gain
from evenshelf.tasks.search_measures import PARTS, SEARCHES, K, ndcg_of_queries, search_measures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.results import Outcome, StudyResult

KIND = "item"
"""The trait of rows that says whether the item is head, torso, tail or cold."""
SCRIPT = "script"
"""The trait of rows that says which script the query is written in."""


class SearchJudge(RankJudge):
    """Judges rankings.

    Parameters
    ----------
    result
        Of a study. A row is an item that answers a query: ``y`` is the query, ``worth`` the gain of the item, ``group``
        queries that are equal or nearly so.

    Raises
    ------
    InputError
        If the study has no popularity to compare with, or does not say how well items answer.
    """

    measures = SEARCHES

    def __init__(self, result: StudyResult) -> None:
        super().__init__(result)
        self._frequency = result.classes["count"].to_numpy().astype(np.float64)
        if result.worth is None or result.traits is None:
            raise InputError("The study does not say how well each item answers.", hint="Run it again.")
        self._worth = result.worth.astype(np.float64)
        self._kind = result.traits[KIND].to_numpy().astype("<U5")

    def bootstrap(self, outcomes: Mapping[str, Outcome], *, replicates: int, seed: int) -> Bootstrap:
        """See :meth:`evenshelf.study.judges.Judge.bootstrap`.

        Raises
        ------
        SettingError
            If `replicates` is below 1.
        """
        rows, result = self._rows, self._result
        named = self._named(outcomes, replicates)
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

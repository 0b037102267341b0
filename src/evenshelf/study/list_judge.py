"""Judges answers that are ranked lists; the groups that are drawn again are users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.study.rank_judge import RankJudge
from evenshelf.study.statistics import Bootstrap, draw_groups
from evenshelf.tasks.list_measures import LISTS, gain, list_measures, of_users

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.results import Outcome


class ListJudge(RankJudge):
    """Judges ranked lists.

    Parameters
    ----------
    result
        Of a study. A row is an item that a user wanted: ``y`` is the item, ``group`` the user; rows with a negative
        fold are not evaluated.

    Raises
    ------
    InputError
        If the study has no popularity to compare with.
    """

    measures = LISTS

    def bootstrap(self, outcomes: Mapping[str, Outcome], *, replicates: int, seed: int) -> Bootstrap:
        """See :meth:`evenshelf.study.judges.Judge.bootstrap`.

        Raises
        ------
        SettingError
            If `replicates` is below 1.
        """
        rows, result = self._rows, self._result
        named = self._named(outcomes, replicates)
        _, item = np.unique(result.y[rows], return_inverse=True)
        _, user = np.unique(result.group[rows], return_inverse=True)
        users, items = int(user.max()) + 1, int(item.max()) + 1
        bucket = self.buckets[result.y[rows]]
        among = [np.ones(len(user), bool), *(bucket == part for part in ("head", "torso", "tail"))]
        # of users: NDCG over all they wanted and over each part, and who wanted anything of it
        per_user = np.stack(
            [
                np.stack([of_users(rank[some], user[some], users)[0] for rank in named.values()]).astype(np.float32)
                for some in among
            ]
        )
        asked = np.stack([np.bincount(user[some], minlength=users) > 0 for some in among]).astype(np.float32)
        worth = [gain(rank).astype(np.float32) for rank in named.values()]
        # A mean over the items that are drawn would be of other items in each draw: one wanted by one user is absent or
        # has its whole value, and draws vary too little. So users bring their shares of the mean over all items.
        part = 1.0 / (np.bincount(item)[item] * items)
        shares = np.stack([np.bincount(user, each * part, users) for each in worth]).astype(np.float32)
        weight = np.bincount(user, part, users).astype(np.float32)

        def score(weights: NDArray[np.float32]) -> NDArray[np.float64]:
            out = np.empty((len(named), len(LISTS.decisive), weights.shape[1]))
            with np.errstate(invalid="ignore", divide="ignore"):  # nobody wanted it in this draw: NaN is meant
                means = (per_user @ weights) / (asked @ weights)[:, None, :]
            out[:, 0] = (shares @ weights) / (weight @ weights)
            out[:, 1], out[:, 2], out[:, 3], out[:, 4] = means[1], means[2], means[3], means[0]
            return out

        observed, draws = draw_groups(score, users, replicates=replicates, seed=seed)
        return Bootstrap(tuple(named), observed, draws, np.stack(worth), user, LISTS.decisive)

    def values(self, outcome: Outcome, rows: NDArray[np.bool_]) -> dict[str, float]:
        """See :meth:`evenshelf.study.judges.Judge.values`."""
        result = self._result
        return list_measures(outcome.ranks[rows], result.y[rows], result.group[rows], self.buckets)

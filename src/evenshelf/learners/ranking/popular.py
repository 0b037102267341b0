"""What is popular, the same for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.ranking.base import Evidence, Floats, popularity_of
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.remedies import Remedy, Stage
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True, eq=False)
class Popularity:
    """One list for everybody.

    Attributes
    ----------
    log_share
        ``[I]`` logarithm of how much of all that was taken each item is.
    """

    log_share: Floats

    @classmethod
    def of(cls, counts: NDArray[np.floating]) -> Popularity:
        """Of counts ``[I]`` > 0."""
        return cls(np.log(counts / counts.sum()).astype(np.float32))

    @property
    def bytes(self) -> int:
        """Of the shares."""
        return int(self.log_share.nbytes)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.learners.ranking.base.Ranker.scores`."""
        return np.repeat(self.log_share[None], len(histories.users), axis=0)


def fit_popular(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Popularity:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`."""
    del setting, seed
    return Popularity.of(popularity_of(evidence, remedy))


register(
    RankingLearner(
        name="popular",
        title="popularity",
        summary="What was taken most often, the same for all.",
        paper="the usual baseline",
        fit=fit_popular,
        stages=(Stage.WEIGHT,),
        cost=0.1,
        repeats=True,  # the yardstick that knows nothing of a user
    )
)

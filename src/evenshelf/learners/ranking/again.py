"""What a user took before, by how it comes back; of what is new, what is popular."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.popular import fit_popular
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.buying_again import BuyingAgain, returns_of
from evenshelf.remedies import Remedy, Stage


def fit_again(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> BuyingAgain:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`."""
    return BuyingAgain(
        fit_popular(evidence, remedy, setting=setting, seed=seed),
        returns_of(evidence.histories, remedy.weight(evidence.prior)),
    )


register(
    RankingLearner(
        name="again",
        title="what users had",
        summary="What a user took before, by how often and how long ago; of what is new, what is popular.",
        paper="Anderson et al., WWW 2014; personal frequency: Hu et al., SIGIR 2020",
        fit=fit_again,
        stages=(Stage.WEIGHT,),
        repeats=True,
        cost=0.2,
    )
)

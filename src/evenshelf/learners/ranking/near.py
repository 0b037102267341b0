"""Neighbourhoods by nearness: what was taken not many steps before or after what a user has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.counting import taken_near
from evenshelf.learners.ranking.neighbourhoods import WINDOW_GRID, in_window
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import Remedy, Stage


def fit_near(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Neighbourhoods:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`."""
    del seed
    return in_window(taken_near, evidence, remedy, setting)


register(
    RankingLearner(
        name="near",
        title="neighbourhoods by nearness",
        summary="What was taken a few steps before or after what a user has; whichever came first.",
        paper="evenshelf; kin: item neighbourhoods, Sarwar et al., WWW 2001, in a window as of words",
        fit=fit_near,
        stages=(Stage.WEIGHT,),
        grid=WINDOW_GRID,
    )
)

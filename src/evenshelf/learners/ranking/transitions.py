"""Transitions: what was taken after what a user has. It reads which of two steps came first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.counting import taken_after
from evenshelf.learners.ranking.neighbourhoods import WINDOW_GRID, in_window
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import Remedy, Stage


def fit_transitions(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Neighbourhoods:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`."""
    del seed
    return in_window(taken_after, evidence, remedy, setting)


register(
    RankingLearner(
        name="transitions",
        title="transitions",
        summary="What was taken after what a user has, the sooner the more; reads the order of steps.",
        paper="evenshelf; kin: Markov chains, Rendle et al., WWW 2010; sequential rules, Ludewig & Jannach, UMUAI 2018",
        fit=fit_transitions,
        stages=(Stage.WEIGHT,),
        grid=WINDOW_GRID,
        directed=True,
    )
)

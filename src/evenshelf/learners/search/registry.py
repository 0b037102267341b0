"""The one list of learners that rank what a search finds.

Other packages add theirs as entry points of the group ``evenshelf.learners.search``, each a :class:`SearchLearner`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from evenshelf.learners.search.base import Evidence, Scorer
from evenshelf.learners.tunable import Tunable
from evenshelf.plugins import Registry
from evenshelf.rankers.answering import AFTERWARDS
from evenshelf.remedies import Remedy, Stage


class FitSearch(Protocol):
    """Fits one learner under one remedy."""

    def __call__(self, evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Scorer:
        """Fit under a remedy.

        Parameters
        ----------
        evidence
            All that may be looked at. Weights of queries and queries that were made are in it already.
        remedy
            What to fit under. Groups of weights are queries, of all other stages items.
        setting
            A value for each parameter in the grid.
        seed
            Source of all randomness.
        """


@dataclass(frozen=True)
class SearchLearner(Tunable):
    """One learner; parameters are those of :class:`~evenshelf.learners.tunable.Tunable`.

    ``cost`` is in fits of three weights. A learner that honours the stage ``weight`` weighs queries by their counts.
    """

    fit: FitSearch

    afterwards: ClassVar[tuple[Stage, ...]] = (*AFTERWARDS, Stage.RETRIEVE)

    def fitted(self, evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Scorer:
        """Fit it on queries that weigh what the remedy says, and on those that it made; see :class:`FitSearch`."""
        pool = evidence.pool
        if Stage.WEIGHT in self.stages and Stage.WEIGHT in remedy.stages:
            weight = remedy.weight(evidence.prior_of_queries)
            pool = pool if weight is None else pool.weighed(weight)
        made = next((evidence.made[part.spec] for part in remedy.parts if part.spec in evidence.made), None)
        pool = pool if made is None else pool.joined(made)
        return self.fit(Evidence(pool, evidence.items), remedy, setting=setting, seed=seed)

    def unsupported(self, remedy: Remedy) -> str | None:
        """Why this learner cannot honour a remedy, or ``None`` if it can."""
        return self.cannot_act(remedy)


def not_applicable(remedy: Remedy, evidence: Evidence, *, clicks: bool) -> str | None:
    """Why a remedy cannot be used with such queries and items, or ``None`` if it can.

    Parameters
    ----------
    remedy
        Which.
    evidence
        What is learned from.
    clicks
        Whether that are clicks, and not judgements.
    """
    if Stage.EVIDENCE in remedy.stages and not clicks:
        return "judgements are learned from, and no clicks (--target clicks)"
    for part in (part for part in remedy.parts if part.stages):
        of_queries = Stage.WEIGHT in part.stages
        if of_queries and len(np.unique(evidence.pool.count)) < 2:
            return "all queries have as many examples, so that there is nothing to weigh"
        prior = evidence.prior_of_queries if of_queries else evidence.prior
        if reason := part.not_applicable(prior, has_names=True):
            return reason
    return None


_registry: Registry[SearchLearner] = Registry(
    "learner",
    "evenshelf.learners.search",
    wanted="a SearchLearner",
    fits=lambda kind: isinstance(kind, SearchLearner),
    identity=lambda kind: f"{kind.fit.__module__}.{getattr(kind.fit, '__qualname__', kind.fit)}",
)
register = _registry.register
"""Add a learner."""

search_learners = _registry.all
"""Every learner by name."""

search_learner = _registry.find
"""The learner of a name."""

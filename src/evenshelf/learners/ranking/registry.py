"""The one list of learners that rank items for users.

Other packages add theirs as entry points of the group ``evenshelf.learners.ranking``, each a :class:`RankingLearner`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from evenshelf.learners.bracketed import base_of, values_in
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.tunable import Tunable
from evenshelf.plugins import Registry
from evenshelf.rankers.base import Ranker
from evenshelf.rankers.buying_again import BuyingAgain, returns_of
from evenshelf.remedies import Remedy


class FitRanking(Protocol):
    """Fits one learner under one remedy."""

    def __call__(self, evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Ranker:
        """Fit under a remedy.

        Parameters
        ----------
        evidence
            All that may be looked at.
        remedy
            What to fit under. Groups are items, and an example is a step: what came next. Stages that act on scores
            are none of the learner's business.
        setting
            A value for each parameter in :attr:`RankingLearner.grid`.
        seed
            Source of all randomness.

        Raises
        ------
        SettingError
            If it cannot be fitted in the memory there is.
        """


@dataclass(frozen=True)
class RankingLearner(Tunable):
    """One learner.

    Parameters
    ----------
    needs
        What histories or items must have for it: ``times`` of steps, ``texts`` of items (words or vectors),
        ``titles`` of items (as they are written), ``categories`` of items. A fit without it raises an
        :class:`InputError`.
    directed
        Whether it looks at which of two steps came first, and so may read the order of ids in files where steps of a
        day stand in that order.
    repeats
        Whether it knows by itself what users take again, where that may be shown; for others
        :mod:`evenshelf.rankers.buying_again` does.

    Others are those of :class:`~evenshelf.learners.tunable.Tunable`; ``cost`` is in fits of item neighbourhoods.
    """

    fit: FitRanking
    needs: tuple[str, ...] = ()
    directed: bool = False
    repeats: bool = False

    def fitted(self, evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Ranker:
        """Fit it, and beside it what users take again if that may be shown; see :class:`FitRanking`."""
        found = self.fit(evidence, remedy, setting=setting, seed=seed)
        if self.repeats or not evidence.repeats:
            return found
        return BuyingAgain(found, returns_of(evidence.histories, remedy.weight(evidence.prior)))

    def lacking(self, evidence: Evidence) -> str | None:
        """Why it cannot be fitted on such evidence, or ``None`` if it can."""
        has = {
            "times": evidence.histories.time is not None,
            "texts": evidence.facts.has_texts,
            "titles": evidence.facts.has_titles,
            "categories": evidence.facts.has_categories,
        }
        missing = [need for need in self.needs if not has[need]]
        return f"{self.title} needs {' and '.join(missing)}, and there are none" if missing else None

    def unsupported(self, remedy: Remedy) -> str | None:
        """Why this learner cannot honour a remedy, or ``None`` if it can."""
        reason = self.cannot_act(remedy)
        if reason is None and any(part.makes_vectors for part in remedy.parts):
            return f"{self.title} learns from histories, and it makes vectors that no history has"
        return reason


_registry: Registry[RankingLearner] = Registry(
    "learner",
    "evenshelf.learners.ranking",
    wanted="a RankingLearner",
    fits=lambda kind: isinstance(kind, RankingLearner),
    identity=lambda kind: f"{kind.fit.__module__}.{getattr(kind.fit, '__qualname__', kind.fit)}",
)
register = _registry.register
"""Add a learner."""

ranking_learners = _registry.all
"""Every learner by name."""


def ranking_learner(name: str) -> RankingLearner:
    """The learner of a name, or of ``name(setting=value)``.

    Raises
    ------
    SettingError
        If there is none; close names are offered, and all are listed.
    """
    found = _registry.find(base_of(name))
    if "(" not in name:
        return found
    values = values_in(name, found.name, found.usual)
    return found if found.at is None else found.at(values)

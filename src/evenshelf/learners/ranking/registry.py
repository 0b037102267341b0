"""The one list of learners that rank items for users.

Other packages add theirs as entry points of the group ``evenshelf.learners.ranking``, each a :class:`RankingLearner`.
"""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from evenshelf.errors import SettingError
from evenshelf.learners.ranking.base import Evidence
from evenshelf.plugins import Registry
from evenshelf.rankers.answering import AFTERWARDS
from evenshelf.rankers.base import Ranker
from evenshelf.rankers.buying_again import BuyingAgain, returns_of
from evenshelf.remedies import Remedy, Stage, joined


def fitting_part(remedy: Remedy) -> Remedy:
    """What of a remedy the fit is made under; ``none`` if it acts on scores and lists alone.

    Unlike with linear heads, a loss is never put off to the scores: a network has no free bias to take it up.
    """
    parts = [part for part in remedy.parts if set(part.stages) - set(AFTERWARDS)]
    return joined(parts)


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
class RankingLearner:
    """One learner.

    Parameters
    ----------
    name
        What ``--learner`` takes.
    title
        How a sentence calls it.
    summary
        One sentence for a person who has to choose.
    paper
        Where it comes from.
    fit
        A plain function of a module.
    stages
        The remedy stages that its fit honours; a remedy that acts at another is reported as not applicable.
    grid
        Values worth trying of each parameter, its default first.
    needs
        What histories or items must have for it: ``times`` of steps, ``texts`` of items (words or vectors),
        ``categories`` of items. A fit without it raises an :class:`InputError`.
    directed
        Whether it looks at which of two steps came first, and so may read the order of ids in files where steps of a
        day stand in that order.
    repeats
        Whether it knows by itself what users take again, where that may be shown; for others
        :mod:`evenshelf.rankers.buying_again` does.
    cost
        About how long a fit takes, in fits of item neighbourhoods; for the progress bar.
    """

    name: str
    title: str
    summary: str
    paper: str
    fit: FitRanking
    stages: tuple[Stage, ...] = ()
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    directed: bool = False
    repeats: bool = False
    cost: float = 1.0

    def __post_init__(self) -> None:
        if not inspect.isfunction(self.fit) or self.fit.__closure__:
            raise SettingError(
                f"The learner {self.name!r} is fitted by {self.fit!r}, which is no plain function.",
                hint="Define a function in a module.",
            )

    def fitted(self, evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Ranker:
        """Fit it, and beside it what users take again if that may be shown; see :class:`FitRanking`."""
        found = self.fit(evidence, remedy, setting=setting, seed=seed)
        if self.repeats or not evidence.repeats:
            return found
        return BuyingAgain(found, returns_of(evidence.histories, remedy.weight(evidence.prior)))

    @property
    def default(self) -> dict[str, Any]:
        """Parameters that have not been tuned."""
        return {name: values[0] for name, values in self.grid.items()}

    def settings(self, count: int) -> list[dict[str, Any]]:
        """Up to `count` settings of the grid: the default, and others in an order that depends on nothing else.

        The first settings of a larger count are those of a smaller one.
        """

        def place(setting: Mapping[str, Any]) -> bytes:
            return blake2b(json.dumps([self.name, setting], sort_keys=True).encode(), digest_size=8).digest()

        every = [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]
        others = sorted((setting for setting in every if setting != self.default), key=place)
        return [self.default, *others][:count]

    def lacking(self, evidence: Evidence) -> str | None:
        """Why it cannot be fitted on such evidence, or ``None`` if it can."""
        has = {
            "times": evidence.histories.time is not None,
            "texts": evidence.facts.has_texts,
            "categories": evidence.facts.has_categories,
        }
        missing = [need for need in self.needs if not has[need]]
        return f"{self.title} needs {' and '.join(missing)}, and there are none" if missing else None

    def unsupported(self, remedy: Remedy) -> str | None:
        """Why this learner cannot honour a remedy, or ``None`` if it can."""
        missing = [stage.value for stage in remedy.stages if stage not in (*self.stages, *AFTERWARDS)]
        if missing:
            return f"{self.title} cannot act at the stage {', '.join(missing)}"
        if any(part.norms for part in remedy.parts):
            return f"{self.title} has no weight vector for each item, whose length is needed"
        if any(part.makes_vectors for part in remedy.parts):
            return f"{self.title} learns from histories, and it makes vectors that no history has"
        if remedy.bags > 1:
            return f"{self.title} cannot average the models of {remedy.bags} bags"
        if any(part.many_labels for part in remedy.parts):
            return "it is for examples with sets of labels"
        return None


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

ranking_learner = _registry.find
"""The learner of a name."""

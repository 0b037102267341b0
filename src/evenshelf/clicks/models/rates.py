"""Click-through rates: models that know places or items or neither, to hold the others against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from evenshelf.clicks.evidence import Attraction, Pairs
from evenshelf.clicks.in_lists import carried
from evenshelf.clicks.log import ClickLog, Floats
from evenshelf.clicks.models.base import ClickModel
from evenshelf.clicks.models.registry import register
from evenshelf.clicks.priors import beta_prior
from evenshelf.clicks.sums import sums


def _usual(log: ClickLog) -> tuple[float, float]:
    """Half a click and half a row without one are added, so that no rate is 0 or 1."""
    clicks = float(log.clicked.sum())
    return clicks + 0.5, len(log) - clicks + 0.5


def _none(log: ClickLog, prior: tuple[float, float]) -> Attraction:
    return Attraction.counted(Pairs.none(log), np.zeros(0), np.zeros(0), prior)


@register
@dataclass(frozen=True, eq=False)
class ConstantRate(ClickModel):
    """One rate for all rows."""

    name: ClassVar[str] = "constant"
    title: ClassVar[str] = "Constant rate"
    summary: ClassVar[str] = "Every row is clicked as often as any other."
    paper: ClassVar[str] = "Chuklin et al. 2015, section 3.1"
    cost: ClassVar[int] = 0

    @classmethod
    def fit(cls, log: ClickLog) -> Self:
        """See :meth:`ClickModel.fit`."""
        return cls(_none(log, _usual(log)), np.ones(log.depth))

    def probability(self, log: ClickLog) -> Floats:
        """See :meth:`ClickModel.probability`."""
        return np.full(len(log), self.attraction.usual)


@register
@dataclass(frozen=True, eq=False)
class RankRate(ClickModel):
    """One rate for each rank."""

    name: ClassVar[str] = "rank_rate"
    title: ClassVar[str] = "Rate by rank"
    summary: ClassVar[str] = "The place alone decides, whatever is shown there."
    paper: ClassVar[str] = "Chuklin et al. 2015, section 3.2"
    cost: ClassVar[int] = 1

    rates: Floats
    """``[K]`` by rank."""

    @classmethod
    def fit(cls, log: ClickLog) -> Self:
        """See :meth:`ClickModel.fit`. Rates of ranks that were shown rarely are drawn to the rate of all.

        The scale of the examination is such that rank 1 has 1, also where a lower rank is clicked more.
        """
        a, b = _usual(log)
        usual = a / (a + b)
        clicks, shown = sums(log.rank - 1, log.clicked), sums(log.rank - 1)
        rates = carried((clicks + usual) / (shown + 1), shown)
        first = (shown[0] + 1) * rates[0]
        return cls(_none(log, (float(first), float(shown[0] + 1 - first))), rates / rates[0], rates)

    def probability(self, log: ClickLog) -> Floats:
        """See :meth:`ClickModel.probability`."""
        return np.asarray(self.rates[np.minimum(log.rank, len(self.rates)) - 1])


@register
@dataclass(frozen=True, eq=False)
class DocumentRate(ClickModel):
    """One rate for each query and item."""

    name: ClassVar[str] = "document_rate"
    title: ClassVar[str] = "Rate by document"
    summary: ClassVar[str] = "Query and item alone decide, wherever the item is shown."
    paper: ClassVar[str] = "Craswell et al. 2008 (baseline); Chuklin et al. 2015, section 3.2"
    cost: ClassVar[int] = 2

    @classmethod
    def fit(cls, log: ClickLog) -> Self:
        """See :meth:`ClickModel.fit`."""
        pairs = Pairs.of(log)
        row = pairs.find(log)
        clicks, shown = sums(row, log.clicked), sums(row).astype(np.float64)
        return cls(Attraction.counted(pairs, clicks, shown, beta_prior(clicks, shown)), np.ones(log.depth))

    def probability(self, log: ClickLog) -> Floats:
        """See :meth:`ClickModel.probability`."""
        return self.attraction.at(log)

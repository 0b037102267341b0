"""The cascade model: people look down a list until they click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from evenshelf.clicks.evidence import Attraction, Pairs
from evenshelf.clicks.in_lists import by_rank, clicks_above
from evenshelf.clicks.log import ClickLog, Floats
from evenshelf.clicks.models.base import ClickModel
from evenshelf.clicks.models.registry import register
from evenshelf.clicks.priors import beta_prior
from evenshelf.clicks.sums import sums


@register
@dataclass(frozen=True, eq=False)
class Cascade(ClickModel):
    """Everything down to the first click is looked at, and nothing below it.

    Logs have clicks below the first one, which the model of the paper gives no chance at all. Here they have the chance
    that such rows have on the whole, so that its loss is finite and its predictions above are what they are in the
    paper.

    Attributes
    ----------
    below
        Chance of a click below the first one of a list.
    """

    name: ClassVar[str] = "cascade"
    title: ClassVar[str] = "Cascade"
    summary: ClassVar[str] = "People look at one item after another, and no further once they clicked."
    paper: ClassVar[str] = "Craswell et al. 2008"
    cost: ClassVar[int] = 3

    below: float

    @classmethod
    def fit(cls, log: ClickLog) -> Self:
        """See :meth:`ClickModel.fit`."""
        pairs, under = Pairs.of(log), clicks_above(log) > 0
        row, looked = pairs.find(log), ~under
        clicks = sums(row, log.clicked & looked, len(pairs))
        looks = sums(row, looked, len(pairs)).astype(np.float64)
        attraction = Attraction.counted(pairs, clicks, looks, beta_prior(clicks, looks))
        below = float((log.clicked & under).sum() + 0.5) / float(under.sum() + 1)
        return cls(attraction, _reached(log, attraction.at(log)), below)

    def probability(self, log: ClickLog) -> Floats:
        """See :meth:`ClickModel.probability`."""
        return np.where(clicks_above(log) > 0, self.below, self.attraction.at(log))


def _reached(log: ClickLog, attraction: Floats) -> Floats:
    """``[K]`` mean chance by rank that nothing above is clicked."""
    log_not = np.log1p(-attraction)
    before = np.cumsum(log_not) - log_not
    reached = np.exp(before - before[log.start[:-1]][log.listing])
    return by_rank(log, reached)

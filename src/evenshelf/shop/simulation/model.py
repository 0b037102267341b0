"""The whole model of a simulated shop, and how often people come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenshelf.shop.simulation.assortment import CATEGORIES, DEPARTMENT
from evenshelf.shop.simulation.goods import Goods
from evenshelf.shop.simulation.parameters import PARAMETERS as P
from evenshelf.shop.simulation.prices import Prices
from evenshelf.shop.simulation.searching import Searching
from evenshelf.shop.simulation.season import Season
from evenshelf.shop.simulation.users import Users

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.assortment import Assortment
    from evenshelf.shop.simulation.settings import Settings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


class Model:
    """Everything that decides what people do.

    Attributes
    ----------
    goods, users, season, prices, searching
        The parts.
    rate
        (categories, days) Share of all visits that have a category in mind, on a day; sums to 1.
    neighbour
        (categories,) The next category of the same department that has items.
    pull
        (campaigns,) Factor of a campaign's click probabilities; a campaign is ``category * periods + period``.
    periods
        How many campaigns follow each other.
    """

    def __init__(self, settings: Settings, assortment: Assortment) -> None:
        self.settings = settings
        self.goods = Goods(settings, assortment)
        self.users = Users(settings, self.goods)
        self.season = Season(settings)
        self.prices = Prices(settings, self.goods, self.season)
        self.searching = Searching(settings, self.goods)
        days = np.arange(settings.days)
        rate = self.users.demand[self.regime(days)].T * self.season.factor * self.season.weekday
        self.base = 1 / rate.sum()
        self.rate = rate * self.base
        self.neighbour = _neighbours(self.goods.sizes)
        self.periods = -(-settings.days // P.ad_length)
        self.pull = np.exp(P.ad_pull_spread * settings.rng("campaigns").standard_normal(CATEGORIES * self.periods))

    def regime(self, day: Ints) -> Ints:
        """Return which tastes and popularities hold on days: 0, or 1 after the change in the world ``drift``."""
        return np.asarray(day >= self.settings.changes_on).astype(np.int64)


def _neighbours(sizes: Ints) -> Ints:
    neighbour = np.arange(CATEGORIES)
    for department in np.unique(DEPARTMENT):
        there = np.flatnonzero((department == DEPARTMENT) & (sizes > 0))
        neighbour[there] = np.roll(there, -1)
    return neighbour

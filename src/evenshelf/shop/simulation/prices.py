"""Prices over time: levels that change by the quarter, and reductions by the week that follow the season."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.schema import TIME
from evenshelf.shop.simulation.assortment import START_MICROSECONDS
from evenshelf.shop.simulation.parameters import PARAMETERS as P
from evenshelf.shop.simulation.settings import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from evenshelf.shop.simulation.goods import Goods
    from evenshelf.shop.simulation.season import Season
    from evenshelf.shop.simulation.settings import Settings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_BATCH = 50_000
_QUARTER = 13
_REDUCTIONS = np.array([0.0, 0.1, 0.2, 0.3])
_DEEPER = np.array([0.5, 0.3, 0.2])


class Prices:
    """Prices of all items in all weeks of the period; see :class:`~evenshelf.shop.simulation.parameters.Parameters`."""

    def __init__(self, settings: Settings, goods: Goods, season: Season) -> None:
        rng = settings.rng("prices")
        n, self._weeks = settings.items, -(-settings.days // 7)
        self._goods = goods
        active = rng.random(n) < P.priced_actively
        self._row = np.where(active, np.cumsum(active) - 1, -1)
        rows = int(active.sum())
        middle = np.minimum(np.arange(self._weeks) * 7 + 3, settings.days - 1)
        self.chance = np.minimum(P.promotion_rate * season.factor[:, middle] ** P.promotion_season, 0.8)
        category = goods.category[active]
        self._depth = np.zeros((rows, self._weeks), dtype=np.int8)
        deeper = np.cumsum(_DEEPER)
        for start in range(0, rows, _BATCH):
            batch = slice(start, min(start + _BATCH, rows))
            reduced = rng.random((batch.stop - start, self._weeks)) < self.chance[category[batch]]
            depth = 1 + np.searchsorted(deeper[:-1], rng.random(int(reduced.sum())))
            self._depth[batch][reduced] = depth
        quarters = -(-self._weeks // _QUARTER)
        level = np.exp(P.price_level * rng.standard_normal((rows, quarters)))
        level[:, 0] = 1.0
        self._level = level.astype(np.float32)

    def at(self, items: Ints, day: Ints) -> Floats:
        """Return the price of each item on each day (from 0), rounded to cents and at least 0.01."""
        week = day // 7
        row = self._row[items]
        factor = np.ones(items.shape)
        moved = row >= 0
        row, week = row[moved], week[moved]
        factor[moved] = self._level[row, week // _QUARTER] * (1 - _REDUCTIONS[self._depth[row, week]])
        return np.asarray(np.maximum(np.round(self._goods.price[items] * factor, 2), 0.01))

    def frames(self, ids: pl.Series) -> Iterator[pl.DataFrame]:
        """Yield the table of prices in batches: a row at an item's launch or the start, and one for every change."""
        for start in range(0, ids.len(), _BATCH):
            items = np.arange(start, min(start + _BATCH, ids.len()))
            first = np.maximum(self._goods.launch[items], 0).astype(np.int64)
            fixed = items[self._row[items] < 0]
            moving = items[self._row[items] >= 0]
            day = np.maximum(np.arange(self._weeks) * 7, first[moving - start][:, None])
            price = self.at(np.repeat(moving, self._weeks).reshape(day.shape), day)
            reduced = self._depth[self._row[moving]] > 0
            there = np.arange(self._weeks) >= first[moving - start][:, None] // 7
            before = (price[:, 1:] != price[:, :-1]) | (reduced[:, 1:] != reduced[:, :-1]) | ~there[:, :-1]
            changed = there & np.concatenate([np.ones((moving.size, 1), dtype=bool), before], axis=1)
            at, _ = np.nonzero(changed)
            item = np.concatenate([fixed, moving[at]])
            when = np.concatenate([first[fixed - start], day[changed]])
            order = np.lexsort((when, item))
            item, when = item[order], when[order]
            promoted = np.concatenate([np.zeros(fixed.size, dtype=bool), reduced[changed]])[order]
            yield pl.DataFrame(
                {
                    "item_id": ids.gather(item),
                    "time": pl.Series(START_MICROSECONDS + when * DAY).cast(TIME),
                    "price": self.at(item, when),
                    "promotion": promoted,
                }
            )

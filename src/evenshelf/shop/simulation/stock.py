"""Stock: what is there is sold, the rest is lost, and every item is filled up at its own interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.schema import TIME
from evenshelf.shop.simulation.assortment import START_MICROSECONDS
from evenshelf.shop.simulation.settings import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.log import Log
    from evenshelf.shop.simulation.settings import Settings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_INTERVALS = np.array([7, 14, 28, 56])


class Stock:
    """Pieces at hand.

    At the start of each interval an item is at its level, so within one the stock is the level less what was sold.

    Attributes
    ----------
    interval
        (n,) Days between fillings.
    offset
        (n,) Day of the first filling, below the interval.
    level
        (n,) Pieces that an item is filled up to, at least 1.
    """

    def __init__(self, settings: Settings, launch: NDArray[np.int32], demand: Floats) -> None:
        rng, n = settings.rng("stock"), demand.size
        self._settings, self._launch = settings, launch
        self.interval = rng.choice(_INTERVALS, size=n)
        self.offset = (rng.random(n) * self.interval).astype(np.int64)
        # From too little to more than enough of what is expected.
        self.level = np.maximum(1, np.ceil(demand * self.interval * rng.uniform(0.6, 2.5, size=n)))
        self._sold = np.zeros(n)
        self._period = np.full(n, -2)
        self._due = np.empty((0, 2), dtype=np.int64)

    def start(self, ids: pl.Series) -> pl.DataFrame:
        """Return the first row of every item: at its launch or at the start of the period."""
        day = np.maximum(self._launch, 0).astype(np.int64)
        return self._frame(np.arange(ids.len()), START_MICROSECONDS + day * DAY, self.level, ids)

    def sell(self, asked: Log, until: int, ids: pl.Series) -> tuple[Log, Floats, pl.DataFrame]:
        """Give what is there to those who ask, first come first served.

        Parameters
        ----------
        asked
            Purchases with the pieces asked for, all after those of the last call.
        until
            First day that was not simulated yet.
        ids
            Names of the items.

        Returns
        -------
        tuple
            The purchases sorted by item and time, with the pieces got; the pieces that they got less than they
            asked for; the changes of the stock in order of time.
        """
        asked = asked.take(np.lexsort((asked["time"], asked["item"])))
        item, time, pieces = asked["item"], asked["time"], asked["value"]
        # The stock must not change twice at the same moment.
        while (same := np.flatnonzero((item[1:] == item[:-1]) & (time[1:] <= time[:-1])) + 1).size:
            time[same] = time[same - 1] + 1
        period = (asked["day"] - self.offset[item]) // self.interval[item]
        first = np.ones(item.size, dtype=bool)
        first[1:] = (item[1:] != item[:-1]) | (period[1:] != period[:-1])
        before = np.cumsum(pieces) - pieces
        begun = np.flatnonzero(first)
        lengths = np.diff(np.append(begun, item.size))
        carried = np.where(self._period[item[begun]] == period[begun], self._sold[item[begun]], 0)
        gone = before - np.repeat(before[begun] - carried, lengths)
        left = np.maximum(self.level[item] - gone, 0)
        got = np.minimum(left, pieces)
        last = begun + lengths - 1
        self._period[item[last]] = period[last]  # the later period of an item comes later, and stays
        self._sold[item[last]] = gone[last] + pieces[last]

        filled = np.stack([item[begun], self.offset[item[begun]] + (period[begun] + 1) * self.interval[item[begun]]], 1)
        due = np.unique(np.concatenate([self._due, filled]), axis=0)
        now = due[:, 1] < until
        self._due = due[~now & (due[:, 1] < self._settings.days)]
        changed = got > 0
        items = np.concatenate([item[changed], due[now, 0]])
        times = np.concatenate([time[changed], START_MICROSECONDS + due[now, 1] * DAY])
        stocks = np.concatenate([(left - got)[changed], self.level[due[now, 0]]])
        order = np.argsort(times, kind="stable")
        sold = asked.take(changed, value=got[changed])
        return sold, pieces - got, self._frame(items[order], times[order], stocks[order], ids)

    @staticmethod
    def _frame(item: Ints, time: Ints, stock: Floats, ids: pl.Series) -> pl.DataFrame:
        return pl.DataFrame({"item_id": ids.gather(item), "time": pl.Series(time).cast(TIME), "stock": stock})

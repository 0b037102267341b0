"""The period of a simulated shop, block of days by block of days, so that memory does not grow with the events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.simulation import words
from evenshelf.shop.simulation.assortment import START_MICROSECONDS
from evenshelf.shop.simulation.behaviour import after_looks, after_purchases
from evenshelf.shop.simulation.log import IMPRESSION, Log
from evenshelf.shop.simulation.noise import Bots, repeated
from evenshelf.shop.simulation.rates import demand_rates
from evenshelf.shop.simulation.settings import DAY
from evenshelf.shop.simulation.stock import Stock
from evenshelf.shop.simulation.visits import draw_visits, shown_and_clicked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from evenshelf.shop.progress import Progress
    from evenshelf.shop.simulation.model import Model

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_BLOCK_EVENTS = 150_000
_PILOT_VISITS = 2000
_AFTER_PURCHASE = 1.3
"""Events that a purchase brings, itself included: ratings and returns."""


@dataclass(frozen=True)
class Block:
    """What happened on some days.

    Attributes
    ----------
    events
        Rows of the table of events, in order of time.
    stock
        Rows of the table of stock, in order of time.
    impressions
        The truth of impressions: ``event_id, attraction, click_probability``.
    demand
        The truth of demand: ``item_id, day, expected, asked, lost``.
    """

    events: pl.DataFrame
    stock: pl.DataFrame
    impressions: pl.DataFrame
    demand: pl.DataFrame


class History:
    """All events of a shop.

    Attributes
    ----------
    visits
        Expected number of visits in the whole period.
    rates
        (regimes, n) Expected demand; see :func:`~evenshelf.shop.simulation.rates.demand_rates`.
    stock
        Pieces at hand.
    asked
        How often each query was asked, by its code; grows with :meth:`blocks`.
    """

    def __init__(self, model: Model, ids: pl.Series) -> None:
        settings = model.settings
        self._model, self.ids = model, ids
        self.visits = settings.events / _events_per_visit(model) if settings.events else 0.0
        self.rates = np.stack([demand_rates(model, self.visits, r) for r in range(len(model.goods.popularity))])
        self.stock = Stock(settings, model.goods.launch, self.rates.mean(axis=0))
        names = [category.names["en"].lower().replace(" ", "-") for category in words.CATEGORIES]
        self.campaigns = pl.Series([f"{name}-{k + 1}" for name in names for k in range(model.periods)])
        self.asked: dict[int, int] = {}

    def blocks(self, progress: Progress | None = None) -> Iterator[Block]:
        """Yield what happens, in order of time; can be done once, for stock is used up."""
        model, settings = self._model, self._model.settings
        if not settings.events:
            return
        noisy = settings.world == "noisy"
        bots = Bots(model) if noisy else None
        later = Log.of(0)
        events = sessions = 0
        for number, days in enumerate(_blocks_of_days(settings.days, settings.changes_on, settings.events)):
            if progress is not None:
                progress("simulating days", int(days[0]), settings.days)
            rng, until = settings.rng("events", number), int(days[-1]) + 1
            visits = draw_visits(model, days, self.visits, sessions, rng)
            sessions += visits.day.size
            shown, looks = shown_and_clicked(model, visits, rng)
            self._count_queries(shown)
            carts, orders, expected = after_looks(model, looks, rng)
            sold, lost, stock = self.stock.sell(orders, until, self.ids)
            demand = self._demand(looks, expected, orders, lost)
            parts = [later, shown, looks, carts, sold, after_purchases(model, sold, rng)]
            if bots is not None:
                clicks, bursts = bots.clicks(int(days[0]), until, sessions, rng)
                sessions += bursts
                parts.append(clicks)
            log = Log.concat(parts).sorted()
            now = log["time"] < START_MICROSECONDS + until * DAY
            later, log = log.take(~now), log.take(now)
            frame = log.frame(model.users.ids, self.ids, self.campaigns, events + 1)
            impressions = frame.select(
                "event_id",
                attraction=pl.Series(log["attraction"], dtype=pl.Float32),
                click_probability=pl.Series(log["click_probability"], dtype=pl.Float32),
            ).filter(pl.Series(log["kind"] == IMPRESSION))
            events += len(log)
            if noisy:
                frame = frame[repeated(len(log), rng)]
            yield Block(self._with_queries(frame), stock, impressions, demand)
        if progress is not None:
            progress("simulating days", settings.days, settings.days)

    def _count_queries(self, shown: Log) -> None:
        codes = shown["query"][(shown["position"] == 1)]
        for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
            self.asked[int(code)] = self.asked.get(int(code), 0) + int(count)

    def _with_queries(self, frame: pl.DataFrame) -> pl.DataFrame:
        codes = frame["query"].drop_nulls().unique().sort()
        texts = self._model.searching.texts(codes.to_numpy())
        return frame.with_columns(pl.col("query").replace_strict(codes, texts, return_dtype=pl.String))

    def _demand(self, looks: Log, expected: Floats, orders: Log, lost: Floats) -> pl.DataFrame:
        """Sum demand by item and day: the orders are sorted by :meth:`Stock.sell` in another way than they are here."""
        order = np.lexsort((orders["time"], orders["item"]))
        size = len(looks) + len(orders)
        item = np.concatenate([looks["item"], orders["item"][order]])
        day = np.concatenate([looks["day"], orders["day"][order]]).astype(np.int64)
        columns = np.zeros((3, size))
        columns[0, : len(looks)] = expected
        columns[1, len(looks) :] = orders["value"][order]
        columns[2, len(looks) :] = lost
        days = self._model.settings.days
        cells, where = np.unique(item * days + day, return_inverse=True)
        sums = [np.bincount(where, column, minlength=cells.size) for column in columns]
        return pl.DataFrame(
            {
                "item_id": self.ids.gather(cells // days),
                "day": (cells % days).astype(np.int32),
                "expected": sums[0].astype(np.float32),
                "asked": sums[1],
                "lost": sums[2],
            }
        )


def _events_per_visit(model: Model) -> float:
    """Mean number of events that a visit brings, found by some visits of a shop whose stock never ends."""
    settings = model.settings
    rng = settings.rng("pilot")
    days = np.arange(settings.changes_on)
    visits = draw_visits(model, days, _PILOT_VISITS / model.rate[:, days].sum(), 0, rng)
    shown, looks = shown_and_clicked(model, visits, rng)
    carts, orders, _ = after_looks(model, looks, rng)
    return (len(shown) + len(looks) + len(carts) + _AFTER_PURCHASE * len(orders)) / max(visits.day.size, 1)


def _blocks_of_days(days: int, change: int, events: int) -> Iterator[Ints]:
    """Yield days that follow each other, with about as many events in every block, none on both sides of a change."""
    length = max(1, round(_BLOCK_EVENTS / max(events, 1) * days))
    for first, last in ((0, change), (change, days)):
        for start in range(first, last, length):
            yield np.arange(start, min(start + length, last))


def query_counts(history: History, model: Model) -> pl.DataFrame:
    """Return the table of queries, most frequent first, with their codes."""
    codes = np.array(sorted(history.asked), dtype=np.int64)
    counts = np.array([history.asked[int(code)] for code in codes], dtype=np.float64)
    order = np.argsort(-counts, kind="stable")
    return pl.DataFrame(
        {"query": model.searching.texts(codes[order]), "count": counts[order], "code": codes[order]},
        schema_overrides={"query": pl.String},
    )

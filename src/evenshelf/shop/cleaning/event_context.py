"""What rules over events need to know beside the events, and the events as they see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop.cleaning.outliers import Yardstick
from evenshelf.shop.schema import EVENTS

PIECES = ("purchase", "return", "cart")
"""Kinds of events whose value counts pieces."""

BROWSING = ("view", "click", "cart")
"""Kinds of events that a person does one at a time. Impressions come by the page, and the purchases of an order share
their time, so neither says how fast somebody was."""

USUAL_PRICE = Yardstick(spreads=6, least_spread=0.5)
USUAL_QUANTITY = Yardstick(spreads=6, least_spread=1.03, lone=True, both_sides=False)


@dataclass(frozen=True, eq=False)
class EventContext:
    """What rules need to know beside the events.

    Attributes
    ----------
    now
        Later events are refused, UTC; None asks no event about it.
    earliest
        Earlier events are refused, UTC. An empty cell that was read as 0 is a time of 1970.
    grades
        Lowest and highest grade of a rating; None allows all finite grades.
    items
        A table with the column ``item_id``; None asks no event about its item.
    price, quantity
        When a price or a number of pieces is far from what is usual for its item. The defaults were chosen by looking
        at every row that they refuse of a shop with 540,000 lines: prices more than 20 times above or below the usual
        (postage of 8,142.75 beside 18.00, a purse for 57.60 beside 0.29) and quantities more than 480 times above the
        usual of an item mostly bought in equal numbers (74,215 jars beside 8). Few pieces are never refused.
    per_minute, per_day
        A user with more events of the kinds in :data:`BROWSING` in a minute, or in a day (UTC), is no person. One
        event a second, or three a minute for eight hours, is more than people do.
    """

    now: datetime | None = None
    earliest: datetime = datetime(1990, 1, 1, tzinfo=UTC)
    grades: tuple[float, float] | None = None
    items: pl.LazyFrame | None = None
    price: Yardstick = USUAL_PRICE
    quantity: Yardstick = USUAL_QUANTITY
    per_minute: int = 60
    per_day: int = 1_500

    def __post_init__(self) -> None:
        problems = [
            f"{name} must have a time zone"
            for name, time in (("now", self.now), ("earliest", self.earliest))
            if time is not None and time.tzinfo is None
        ]
        problems += [
            f"{name} must be at least 1, not {limit}"
            for name, limit in (("per_minute", self.per_minute), ("per_day", self.per_day))
            if limit < 1
        ]
        if self.grades is not None and not self.grades[0] < self.grades[1]:
            problems.append(f"grades must go from low to high, not from {self.grades[0]:g} to {self.grades[1]:g}")
        for name, yardstick in (("price", self.price), ("quantity", self.quantity)):
            if not (yardstick.spreads > 0 and yardstick.least_spread > 0):
                problems.append(f"spreads and least_spread of {name} must be above 0")
        if problems:
            raise SettingError("event rules: " + "; ".join(problems))


def whole_log(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add the columns of the events table that a log does not have, without values."""
    names = events.collect_schema().names()
    return events.with_columns(pl.lit(None, c.dtype).alias(c.name) for c in EVENTS.columns if c.name not in names)


def plain_number(number: pl.Expr) -> pl.Expr:
    """Return a number as text, whole ones without a fraction."""
    return number.cast(pl.String).str.strip_suffix(".0")

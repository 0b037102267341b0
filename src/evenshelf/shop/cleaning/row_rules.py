"""What makes an event unusable that can be told from its row.

A rule is a value in :data:`ROW_RULES`; reports, switches and help texts are derived from there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.cleaning.event_context import PIECES, EventContext, plain_number, whole_log

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class RowRule:
    """A reason to refuse a row of a table that can be told from the row alone.

    Attributes
    ----------
    name
        Its name in reports and for the switch that turns it off.
    reason
        One line that says what is wrong with such a row.
    wrong
        Context -> Boolean expression over the columns of the table: True for rows to refuse.
    detail
        Expression of the text that says what exactly is wrong.
    """

    name: str
    reason: str
    wrong: Callable[[EventContext], pl.Expr]
    detail: pl.Expr

    def find(self, frame: pl.DataFrame, context: EventContext) -> pl.Series:
        """Return a Boolean series, shape ``[rows]``: True for rows to refuse. Columns that are missing are empty."""
        return whole_log(frame.lazy()).collect().select(hit=self.wrong(context).fill_null(value=False))["hit"]


def _shown(column: str, what: str) -> pl.Expr:
    return pl.format("{} with {} {}", pl.col("kind"), pl.lit(what), plain_number(pl.col(column)).fill_null("none"))


def _impossible_price(_: EventContext) -> pl.Expr:
    price = pl.col("price")
    free = (price == 0) & pl.col("kind").is_in(["purchase", "return"])
    return price.is_not_null() & (~price.is_finite() | (price < 0) | free)


def _impossible_quantity(_: EventContext) -> pl.Expr:
    value = pl.col("value")
    return pl.col("kind").is_in(PIECES) & value.is_not_null() & (~value.is_finite() | (value <= 0))


def _impossible_grade(context: EventContext) -> pl.Expr:
    value = pl.col("value")
    low, high = context.grades or (-math.inf, math.inf)
    inside = value.is_finite() & value.is_between(low, high)
    return (pl.col("kind") == "rating") & ~inside.fill_null(value=False)


def _impossible_outcome(_: EventContext) -> pl.Expr:
    value = pl.col("value")
    return (pl.col("kind") == "impression") & value.is_not_null() & ~value.is_in([0.0, 1.0])


def _impossible_position(_: EventContext) -> pl.Expr:
    return pl.col("position") < 1


def _impossible_propensity(_: EventContext) -> pl.Expr:
    propensity = pl.col("propensity")
    return propensity.is_not_null() & ~(propensity.is_finite() & (propensity > 0) & (propensity <= 1))


def _future_time(context: EventContext) -> pl.Expr:
    return pl.lit(False) if context.now is None else pl.col("time") > context.now


def _early_time(context: EventContext) -> pl.Expr:
    return pl.col("time") < context.earliest


_TIME = pl.format("time {}", pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S"))

ROW_RULES: tuple[RowRule, ...] = (
    RowRule("future_time", "the event lies in the future", _future_time, _TIME),
    RowRule(
        "early_time", "the time is too early to be one: likely an empty cell that was read as 0", _early_time, _TIME
    ),
    RowRule(
        "impossible_price",
        "the price is negative or no number, or nothing was paid: a correction of the books or a gift, not a sale",
        _impossible_price,
        _shown("price", "price"),
    ),
    RowRule(
        "impossible_quantity",
        "the number of pieces is 0, negative or no number",
        _impossible_quantity,
        _shown("value", "quantity"),
    ),
    RowRule(
        "impossible_grade",
        "the rating has no grade, or one outside of the scale",
        _impossible_grade,
        _shown("value", "grade"),
    ),
    RowRule(
        "impossible_outcome",
        "an impression was clicked (1) or not (0), and this is something else",
        _impossible_outcome,
        _shown("value", "outcome"),
    ),
    RowRule(
        "impossible_position", "places in a list count from 1", _impossible_position, _shown("position", "position")
    ),
    RowRule(
        "impossible_propensity",
        "a probability with which something was shown is above 0 and at most 1",
        _impossible_propensity,
        _shown("propensity", "propensity"),
    ),
)
"""Rules over single rows in the order in which they are asked; the first that finds a row names its reason."""

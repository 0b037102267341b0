"""What makes a row of any other table than items and events impossible; and all rules over single rows, by table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.cleaning.event_context import plain_number
from evenshelf.shop.cleaning.row_rules import ROW_RULES, RowRule

if TYPE_CHECKING:
    from collections.abc import Mapping


def _no_amount(column: str, reason: str, name: str, *, free: bool) -> RowRule:
    """A rule that a column holds a finite number, 0 or more; or above 0."""
    value = pl.col(column)
    wrong = ~value.is_finite() | (value < 0 if free else value <= 0)
    detail = pl.format("{} {}", pl.lit(column), plain_number(value).fill_null("none"))
    return RowRule(name, reason, lambda _: value.is_not_null() & wrong, detail)


RULES_BY_TABLE: Mapping[str, tuple[RowRule, ...]] = {
    "events": ROW_RULES,
    "prices": (_no_amount("price", "the price is 0, negative or no number", "impossible_list_price", free=False),),
    "stock": (
        _no_amount("stock", "the number of pieces at hand is negative or no number", "impossible_stock", free=True),
    ),
    "judgements": (
        _no_amount(
            "grade", "the grade is negative or no number: grades count from 0", "impossible_judgement", free=True
        ),
    ),
    "queries": (_no_amount("count", "it was asked a negative number of times", "impossible_count", free=True),),
}
"""Rules over single rows of a table, in the order in which they are asked."""

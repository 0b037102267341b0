"""Which items may be shown: conditions on columns, and how a person writes them.

A filter is a conjunction of conditions. It is understood once and carried out twice: here on columns, for the dense
leg, and in :mod:`evenshelf.index.lexical` by the engine of words; both give the same items.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import SettingError, near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.index.documents import Layout

_RANGE = re.compile(r"(?P<low>[^.]*(?:\.\d+)?)\.\.(?P<high>.*)", re.DOTALL)
_BOUND = re.compile(r"(?P<sign>>=|<=|>|<)(?P<number>.+)", re.DOTALL)
_EITHER = re.compile(r"(?<!\\)\|")
"""What parts values; a value that holds it has a backslash before."""
SYNTAX = (
    "brand:Sony, brand:Sony|LG (either), -brand:Sony (not), price:10..50, price:>=10, price:<50, "
    "in_stock:true, brand: (has none)"
)


@dataclass(frozen=True)
class Among:
    """The column holds one of the values (a list: holds at least one of them).

    Attributes
    ----------
    column
        A column of texts.
    values
        What it may hold; empty: the column must hold nothing.
    negated
        Turns the condition round.
    """

    column: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True)
class Between:
    """The column holds a number within bounds.

    Attributes
    ----------
    column
        A column of numbers.
    low, high
        Bounds; None for none.
    with_low, with_high
        Whether the bound itself is within.
    negated
        Turns the condition round: then items without a number pass.
    """

    column: str
    low: float | None = None
    high: float | None = None
    with_low: bool = True
    with_high: bool = True
    negated: bool = False


Condition = Among | Between
Filter = tuple[Condition, ...]


def parse_filters(texts: Sequence[str], layout: Layout) -> Filter:
    """Read conditions as a person writes them; all must hold.

    Parameters
    ----------
    texts
        Each ``COLUMN:WHAT``; see :data:`SYNTAX`.
    layout
        Which columns there are.

    Raises
    ------
    SettingError
        If one cannot be read, or names no column.
    """
    return tuple(_parsed(text, layout) for text in texts)


def _parsed(text: str, layout: Layout) -> Condition:
    column, colon, what = text.partition(":")
    negated = column.startswith(("-", "!"))
    column = column.lstrip("-!").strip() if negated else column.strip()
    if not colon:
        raise SettingError(f"The filter {text!r} has no colon.", hint=f"Filters are written so: {SYNTAX}.")
    if column not in layout.filterable:
        known = ", ".join(layout.filterable) or "none"
        raise SettingError(
            f"No column {column!r} to filter by{near(column, layout.filterable)}.", hint=f"Columns: {known}."
        )
    what = what.strip()
    if column in layout.texts:
        return Among(
            column,
            _values(what) if column != "path" else _paths(what),
            negated,
        )
    if not what:
        # Without a number is what no range holds.
        return Between(column, negated=not negated)
    bound = _BOUND.fullmatch(what)
    if bound is not None:
        number, sign = _number(bound["number"], text), bound["sign"]
        if sign.startswith(">"):
            return Between(column, low=number, with_low=sign == ">=", negated=negated)
        return Between(column, high=number, with_high=sign == "<=", negated=negated)
    span = _RANGE.fullmatch(what)
    if span is not None:
        low, high = (_number(side, text) if side.strip() else None for side in (span["low"], span["high"]))
        return Between(column, low, high, negated=negated)
    number = _number(what, text)
    return Between(column, number, number, negated=negated)


def _values(what: str) -> tuple[str, ...]:
    values = (value.replace(r"\|", "|").strip() for value in _EITHER.split(what))
    return tuple(value for value in values if value)


def _paths(what: str) -> tuple[str, ...]:
    parts = [part.strip() for part in what.split("|") if part.strip()]
    return ("|".join(parts),) if parts else ()


def _number(text: str, whole: str) -> float:
    text = text.strip()
    try:
        number = float(text) + 0.0
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise SettingError(
                f"{text!r} in the filter {whole!r} is neither a number nor a date.",
                hint=f"Filters are written so: {SYNTAX}.",
            ) from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(number):
        raise SettingError(f"{text!r} in the filter {whole!r} is no finite number.")
    return number


def expression(condition: Condition, schema: pl.Schema) -> pl.Expr:
    """Return a condition as an expression over the columns that are filtered by; never null."""
    column = pl.col(condition.column)
    if isinstance(condition, Among):
        is_list = isinstance(schema[condition.column], pl.List)
        if not condition.values:
            holds = column.is_null() | (column.list.len() == 0) if is_list else column.is_null()
        elif is_list:
            holds = pl.any_horizontal([column.list.contains(value) for value in condition.values])
        elif len(condition.values) == 1:
            holds = column == condition.values[0]
        else:
            holds = column.is_in(list(condition.values))
    else:
        holds = column.is_not_null()
        if condition.low is not None:
            holds &= column >= condition.low if condition.with_low else column > condition.low
        if condition.high is not None:
            holds &= column <= condition.high if condition.with_high else column < condition.high
    holds = holds.fill_null(value=False)
    return ~holds if condition.negated else holds


def describe(condition: Condition) -> str:
    """Return a condition as it would be written."""
    sign = "-" if condition.negated else ""
    if isinstance(condition, Among):
        # The bar of a path parts its steps.
        plain = condition.column == "path"
        values = [value if plain else value.replace("|", r"\|") for value in condition.values]
        return f"{sign}{condition.column}:{'|'.join(values)}"
    low, high = condition.low, condition.high
    if low is None and high is None:
        return f"{'' if condition.negated else '-'}{condition.column}:"
    if high is None:
        return f"{sign}{condition.column}:{'>=' if condition.with_low else '>'}{_shown(low or 0.0)}"
    if low is None:
        return f"{sign}{condition.column}:{'<=' if condition.with_high else '<'}{_shown(high)}"
    both = _shown(low) if low == high else f"{_shown(low)}..{_shown(high)}"
    return f"{sign}{condition.column}:{both}"


def _shown(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)

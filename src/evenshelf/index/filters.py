"""Which items may be shown: conditions on columns, and how a person writes them.

A filter is a conjunction of conditions. It is understood once and carried out twice: here on columns, for the dense
leg, and in :mod:`evenshelf.index.lexical` by the engine of words; both give the same items.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import SettingError, near
from evenshelf.index.listing import listed
from evenshelf.index.moments import name_of, name_of_span, span_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.index.documents import Layout

_DOTS = re.compile(r"\.{2,}")
_BOUND = re.compile(r"(?P<sign>>=|<=|>|<)(?P<bound>.+)", re.DOTALL)
_EITHER = re.compile(r"(?<!\\)\|")
"""What parts values; a value that holds it has a backslash before."""
_TRUTHS = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
SYNTAX = (
    "brand:Sony, brand:Sony|LG (either), -brand:Sony (not), price:10..50, price:>=10, price:<50, "
    "launched:2024-03, in_stock:true, brand: (has none)"
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
        A column of numbers or moments.
    low, high
        Bounds; None for none. Of moments seconds since 1970.
    with_low, with_high
        Whether the bound itself is within.
    negated
        Turns the condition round: then items without a number pass.
    moment
        Whether the column is one of moments.
    """

    column: str
    low: float | None = None
    high: float | None = None
    with_low: bool = True
    with_high: bool = True
    negated: bool = False
    moment: bool = False


Condition = Among | Between
Filter = tuple[Condition, ...]


def parse_filters(texts: Sequence[str] | str, layout: Layout) -> Filter:
    """Read conditions as a person writes them; all must hold.

    Parameters
    ----------
    texts
        Each ``COLUMN:WHAT``; see :data:`SYNTAX`. A text by itself is one condition.
    layout
        Which columns there are.

    Raises
    ------
    SettingError
        If one cannot be read, or names no column.
    """
    return tuple(_parsed(text, layout) for text in listed(texts))


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
    if column in layout.truths:
        return Among(column, tuple(_truth(value, column, text) for value in _values(what)), negated)
    if column in layout.texts:
        return Among(column, _paths(what) if column == "path" else _values(what), negated)
    moment = column in layout.moments
    if not what:
        # Without a number is what no range holds.
        return Between(column, negated=not negated, moment=moment)
    return replace(_within(what, column, text, moment=moment), negated=negated)


def _within(what: str, column: str, text: str, *, moment: bool) -> Between:
    """Read bounds; of a moment the whole of what is named is meant, so its end is the beginning of the next one."""
    read = _span if moment else _point
    bare = Between(column, moment=moment)
    bound = _BOUND.fullmatch(what)
    if bound is not None:
        first, last = read(bound["bound"], column, text)
        return {
            ">=": replace(bare, low=first),
            ">": replace(bare, low=last, with_low=moment),
            "<": replace(bare, high=first, with_high=False),
            "<=": replace(bare, high=last, with_high=not moment),
        }[bound["sign"]]
    dots = _DOTS.findall(what)
    if not dots:
        first, last = read(what, column, text)
        return replace(bare, low=first, high=last, with_high=not moment)
    low, _, high = (side.strip() for side in what.partition(".."))
    if dots != [".."] or not (low or high):
        raise SettingError(
            f"In the filter {text!r}, {what!r} is no range of the column {column!r}.",
            hint=f"Write {_ways(column, moment=moment)}.",
        )
    return replace(
        bare,
        low=read(low, column, text)[0] if low else None,
        high=read(high, column, text)[1] if high else None,
        # Without an end there is nothing that it leaves out.
        with_high=not (moment and high),
    )


def _values(what: str) -> tuple[str, ...]:
    values = (value.replace(r"\|", "|").strip() for value in _EITHER.split(what))
    return tuple(value for value in values if value)


def _paths(what: str) -> tuple[str, ...]:
    parts = [part.strip() for part in what.split("|") if part.strip()]
    return ("|".join(parts),) if parts else ()


def _truth(value: str, column: str, whole: str) -> str:
    found = _TRUTHS.get(value.casefold())
    if found is None:
        raise SettingError(
            f"In the filter {whole!r}, {value!r} is neither yes nor no, which is all that the column {column!r} holds.",
            hint=f"Write {column}:true or {column}:false; yes and no, 1 and 0 mean the same.",
        )
    return found


def _point(number: str, column: str, whole: str) -> tuple[float, float]:
    try:
        found = float(number) + 0.0
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise SettingError(
            f"In the filter {whole!r}, {number.strip()!r} is no number, which is what the column {column!r} holds.",
            hint=f"Write {_ways(column, moment=False)}.",
        )
    return found, found


def _span(name: str, column: str, whole: str) -> tuple[float, float]:
    found = span_of(name.strip())
    if found is None:
        raise SettingError(
            f"In the filter {whole!r}, {name.strip()!r} is no date, which is what the column {column!r} holds.",
            hint=f"Write {_ways(column, moment=True)}.",
        )
    return found


def _ways(column: str, *, moment: bool) -> str:
    """How bounds of a column can be written."""
    if moment:
        ways = ("2024", "2024-03", "2024-01-05..2024-02-01", ">=2024-03-05T10:30")
    else:
        ways = ("10..50", ">=10", "<50", "20")
    return f"{', '.join(f'{column}:{way}' for way in ways)}, or {column}: for those without"


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
    shown = name_of if condition.moment else _shown
    if low is None and high is None:
        return f"{'' if condition.negated else '-'}{condition.column}:"
    if high is None:
        return f"{sign}{condition.column}:{'>=' if condition.with_low else '>'}{shown(low or 0.0)}"
    if low is None:
        return f"{sign}{condition.column}:{'<=' if condition.with_high else '<'}{shown(high)}"
    if condition.moment:
        return f"{sign}{condition.column}:{name_of_span(low, high)}"
    both = _shown(low) if low == high else f"{_shown(low)}..{_shown(high)}"
    return f"{sign}{condition.column}:{both}"


def _shown(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)

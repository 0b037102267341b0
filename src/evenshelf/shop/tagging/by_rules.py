"""Tags of users by rules over their events; a user may have any number of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import InputError, SettingError, near
from evenshelf.shop.tagging.tag_rules import SEPARATOR, Condition, TagRule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


def latest(events: pl.LazyFrame) -> datetime:
    """Return the last time in a log, which is its now.

    Raises
    ------
    InputError
        If no event has a time.
    """
    last: datetime | None = events.select(pl.col("time").max()).collect(engine="streaming").item()
    if last is None:
        raise InputError("no event has a time", hint="Map a column to time, or leave out rules that look at times.")
    return last


def rule_tags(
    events: pl.LazyFrame, rules: Sequence[TagRule], *, items: pl.LazyFrame | None = None, now: datetime | None = None
) -> pl.DataFrame:
    """Give users the tags of rules.

    Parameters
    ----------
    events
        Columns ``time``, ``user_id``, ``item_id``, ``kind``, ``value`` and ``price``. Read once, in a stream.
    rules
        Several rules may give the same tag: one of them is enough.
    items
        The items table; needed if a condition names a column of it.
    now
        What times are counted back from, UTC; later events do not count. None: the last time in the log.

    Returns
    -------
    polars.DataFrame
        ``user_id`` and ``tag``, sorted, each pair once.

    Raises
    ------
    SettingError
        If a condition names a column that does not exist, or a value that no item has.
    InputError
        If a condition looks at times or at prices and there are none.
    """
    conditions = list(dict.fromkeys(condition for rule in rules for condition in rule.conditions))
    rows = events.filter(pl.col("user_id").is_not_null())
    if now is None and any(condition.within is not None for condition in conditions):
        now = latest(events)
    if any(condition.column is not None for condition in conditions):
        rows = rows.join(_members(conditions, items).lazy(), on="item_id", how="left")
    _check_told(rows, conditions)
    passed = pl.lit(True) if now is None else (pl.col("time") <= now).fill_null(value=True)
    counts = (
        rows.group_by("user_id")
        .agg(_amount(condition, number, passed, now).alias(f"c{number}") for number, condition in enumerate(conditions))
        .collect(engine="streaming")
    )
    given = [
        counts.filter(pl.all_horizontal(_holds(c, f"c{conditions.index(c)}") for c in rule.conditions)).select(
            "user_id", tag=pl.lit(rule.tag)
        )
        for rule in rules
    ]
    nobody = pl.DataFrame(schema={"user_id": pl.String, "tag": pl.String})
    return pl.concat([nobody, *given]).unique().sort("user_id", "tag")


def _check_told(events: pl.LazyFrame, conditions: Sequence[Condition]) -> None:
    """Refuse to count what no event tells: without any price, everybody has spent nothing."""
    asked = {(c.kind, "price") for c in conditions if c.measure == "spend"}
    asked |= {(c.kind, "time") for c in conditions if c.measure == "days"}
    if not asked:
        return
    of_kinds = events.filter(pl.col("kind").is_in([kind for kind, _ in asked])).group_by("kind")
    told = of_kinds.agg(pl.col("time", "price").is_not_null().any()).collect(engine="streaming")
    there = {row["kind"]: row for row in told.iter_rows(named=True)}
    problems = [
        f"no {kind} has a {column}" for kind, column in sorted(asked) if kind in there and not there[kind][column]
    ]
    if problems:
        raise InputError(
            f"tag rules: {'; '.join(problems)}, so there is nothing to count",
            hint="Map a column to price or time, or leave out rules that look at them.",
        )


def _members(conditions: Sequence[Condition], items: pl.LazyFrame | None) -> pl.DataFrame:
    """Return, of each item, whether it has the value of each condition (columns ``in0``, ``in1``, ...)."""
    asked = [(n, c.column, c.value) for n, c in enumerate(conditions) if c.column is not None and c.value is not None]
    if items is None:
        raise SettingError(f"a tag rule asks for the {asked[0][1]} of items, but there is no items table")
    there = items.collect_schema().names()
    problems = [
        f"the items table has no column {column!r}" + near(column, there, n=1)
        for _, column, _ in asked
        if column not in there
    ]
    if problems:
        raise SettingError("tag rules: " + "; ".join(problems), hint=f"Columns: {', '.join(there)}.")
    held = {}
    for number, column, value in asked:
        cell = pl.col(column).cast(pl.String)
        within = cell == value
        if column == "path":
            within = within | cell.str.starts_with(value + SEPARATOR)
        elif column == "tags":
            within = cell.str.split(SEPARATOR).list.contains(value)
        held[f"in{number}"] = within.fill_null(value=False)
    members = items.select("item_id", **held).collect(engine="streaming")
    for number, column, value in asked:
        if not members[f"in{number}"].any():
            values = items.select(pl.col(column).cast(pl.String).unique()).collect()[column].drop_nulls().to_list()
            problems.append(f"no item has {value!r} in {column!r}" + near(value, values, n=1))
    if problems:
        raise SettingError("tag rules: " + "; ".join(problems))
    return members


def _amount(condition: Condition, number: int, passed: pl.Expr, now: datetime | None) -> pl.Expr:
    counts = passed & (pl.col("kind") == condition.kind)
    if condition.column is not None:
        counts &= pl.col(f"in{number}").fill_null(value=False)
    if condition.within is not None and now is not None:
        counts &= (pl.col("time") > now - condition.within).fill_null(value=False)
    pieces = pl.col("value").fill_null(1.0)
    match condition.measure:
        case "events":
            return counts.sum().cast(pl.Float64)
        case "pieces":
            return pl.when(counts).then(pieces).otherwise(0.0).sum()
        case "spend":
            return pl.when(counts).then(pieces * pl.col("price").fill_null(0.0)).otherwise(0.0).sum()
        case "items":
            return pl.when(counts).then("item_id").drop_nulls().n_unique().cast(pl.Float64)
        case "days":
            return pl.when(counts).then(pl.col("time").dt.date()).drop_nulls().n_unique().cast(pl.Float64)


def _holds(condition: Condition, column: str) -> pl.Expr:
    amount = pl.col(column)
    match condition.compare:
        case ">=":
            return amount >= condition.amount
        case "<=":
            return amount <= condition.amount
        case ">":
            return amount > condition.amount
        case "<":
            return amount < condition.amount
        case _:
            return amount == condition.amount

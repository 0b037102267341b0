"""What makes an event unusable.

A rule is a value in :data:`ROW_RULES` (decided from the row alone) or :data:`LOG_RULES` (decided from the whole log);
reports, switches and help texts are derived from there. How events belong together is in
:mod:`evenshelf.shop.cleaning.event_links`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop.cleaning.outliers import Yardstick, far_from_usual
from evenshelf.shop.schema import EVENTS, PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from evenshelf.shop.progress import Progress

PIECES = ("purchase", "return", "cart")
"""Kinds of events whose value counts pieces."""

BROWSING = ("view", "click", "cart")
"""Kinds of events that a person does one at a time. Impressions come by the page, and the purchases of an order share
their time, so neither says how fast somebody was."""

USUAL_PRICE = Yardstick(spreads=6, least_spread=0.5)
USUAL_QUANTITY = Yardstick(spreads=6, least_spread=1.03, lone=True, both_sides=False)

_IDS_AT_ONCE = 4_000_000
_CELLS_AT_ONCE = 8_000_000
_TYPES = {column.name: column.dtype for column in EVENTS.columns}


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


@dataclass(frozen=True)
class RowRule:
    """A reason to refuse an event that can be told from its row.

    Attributes
    ----------
    name
        Its name in reports and for the switch that turns it off.
    reason
        One line that says what is wrong with such a row.
    wrong
        Context -> Boolean expression over the columns of the events table: True for rows to refuse, never null.
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


@dataclass(frozen=True)
class LogRule:
    """A reason to refuse an event that can only be told from the whole log.

    Attributes
    ----------
    name, reason
        As of a :class:`RowRule`.
    find
        All events, context -> the rows to refuse: the columns of :data:`~evenshelf.shop.schema.PROVENANCE` and
        ``detail``. May read the log before it returns, in a stream.
    """

    name: str
    reason: str
    find: Callable[[pl.LazyFrame, EventContext], pl.LazyFrame]


def whole_log(events: pl.LazyFrame) -> pl.LazyFrame:
    """Add the columns of the events table that a log does not have, without values."""
    names = events.collect_schema().names()
    return events.with_columns(pl.lit(None, c.dtype).alias(c.name) for c in EVENTS.columns if c.name not in names)


def _plain(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.String).str.strip_suffix(".0")


def _shown(column: str, what: str) -> pl.Expr:
    return pl.format("{} with {} {}", pl.col("kind"), pl.lit(what), _plain(pl.col(column)).fill_null("none"))


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


def _bot(events: pl.LazyFrame, context: EventContext) -> pl.LazyFrame:
    """Find what users with inhuman rates looked at; what they bought, sent back or rated stays.

    Users are narrowed down by their total, then by their days, so that minutes are only counted for few.
    """
    seen = events.filter(pl.col("kind").is_in(BROWSING), pl.col("user_id").is_not_null(), pl.col("time").is_not_null())
    seen = seen.select("user_id", "time")
    limit = min(context.per_minute, context.per_day)
    many = seen.group_by("user_id").agg(n=pl.len()).filter(pl.col("n") > limit).collect(engine="streaming")
    # As many passes as it takes to hold only so many days of users at a time.
    part = (many["n"].cum_sum() - many["n"]) // _CELLS_AT_ONCE
    by_day = [
        _counted(seen.join(users.lazy().select("user_id"), on="user_id", how="semi"), "1d", limit)
        for (_,), users in many.group_by(part.alias("part"))
    ]
    days = pl.concat([_counted(seen.clear(), "1d", limit), *by_day])
    in_days = seen.with_columns(part=pl.col("time").dt.truncate("1d")).join(
        days.lazy().select("user_id", "part"), on=["user_id", "part"], how="semi"
    )
    minutes = _counted(in_days, "1m", context.per_minute)
    found = pl.concat(
        [
            minutes.with_columns(what=pl.lit("the minute"), form=pl.col("part").dt.strftime("%Y-%m-%d %H:%M")),
            days.filter(pl.col("n") > context.per_day).with_columns(
                what=pl.lit("the day"), form=pl.col("part").dt.strftime("%Y-%m-%d")
            ),
        ]
    )
    worst = (
        found.sort(["n", "part", "what"], descending=[True, False, True])
        .unique("user_id", keep="first", maintain_order=True)
        .select("user_id", detail=pl.format("user {} did {} things in {} {}", "user_id", "n", "what", "form"))
    )
    return (
        events.filter(pl.col("kind").is_in([*BROWSING, "impression"]))
        .join(worst.lazy(), on="user_id")
        .select(*PROVENANCE, "detail")
    )


def _counted(seen: pl.LazyFrame, every: str, limit: int) -> pl.DataFrame:
    """Return users and periods with more than `limit` events."""
    cells = seen.group_by("user_id", part=pl.col("time").dt.truncate(every)).agg(n=pl.len())
    return cells.filter(pl.col("n") > limit).collect(engine="streaming")


def _unknown_item(events: pl.LazyFrame, context: EventContext) -> pl.LazyFrame:
    detail = pl.format("no item {}", pl.col("item_id").fill_null("without a name")).alias("detail")
    if context.items is None:
        return events.filter(pl.lit(False)).select(*PROVENANCE, detail)
    return events.join(context.items.select("item_id"), on="item_id", how="anti").select(*PROVENANCE, detail)


def _duplicate_event(events: pl.LazyFrame, _: EventContext) -> pl.LazyFrame:
    """Find events that were sent before: the same event_id, kind, item and time; the first in the files stays."""
    key = ["event_id", "kind", "item_id", "time"]
    named = events.filter(pl.col("event_id").is_not_null())
    rows = int(named.select(pl.len()).collect(engine="streaming").item())
    parts = -(-rows // _IDS_AT_ONCE)
    # As many passes as it takes to never hold more than a part of the names.
    repeated = [
        named.filter(pl.col("event_id").hash() % parts == part)
        .group_by(key)
        .agg(n=pl.len())
        .filter(pl.col("n") > 1)
        .select(key)
        .collect(engine="streaming")
        for part in range(parts)
    ]
    if not repeated:
        return events.filter(pl.lit(False)).select(*PROVENANCE, detail=pl.lit(""))
    return (
        named.join(pl.concat(repeated).lazy(), on=key, how="semi", nulls_equal=True)
        .select(*PROVENANCE, *key)
        .sort(PROVENANCE)
        .filter(~pl.struct(key).is_first_distinct())
        .select(*PROVENANCE, detail=pl.format("event {} stood in an earlier row", "event_id"))
    )


def _outlier_price(events: pl.LazyFrame, context: EventContext) -> pl.LazyFrame:
    rows = events.select(*PROVENANCE, "item_id", number=pl.col("price"), counts=pl.lit(True))
    return far_from_usual(rows, context.price).select(*PROVENANCE, _beside("price"))


def _outlier_quantity(events: pl.LazyFrame, context: EventContext) -> pl.LazyFrame:
    """Find impossible numbers of pieces; those of returns are held against what is usual for purchases."""
    pieces = events.filter(pl.col("kind").is_in(PIECES))
    rows = pieces.select(*PROVENANCE, "item_id", number=pl.col("value"), counts=pl.col("kind") != "return")
    return far_from_usual(rows, context.quantity).select(*PROVENANCE, _beside("quantity"))


def _beside(what: str) -> pl.Expr:
    number, usual = _plain(pl.col("number")), _plain(pl.col("usual").round_sig_figs(2))
    return pl.format("{} {}, where about {} is usual", pl.lit(what), number, usual).alias("detail")


LOG_RULES: tuple[LogRule, ...] = (
    LogRule("unknown_item", "there is no such item in the shop", _unknown_item),
    LogRule("duplicate_event", "the event was sent twice", _duplicate_event),
    LogRule("bot", "somebody who looks at more things in a minute or a day than a person can", _bot),
    LogRule(
        "outlier_quantity",
        "far more pieces than anybody takes of this item: likely a slip of the pen",
        _outlier_quantity,
    ),
    LogRule(
        "outlier_price", "a price far from all others of this item: likely a correction or another unit", _outlier_price
    ),
)
"""Rules over the whole log in the order in which they are asked; the first that finds a row names its reason."""

OVER_LOG = frozenset(rule.name for rule in LOG_RULES)
"""Their names."""


def _all_rules() -> tuple[RowRule | LogRule, ...]:
    return (*ROW_RULES, *LOG_RULES)


def check_names(off: Collection[str]) -> None:
    """Raise SettingError if there is no event rule of a name in `off`."""
    choices = [rule.name for rule in _all_rules()]
    problems = []
    for name in sorted(set(off) - set(choices)):
        close = get_close_matches(name, choices, n=1)
        problems.append(repr(name) + (f" (did you mean {close[0]}?)" if close else ""))
    if problems:
        raise SettingError(f"no such event rule: {', '.join(problems)}", hint=f"Event rules: {', '.join(choices)}.")


def refuse_rows(frame: pl.DataFrame, context: EventContext, *, off: Collection[str] = ()) -> pl.DataFrame:
    """Ask all :data:`ROW_RULES`.

    Parameters
    ----------
    frame
        Columns of the events table; those that are missing are taken to be empty.
    context
        What rules need to know.
    off
        Names of rules not to ask.

    Returns
    -------
    polars.DataFrame
        ``reason`` (the name of the first rule that finds the row, null for rows to keep) and ``detail``, one row for
        each row of `frame`, in its order.

    Raises
    ------
    SettingError
        If a name in `off` is none of a rule.
    """
    check_names(off)
    asked = [rule for rule in ROW_RULES if rule.name not in off]
    hits = [(rule, rule.wrong(context).fill_null(value=False)) for rule in asked]
    nothing = pl.lit(None, pl.String)
    return (
        whole_log(frame.lazy())
        .collect()
        .select(
            reason=pl.coalesce(*(pl.when(hit).then(pl.lit(rule.name)) for rule, hit in hits), nothing),
            detail=pl.coalesce(*(pl.when(hit).then(rule.detail) for rule, hit in hits), nothing),
        )
    )


def refuse_from_log(
    events: pl.LazyFrame,
    context: EventContext,
    *,
    off: Collection[str] = (),
    excused: pl.DataFrame | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Ask all :data:`LOG_RULES`; the log is read in a stream, once or twice for each.

    Parameters
    ----------
    events
        All events that no row rule has refused; columns that are missing are taken to be empty.
    context, off
        See :func:`refuse_rows`.
    excused
        Rows that a rule must leave alone, by the columns of :data:`~evenshelf.shop.schema.PROVENANCE` and ``reason``,
        the name of the rule; other rules are asked about them.
    progress
        Told about the work as it goes on.

    Returns
    -------
    polars.DataFrame
        The rows to refuse, each once and in order: the columns of :data:`~evenshelf.shop.schema.PROVENANCE`,
        ``reason`` and ``detail``.

    Raises
    ------
    SettingError
        If a name in `off` is none of a rule.
    """
    check_names(off)
    asked = [rule for rule in LOG_RULES if rule.name not in off]
    # What a shop calls detail or reason must not be taken for ours.
    events = whole_log(events).select(EVENTS.names)
    found = []
    for done, rule in enumerate(asked):
        if progress is not None:
            progress(f"rule {rule.name}", done, len(asked))
        rows = rule.find(events, context).collect(engine="streaming")
        if excused is not None:
            rows = rows.join(excused.filter(pl.col("reason") == rule.name), on=list(PROVENANCE), how="anti")
        found.append(rows.select(*PROVENANCE, reason=pl.lit(rule.name), detail=pl.col("detail")))
    if not found:
        return pl.DataFrame(schema={c: _TYPES[c] for c in PROVENANCE} | {"reason": pl.String, "detail": pl.String})
    return pl.concat(found).unique(PROVENANCE, keep="first", maintain_order=True).sort(PROVENANCE)

"""What makes an event unusable that can only be told from the whole log.

A rule is a value in :data:`LOG_RULES`; reports, switches and help texts are derived from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.cleaning.event_context import BROWSING, PIECES, EventContext, plain_number
from evenshelf.shop.cleaning.outliers import far_from_usual
from evenshelf.shop.schema import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Callable

_IDS_AT_ONCE = 4_000_000
_CELLS_AT_ONCE = 8_000_000


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
    number, usual = plain_number(pl.col("number")), plain_number(pl.col("usual").round_sig_figs(2))
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

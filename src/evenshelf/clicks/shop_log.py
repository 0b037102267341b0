"""The click log that the events of a shop hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from evenshelf.clicks.log import ClickLog
from evenshelf.errors import InputError
from evenshelf.shop import Shop

NO_QUERY = "they have no query: lists that nobody searched for"
NO_POSITION = "they have no position from 1 up"
NOBODY = "they have neither a session nor a user, so it is not known which list they are of"
UNKNOWN = "it is not known whether they were clicked"
TWICE = "they are there twice"
NOT_SHOWN = "they are clicks on what no list shows"

_KEY = ("who", "query")
_ITEM = (*_KEY, "item_id")


def log_of_shop(shop: Shop) -> ClickLog:
    """Lists of search results out of the events of a shop.

    Impressions of one session (or else of one user) and one query are a list; where a position comes again, the next
    list begins. Whether one was clicked is its value, 1 or 0; where that is empty, an event ``click`` of the same
    session, query and item says so, for the last time it was shown before.

    Raises
    ------
    InputError
        If no impression can be used.
    """
    events = shop.scan("events")
    names = events.collect_schema().names()
    wanted = ["time", "user_id", "session_id", "item_id", "kind", "value", "query", "position"]
    types: dict[str, Any] = {"time": pl.Datetime("us", "UTC"), "value": pl.Float64, "position": pl.Int64}
    columns = [pl.col(n) if n in names else pl.lit(None, types.get(n, pl.String)).alias(n) for n in wanted]
    read = events.select(columns).filter(pl.col("kind").is_in(["impression", "click"])).collect()
    # who is told apart by where the name is from: a session may be called as a user is
    session, user = pl.lit("s") + pl.col("session_id"), pl.lit("u") + pl.col("user_id")
    read = read.with_columns(
        who=pl.coalesce(session, user), time=pl.col("time").fill_null(pl.datetime(1970, 1, 1, time_zone="UTC"))
    )
    shown = read.filter(pl.col("kind") == "impression")
    if not shown.height:
        raise InputError(
            f"The shop {shop.path} has no events of the kind 'impression'.",
            hint="Ingest what was shown: kind, item_id, query, position, session_id, and value 1 or 0 for clicked.",
        )
    left_out: dict[str, int] = {}
    for reason, useless in (
        (NO_QUERY, pl.col("query").is_null()),
        (NO_POSITION, pl.col("position").is_null() | (pl.col("position") < 1)),
        (NOBODY, pl.col("who").is_null()),
    ):
        kept = shown.filter(~useless)
        left_out[reason] = shown.height - kept.height
        shown = kept
    shown, lost = _with_clicks(shown, read.filter((pl.col("kind") == "click") & pl.col("query").is_not_null()))
    kept = shown.filter(pl.col("clicked").is_not_null())
    left_out |= {UNKNOWN: shown.height - kept.height, NOT_SHOWN: lost}
    told = {reason: count for reason, count in left_out.items() if count}
    if not kept.height:
        reasons = "; ".join(f"{count:,} because {reason}" for reason, count in told.items())
        raise InputError(
            f"No impression of the shop {shop.path} can be used: {reasons}.",
            hint="A click log needs query, position and session_id of impressions, and value 1 or 0 or events 'click'.",
        )
    single = kept.unique([*_ITEM, "time", "position"], keep="first", maintain_order=True)
    if single.height < kept.height:
        told[TWICE] = kept.height - single.height
    log = ClickLog.of_frame(_lists(single), names={"rank": "position", "item": "item_id"})
    return replace(log, left_out={**told, **log.left_out})


def _lists(shown: pl.DataFrame) -> pl.DataFrame:
    """Number the lists: a position that comes again in a session begins the next one, for all rows after it as well."""
    again = pl.int_range(pl.len()).over(*_KEY, "position")
    numbered = shown.sort("time", maintain_order=True).with_columns(number=again)
    return numbered.with_columns(list=pl.struct("who", pl.col("number").cum_max().over(_KEY)))


def _with_clicks(shown: pl.DataFrame, clicks: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Say of each impression whether it was clicked (null if that is not known); and how many clicks are of none.

    If no click at all was searched for, an empty value means that clicks were not logged, not that there were none.
    """
    shown = shown.with_columns(clicked=pl.col("value"))
    unknown = shown["value"].is_null()
    if not unknown.any() or not clicks.height:
        return shown, 0
    times = shown.with_row_index("row").sort("time", maintain_order=True)
    hits = clicks.filter(pl.col("who").is_not_null()).sort("time", maintain_order=True)
    joined = hits.select(*_ITEM, "time").join_asof(
        times.select(*_ITEM, "time", "row"), on="time", by=list(_ITEM), strategy="backward", check_sortedness=False
    )
    found = joined["row"].drop_nulls().unique()
    lost = clicks.height - joined["row"].is_not_null().sum()
    rows = pl.int_range(pl.len(), dtype=pl.UInt32)
    by_click = rows.is_in(found.cast(pl.UInt32).implode()).cast(pl.Float64)
    return shown.with_columns(clicked=pl.coalesce("value", by_click)), int(lost)

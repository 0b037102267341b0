"""How events belong together: returns and the purchases they undo, visits and orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.cleaning.event_context import plain_number
from evenshelf.shop.schema import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ENOUGH = 1e-9  # Pieces may be weights: 0.1 + 0.2 pieces are enough for a return of 0.3.


@dataclass(frozen=True, eq=False)
class ReturnMatch:
    """What :func:`match_returns` found.

    Attributes
    ----------
    changes
        One row for each matched return and each purchase that came back in part or whole: the columns of
        :data:`~evenshelf.shop.schema.PROVENANCE`, ``purchase_time`` (of a return: time of the first purchase that it
        was matched to) and ``returned`` (of a purchase: pieces that came back, at most those bought).
    returns, matched, partly
        Returns; those of which all pieces were found; those of which some pieces were found.
    without_user
        Returns of which nobody knows who sent them back; never matched.
    pieces, matched_pieces
        Pieces sent back, and those of them that were found.
    """

    changes: pl.DataFrame
    returns: int
    matched: int
    partly: int
    without_user: int
    pieces: float
    matched_pieces: float


def match_returns(events: pl.LazyFrame) -> ReturnMatch:
    """Match each return to what it undoes.

    In the order of time, a return takes its pieces from the latest earlier purchase of the same user and item that
    has enough of them left; if none has, from the latest ones backwards, as far as their pieces go. Among events of
    one moment purchases come first. Where there are no times, the place in the file is the order. An event without
    a value is one piece.

    Parameters
    ----------
    events
        Columns ``time``, ``user_id``, ``item_id``, ``kind``, ``value`` and those of
        :data:`~evenshelf.shop.schema.PROVENANCE`. Only events of users and items with a return are brought into
        memory.

    Returns
    -------
    ReturnMatch
        Deterministic: it does not depend on the order of rows.
    """
    pair = ["user_id", "item_id"]
    events = events.select(*PROVENANCE, "time", *pair, "kind", pl.col("value").fill_null(1.0))
    returns = events.filter(pl.col("kind") == "return")
    total = returns.select(
        rows=pl.len(), without=pl.col("user_id").is_null().sum(), pieces=pl.col("value").sum()
    ).collect(engine="streaming")
    of_users = returns.filter(pl.col("user_id").is_not_null())
    rank = pl.when(pl.col("time").is_not_null()).then(pl.col("kind") == "return").otherwise(False)
    frame = (
        events.filter(pl.col("kind").is_in(["purchase", "return"]))
        .join(of_users.select(pair).unique(), on=pair, how="semi")
        .with_columns(rank=rank)
        .collect(engine="streaming")
        .sort([*pair, "time", "rank", *PROVENANCE])
    )
    sent_back = (frame["kind"] == "return").to_numpy()
    value = frame["value"].to_numpy()
    source, left = _undo(frame.select(pl.struct(pair).rle_id()).to_series().to_numpy(), sent_back, value)
    bought = np.where(sent_back, 0.0, value - left)
    found = np.where(sent_back, value - left, 0.0)
    time = frame["time"].gather(np.maximum(source, 0))
    changes = (
        frame.select(
            *PROVENANCE,
            purchase_time=pl.when(pl.Series(source >= 0)).then(time),
            returned=pl.when(pl.Series(bought > 0)).then(pl.Series(bought)),
        )
        .filter(pl.Series((source >= 0) | (bought > 0)))
        .sort(PROVENANCE)
    )
    whole = sent_back & (source >= 0) & (left <= _ENOUGH)
    return ReturnMatch(
        changes,
        returns=int(total["rows"].item()),
        matched=int(whole.sum()),
        partly=int(((source >= 0) & ~whole).sum()),
        without_user=int(total["without"].item()),
        pieces=float(total["pieces"].item()),
        matched_pieces=float(found.sum()),
    )


def _undo(
    pairs: NDArray[np.generic], sent_back: NDArray[np.bool_], value: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return, of each event, the row of the purchase that it undoes (-1: none) and the pieces left of it."""
    source = np.full(value.size, -1, dtype=np.int64)
    left: list[float] = value.tolist()
    stack: list[int] = []
    last = -1
    for row, (pair, back) in enumerate(zip(pairs.tolist(), sent_back.tolist(), strict=True)):
        if pair != last:
            stack, last = [], pair
        if not back:
            stack.append(row)
            continue
        need = left[row]
        enough = next((k for k in range(len(stack) - 1, -1, -1) if left[stack[k]] >= need - _ENOUGH), None)
        while stack and need > _ENOUGH:
            k = len(stack) - 1 if enough is None else enough
            at = stack[k]
            taken = min(left[at], need)
            left[at] -= taken
            need -= taken
            if source[row] < 0:
                source[row] = at
            if left[at] <= _ENOUGH:
                del stack[k]
            if enough is not None:
                break
        left[row] = need
    return source, np.maximum(np.array(left, dtype=np.float64), 0.0)


def session_begins(events: pl.LazyFrame, gap: timedelta, row: str) -> pl.DataFrame:
    """Say of each event where the visit or order that it belongs to began.

    Events of one user belong together as long as no two that follow each other are more than `gap` apart. With a gap
    of 0 they are those of one moment: the lines of an order, where the shop notes no order. The shop books returns,
    so they are never part of a visit or order: those of one moment are one of their own. Events without a user belong
    together if they stand next to each other in a file, are of one moment, and all or none are returns: two
    strangers who buy at the same moment, one after the other in the file, cannot be told apart.

    Parameters
    ----------
    events
        Columns ``time``, ``user_id``, ``kind``, those of :data:`~evenshelf.shop.schema.PROVENANCE` and `row`.
    gap
        >= 0. 30 minutes are usual for visits.
    row
        Name of a column that numbers the events.

    Returns
    -------
    polars.DataFrame
        Of each event with a time its number, and what :func:`session_name` needs beside its ``user_id``. Times, and
        numbers for users and files, are brought into memory, no texts.
    """
    slim = _slim(events, row)
    # Numbers sort much faster than the texts they stand for.
    key = pl.col("user") * 2 + pl.col("back")
    longest = pl.when("back").then(timedelta(0)).otherwise(gap)
    of_users = (
        slim.lazy()
        .filter(pl.col("user").is_not_null())
        .select(row, "time", "back", key=key)
        .sort("key", "time")
        .with_columns(begins=_changed(["key"]) | (pl.col("time").diff() > longest))
        .select(row, __back="back", __begin=pl.when("begins").then("time").forward_fill())
        .collect()
    )
    place = {"__first_file": "file", "__first_line": "source_line"}
    of_strangers = (
        (slim if slim["user"].null_count() else slim.clear())
        .sort("file", "source_line", row)
        .with_columns(begins=_changed(["file", "time", "user", "back"]))
        .with_columns(**{to: pl.when("begins").then(of).forward_fill() for to, of in place.items()})
        .filter(pl.col("user").is_null())
        .select(row, *place)
    )
    pause = pl.lit(gap.total_seconds() / 60, pl.Float32).alias("__pause")
    return pl.concat([of_users, of_strangers], how="diagonal").with_columns(pause)


def session_name() -> pl.Expr:
    """Return the name of a session: its user, the time it began at, the pause that ends it in minutes, if of returns.

    That of a stranger is the place in the file that it began at. So it stays the same when later events are added.
    """
    named = pl.format(
        "{}@{}/{}{}",
        "user_id",
        pl.col("__begin").dt.strftime("%Y-%m-%dT%H:%M:%S%.f"),
        plain_number(pl.col("__pause")),
        pl.when("__back").then(pl.lit(" return")).otherwise(pl.lit("")),
    )
    return pl.coalesce(named, pl.format("{}:{}", "__first_file", "__first_line"))


def _slim(events: pl.LazyFrame, row: str) -> pl.DataFrame:
    """Return what sessions are made of, with users as numbers; only rows with a time."""
    users = events.select("user_id").drop_nulls().unique().collect(engine="streaming").with_row_index("user")
    return (
        events.select(
            row,
            "time",
            "user_id",
            "source_line",
            file=pl.format("{}:{}", "source_id", "source_file"),
            back=pl.col("kind") == "return",
        )
        .filter(pl.col("time").is_not_null())
        .join(users.lazy().with_columns(pl.col("user").cast(pl.Int64)), on="user_id", how="left")
        .select(row, "time", "user", "source_line", pl.col("file").cast(pl.Categorical), "back")
        .collect(engine="streaming")
    )


def _changed(columns: Sequence[str]) -> pl.Expr:
    """Say of each row whether it is the first or differs in any of the columns from the row before."""
    return pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift()) for c in columns) | (pl.int_range(pl.len()) == 0)

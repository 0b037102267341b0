"""Segments of buyers by recency, frequency and money (RFM).

Each buyer gets scores from 1 to 5: fifths of the buyers by how lately they bought last, in how many orders, and for
how much (Hughes: Strategic Database Marketing, 1994). Recency and the mean of the two others name the segment; the
names are those in common use in marketing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop.tagging.by_rules import latest

if TYPE_CHECKING:
    from datetime import datetime

FIFTHS = 5

SEGMENTS = (
    ("lost", "lost", "at_risk", "at_risk", "cannot_lose"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    ("promising", "potential_loyal", "potential_loyal", "loyal", "loyal"),
    ("new", "potential_loyal", "potential_loyal", "champion", "champion"),
)
"""Name of a segment by the score of recency (rows, from 1: longest ago) and the mean score of frequency and money
(columns, from 1: least, halves rounded up)."""


def rfm(events: pl.LazyFrame, *, now: datetime | None = None, money: bool = True) -> pl.DataFrame:
    """Score buyers and name their segments.

    Parameters
    ----------
    events
        Columns ``time``, ``user_id``, ``kind``, ``value`` and ``price``, and ``returned`` where there is one.
    now
        What recency is counted back from, UTC; later purchases do not count. None: the last time in the log.
    money
        Whether the money spent counts. If not, frequency alone stands for both.

    Returns
    -------
    polars.DataFrame
        One row for each user with a purchase, by ``user_id``: ``recency`` (days since the last purchase),
        ``frequency`` (orders: moments with a purchase), ``money`` (price times pieces that did not come back; pieces
        without a price add nothing), the scores ``r``, ``f``, ``m`` (1 to 5; equal figures have equal scores), and
        ``segment``. Without `money` there is neither ``money`` nor ``m``.

    Raises
    ------
    InputError
        If there are no times, or no prices though money counts.
    """
    now = latest(events) if now is None else now
    kept = pl.col("value").fill_null(1.0)
    if "returned" in events.collect_schema().names():
        kept = kept - pl.col("returned").fill_null(0.0)
    bought = events.filter(pl.col("kind") == "purchase", pl.col("user_id").is_not_null(), pl.col("time") <= now)
    figures = (
        bought.group_by("user_id")
        .agg(
            last=pl.col("time").max(),
            frequency=pl.col("time").n_unique().cast(pl.Int64),
            money=(kept * pl.col("price").fill_null(0.0)).sum(),
            priced=pl.col("price").is_not_null().any(),
        )
        .collect(engine="streaming")
        .sort("user_id")
    )
    if money and figures.height and not figures["priced"].any():
        raise InputError(
            "no purchase has a price, so nobody knows who spent much",
            hint="Map a column to price, or count orders alone with money=False.",
        )
    figures = figures.select(
        "user_id", ((now - pl.col("last")).dt.total_seconds() / 86_400).alias("recency"), "frequency", "money"
    )
    scored = figures.with_columns(
        r=_fifth(-pl.col("recency")), f=_fifth(pl.col("frequency")), m=_fifth(pl.col("money"))
    )
    both = (pl.col("f") + pl.col("m") + 1) // 2 if money else pl.col("f")
    names = pl.DataFrame(
        [(r, fm, name) for r, row in enumerate(SEGMENTS, 1) for fm, name in enumerate(row, 1)],
        schema={"r": pl.Int64, "fm": pl.Int64, "segment": pl.String},
        orient="row",
    )
    named = scored.with_columns(fm=both).join(names, on=["r", "fm"], how="left", maintain_order="left").drop("fm")
    return named if money else named.drop("money", "m")


def _fifth(figure: pl.Expr) -> pl.Expr:
    """Return 1 to 5 by the mean rank of a figure."""
    return (figure.rank("average") * FIFTHS / pl.len()).ceil().clip(1, FIFTHS).cast(pl.Int64)


def rfm_tags(events: pl.LazyFrame, *, now: datetime | None = None, money: bool = True) -> pl.DataFrame:
    """Return the segments of :func:`rfm` as tags: ``user_id`` and ``tag`` (as in ``rfm_champion``)."""
    return rfm(events, now=now, money=money).select("user_id", tag=pl.format("rfm_{}", "segment"))

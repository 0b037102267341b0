"""Numbers that are far from what is usual for their item: robust, per item, in one pass over a log of any length.

A number is far if its logarithm is more than `spreads` robust standard deviations (1.4826 times the median absolute
deviation) away from the median of its item. Medians are taken from counts of cells of 0.4 % width, so what is kept in
memory are the distinct numbers of each item and not the events.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

CELLS = 256
"""Cells for a factor of e: numbers within 0.4 % of each other count as equal when medians are taken."""

SIGMA = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation (Rousseeuw, Croux: Alternatives to
the Median Absolute Deviation, JASA 1993)."""


@dataclass(frozen=True)
class Yardstick:
    """How far is too far.

    Attributes
    ----------
    spreads
        Robust standard deviations from which on a number is refused, > 0.
    least_spread
        The robust standard deviation of a logarithm is never taken to be less, > 0. Most items have a single price
        or are bought in ones, and have a spread of 0 that says nothing.
    few
        Items with fewer numbers are held against the spread that is pooled over all items.
    fewest
        Items with fewer numbers have no median of their own.
    lone
        Whether items without a median of their own are held against median and spread of all numbers. If not, they
        are not judged.
    both_sides
        Whether small numbers are refused as well as large ones.
    """

    spreads: float
    least_spread: float
    few: int = 20
    fewest: int = 5
    lone: bool = False
    both_sides: bool = True


def far_from_usual(rows: pl.LazyFrame, yardstick: Yardstick) -> pl.LazyFrame:
    """Find numbers that are far from what is usual for their item.

    Parameters
    ----------
    rows
        Columns ``item_id``, ``number`` (Float64; those that are not above 0 or not finite are left out) and ``counts``
        (Boolean: whether the number shapes the median and the spread); any others are kept.
    yardstick
        How far is too far.

    Returns
    -------
    polars.LazyFrame
        The rows found, with the columns ``usual`` (the median) and ``spread`` (robust standard deviation of the
        logarithm) added. What is usual was read from `rows` once, before this returns.
    """
    rows = rows.filter(pl.col("number").is_finite() & (pl.col("number") > 0))
    cells = (
        rows.filter("counts")
        .group_by("item_id", cell=(pl.col("number").log() * CELLS).round().cast(pl.Int32))
        .agg(n=pl.len().cast(pl.Int64))
        .collect(engine="streaming")
    )
    if cells.height == 0:
        return rows.with_columns(usual=pl.lit(None, pl.Float64), spread=pl.lit(None, pl.Float64)).filter(pl.lit(False))
    own = _median(cells, ["item_id"], "cell").rename({"cell": "median"})
    deviations = cells.join(own, on="item_id").with_columns(off=(pl.col("cell") - pl.col("median")).abs())
    pooled = _median(deviations, [], "off")["off"].item()
    all_median = _median(cells, [], "cell")["cell"].item()
    all_off = _median(cells.with_columns(off=(pl.col("cell") - all_median).abs()), [], "off")["off"].item()
    least = yardstick.least_spread * CELLS / SIGMA
    known = own.join(_median(deviations, ["item_id"], "off").drop("n"), on="item_id").select(
        "item_id",
        median=pl.when(pl.col("n") >= yardstick.fewest).then("median").otherwise(None),
        off=pl.when(pl.col("n") >= yardstick.few).then("off").otherwise(pooled),
    )
    usual = rows.join(known.lazy(), on="item_id", how="left")
    if yardstick.lone:
        alone = pl.col("median").is_null()
        usual = usual.with_columns(
            median=pl.when(alone).then(all_median).otherwise("median"),
            off=pl.when(alone).then(all_off).otherwise("off"),
        )
    spread = pl.max_horizontal("off", pl.lit(least)) * SIGMA / CELLS
    away = pl.col("number").log() - pl.col("median") / CELLS
    return (
        usual.with_columns(spread=spread, usual=(pl.col("median") / CELLS).exp(), away=away)
        .filter(
            (pl.col("away").abs() if yardstick.both_sides else pl.col("away")) > yardstick.spreads * pl.col("spread")
        )
        .drop("median", "off", "away")
    )


def _median(cells: pl.DataFrame, by: list[str], value: str) -> pl.DataFrame:
    """Return the lower median of `value`, weighted by ``n``, and the sum of ``n``; without `by` of all rows."""
    key = by or ["all"]
    if not by:
        cells = cells.with_columns(all=pl.lit(0))
    return (
        cells.sort([*key, value])
        .with_columns(upto=pl.col("n").cum_sum().over(key), total=pl.col("n").sum().over(key))
        .filter(2 * pl.col("upto") >= pl.col("total"))
        .group_by(key, maintain_order=True)
        .agg(pl.col(value).first(), n=pl.col("total").first())
    )

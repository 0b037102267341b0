"""Where rows stand in the files that they came from."""

from __future__ import annotations

import polars as pl

from evenshelf.shop.schema import EVENTS, PROVENANCE

_ROW = "__row"


def placed(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with a place in a file; those that came from none stand in the order of their table.

    Parameters
    ----------
    rows
        Columns of :data:`~evenshelf.shop.schema.PROVENANCE` that are missing are taken to be empty.

    Returns
    -------
    polars.LazyFrame
        The same rows, none of these columns null.
    """
    there = rows.collect_schema().names()
    missing = [pl.lit(None, c.dtype).alias(c.name) for c in EVENTS.columns if c.name in PROVENANCE]
    rows = rows.with_columns(c for c in missing if c.meta.output_name() not in there)
    if not rows.select(pl.col("source_line").has_nulls()).collect(engine="streaming").item():
        return rows  # to count rows keeps them in order, and for that waiting in memory
    # Counted by the reader: an expression that counts would hold a number for each row.
    return (
        rows.with_row_index(_ROW)
        .with_columns(
            pl.col("source_id").fill_null(""),
            pl.col("source_file").fill_null(""),
            pl.col("source_line").fill_null(pl.col(_ROW).cast(pl.Int64) + 1),
        )
        .drop(_ROW)
    )

"""The n-th smallest of many numbers, in a stream."""

from __future__ import annotations

import polars as pl

_CELLS = 1 << 16


def nth_smallest(numbers: pl.LazyFrame, rank: int) -> int:
    """Find the number that stands at a place of the sorted column, without sorting or holding it.

    The numbers are counted in cells of equal width, then those of the cell that holds the place, and so on, which takes
    as many passes as the range has times 16 bits. Memory is that of some ten thousand counts.

    Parameters
    ----------
    numbers
        One column of whole numbers, the largest less than 2**63 above the smallest; nulls are left out.
    rank
        From 0, below the number of numbers.

    Returns
    -------
    int
        Exact.
    """
    (name,) = numbers.collect_schema().names()
    number = pl.col(name)
    numbers = numbers.filter(number.is_not_null()).cast(pl.Int64)
    low, high = numbers.select(low=number.min(), high=number.max()).collect(engine="streaming").row(0)
    while low < high:
        width = -(-(high - low + 1) // _CELLS)
        cells = (
            numbers.filter(number.is_between(low, high))
            .group_by(cell=(number - low) // width)
            .len()
            .collect(engine="streaming")
            .sort("cell")
            .with_columns(end=pl.col("len").cum_sum())
        )
        cell = cells.row(int((cells["end"] <= rank).sum()), named=True)
        rank -= cell["end"] - cell["len"]
        low += cell["cell"] * width
        high = min(high, low + width - 1)
    return int(low)

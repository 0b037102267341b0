"""Traits of examples, such as brand or price: a study tells by them who gains and who loses, and learns from none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.errors import InputError, near

if TYPE_CHECKING:
    from numpy.typing import NDArray

SELLERS = ("seller", "vendor", "merchant", "supplier", "shop", "store", "卖家", "商家", "店铺", "供应商")
"""Names of columns that say who sells, in lower case."""
FEW = 10
"""Numbers of up to so many different values are told one by one; more are cut into bands."""
BANDS = 5
"""Bands of equally many examples: quintiles."""


@dataclass(frozen=True, eq=False)
class Trait:
    """One trait, cut into values.

    Attributes
    ----------
    name
        Of the column.
    values
        What its values are called: words the most frequent first, numbers and bands from the lowest.
    code
        ``[n]`` int64 codes into `values`; -1 where it is not known.
    """

    name: str
    values: tuple[str, ...]
    code: NDArray[np.int64]


def usual_traits(columns: Sequence[str], without: Sequence[str]) -> list[str]:
    """Those of a shop's columns that say brand, seller or price; none of `without`."""
    wanted = {"brand": 0, **dict.fromkeys(SELLERS, 1), "price": 2}
    found = [c for c in columns if c.lower() in wanted and c not in without]
    return sorted(found, key=lambda c: wanted[c.lower()])


def read_traits(items: pl.DataFrame, columns: Sequence[str], choices: Sequence[str]) -> pl.DataFrame | None:
    """The columns as words or numbers, null where nothing is known; ``None`` without columns.

    Parameters
    ----------
    items
        One row per example.
    columns
        Names of columns.
    choices
        Names that a message may offer.

    Raises
    ------
    InputError
        If a column is missing; close names are offered.
    """
    for column in columns:
        if column not in items.columns:
            raise InputError(
                f"The shop has no column {column!r} to tell examples apart by{near(column, choices)}.",
                hint=f"Choose with --by: {', '.join(choices)}.",
            )
    names = list(dict.fromkeys(columns))
    return pl.DataFrame([_plain(items[name]) for name in names]) if names else None


def cut(column: pl.Series) -> Trait:
    """A column of :func:`read_traits` cut into values; numbers of many values into bands of about equal size.

    A band is called by the lowest and the highest number in it. Equal numbers are in one band, so there may be fewer
    than :data:`BANDS`.
    """
    code = np.full(len(column), -1, np.int64)
    if not column.dtype.is_numeric():
        known = column.is_not_null().to_numpy()
        counted = column.drop_nulls().value_counts(name="n").sort(["n", column.name], descending=[True, False])
        place = {value: n for n, value in enumerate(counted[column.name].to_list())}
        code[known] = [place[value] for value in column.drop_nulls().to_list()]
        return Trait(column.name, tuple(place), code)
    numbers = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = np.isfinite(numbers)
    unique = np.unique(numbers[known])
    if len(unique) <= FEW:
        code[known] = np.searchsorted(unique, numbers[known])
        return Trait(column.name, tuple(_number(v) for v in unique), code)
    edges = np.unique(np.quantile(numbers[known], np.arange(1, BANDS) / BANDS))
    band = np.searchsorted(edges, numbers[known])
    _, code[known] = np.unique(band, return_inverse=True)
    bounds = [(numbers[known][band == b].min(), numbers[known][band == b].max()) for b in np.unique(band)]
    return Trait(column.name, tuple(_number(a) if a == b else f"{_number(a)} to {_number(b)}" for a, b in bounds), code)


def _plain(column: pl.Series) -> pl.Series:
    if column.dtype.is_float() or column.dtype.is_decimal():
        return column.cast(pl.Float64).fill_nan(None)
    if column.dtype.is_integer():
        return column.cast(pl.Int64)
    if column.dtype.is_nested():
        joined = [None if v is None else " ".join(map(str, v)) for v in column.to_list()]
        column = pl.Series(column.name, joined, pl.String)
    return column.cast(pl.String).str.strip_chars().replace("", None)


def _number(value: float) -> str:
    """A bound as people write it: ``12``, ``4.99``, ``0.0012``."""
    if value == round(value):
        return f"{value:.0f}"
    digits = max(2, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")

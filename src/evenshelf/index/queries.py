"""What people searched for, kept beside an index to complete what others type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import InputError
from evenshelf.index.documents import with_texts

if TYPE_CHECKING:
    from pathlib import Path

_QUERIES = "queries.arrow"
_MOST = 100_000
_HINT = "Give a table with query, a text, and count, how often it was asked."


def asked_before(queries: pl.DataFrame) -> pl.DataFrame:
    """Return the queries of a table that are kept, ``query`` and ``count``; those of which one is missing are not.

    Raises
    ------
    InputError
        If a column is missing or holds something else, or a count is below nought or not finite.
    """
    queries = with_texts(queries)
    for name in ("query", "count"):
        if name not in queries.columns:
            raise InputError(f"The queries have no column {name!r}.", hint=_HINT)
    dtype = queries.schema["query"]
    if dtype not in {pl.String, pl.Null}:
        raise InputError(f"Column 'query' of the queries is {dtype}, not text.", hint=_HINT)
    dtype = queries.schema["count"]
    if not (dtype.is_numeric() or dtype == pl.Null):
        raise InputError(f"Column 'count' of the queries is {dtype}, not a number.", hint=_HINT)
    kept = queries.select(pl.col("query").cast(pl.String), pl.col("count").cast(pl.Float64)).drop_nulls()
    wrong = kept.filter(~(pl.col("count").is_finite() & (pl.col("count") >= 0)))
    if wrong.height:
        raise InputError(f"The query {wrong['query'][0]!r} was asked {wrong['count'][0]} times.", hint=_HINT)
    return kept.head(_MOST)


def write_queries(folder: Path, queries: pl.DataFrame | None) -> None:
    """Keep queries, as :func:`asked_before` gives them, in the folder of a generation."""
    kept = pl.DataFrame(schema={"query": pl.String, "count": pl.Float64}) if queries is None else queries
    temporary = folder / f"{_QUERIES}.new"
    kept.write_ipc(temporary)
    temporary.replace(folder / _QUERIES)


def read_queries(folder: Path) -> pl.DataFrame:
    """Return what people searched for: ``query`` and ``count``.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    try:
        return pl.read_ipc(folder / _QUERIES)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"The queries in {folder} cannot be read: {error}", hint="Make the index anew: evenshelf index SHOP --anew"
        ) from error

"""Frames of different files below each other, and their columns as text, each in one form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


def together(frames: Sequence[Any]) -> Any:
    """Put frames (all lazy or all not) below each other; a column of different types becomes text, a missing one null.

    Text is as :func:`text_of` makes it.

    Raises
    ------
    InputError
        If the columns cannot be put below each other.
    """
    kinds: dict[str, set[str]] = {}
    schemas = [frame.collect_schema() for frame in frames]
    for schema in schemas:
        for name, dtype in schema.items():
            if dtype != pl.Null:
                kinds.setdefault(name, set()).add(str(dtype))
    mixed = [name for name, found in kinds.items() if len(found) > 1]
    try:
        return pl.concat(
            [
                frame.with_columns(text_of(c, schema[c]) for c in mixed if c in schema)
                for frame, schema in zip(frames, schemas, strict=True)
            ],
            how="diagonal_relaxed",
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(f"columns of different files do not fit together: {error}") from error


def text_of(column: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text, in one form wherever it came from: lists of plain values are joined by ``|``."""
    if isinstance(dtype, pl.List | pl.Array) and not dtype.inner.is_nested():
        values = pl.col(column) if isinstance(dtype, pl.List) else pl.col(column).arr.to_list()
        return values.cast(pl.List(pl.String)).list.join("|", ignore_nulls=True)
    if isinstance(dtype, pl.Duration):
        return pl.col(column).dt.to_string("iso")
    return pl.col(column).struct.json_encode() if isinstance(dtype, pl.Struct) else pl.col(column).cast(pl.String)

"""Rows as JSON, as the quarantine keeps them, and back: each column in the kind of value that it had."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOT_FINITE = ("NaN", "inf", "-inf")


def encoded(frame: pl.DataFrame) -> pl.Series:
    """Return each row of a frame as a JSON object; numbers that JSON does not know are the texts NaN, inf and -inf."""
    raw = frame.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    floats = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    odd = frame.select((~pl.col(name).is_finite()).fill_null(value=False).alias(name) for name in floats)
    if not any(column.any() for column in odd):
        return raw
    rows = odd.select(pl.any_horizontal(pl.all()).arg_true()).to_series()
    changed = [
        json.dumps(
            json.loads(raw[row])
            | {name: str(frame[name][row]).replace("nan", "NaN") for name in floats if odd[name][row]},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for row in rows.to_list()
    ]
    return raw.scatter(rows, changed)


def decoded(raw: Sequence[str]) -> pl.DataFrame:
    """Return rows that :func:`encoded` made; a column of truth values or numbers alone is one, any other is text.

    Lists and objects become text as :func:`evenshelf.shop.frames.text_of` makes it.
    """
    rows = [json.loads(row) for row in raw]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])


def _column(name: str, values: list[Any]) -> pl.Series:
    there = [value for value in values if value is not None]
    kinds = {type(value) for value in there}
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    for dtype, least, bound in ((pl.Int64, -(2**63), 2**63), (pl.UInt64, 0, 2**64)):
        if kinds == {int} and least <= min(there) and max(there) < bound:
            return pl.Series(name, values, dtype=dtype)
    if float in kinds and all(type(v) in {int, float} or _is_odd(v) for v in there):
        numbers = [None if value is None else float(value) for value in values]
        if all(n == value for n, value in zip(numbers, values, strict=True) if not isinstance(value, str)):
            return pl.Series(name, numbers, dtype=pl.Float64)
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _is_odd(value: Any) -> bool:
    return isinstance(value, str) and value in _NOT_FINITE


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return "|".join(text for text in map(_text, value) if text is not None)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

"""Records of a file into rows of the items table."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop.cleaning.rules import BREADCRUMB, CODE
from evenshelf.shop.ingesting.mapping import further_names
from evenshelf.shop.ingesting.parsing import as_text, numbers
from evenshelf.shop.ingesting.raw_rows import encoded
from evenshelf.shop.ingesting.whole_ids import ID_ROLES, id_text
from evenshelf.shop.schema import ITEMS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Mapping

    from evenshelf.shop.ingesting.parsing import Times
    from evenshelf.shop.sources.records import Records

RAW = "__raw"
ITEM_ORDER = tuple(column.name for column in ITEMS.columns)
_HIDDEN = {"breadcrumb": BREADCRUMB, "code": CODE}


def items_from(
    records: Records | None,
    roles: Mapping[str, str],
    file: str,
    source_id: str,
    seen: Counter[str],
    *,
    times: Times,
    constants: Mapping[str, str],
    whole_ids: Collection[str] = (),
) -> pl.DataFrame:
    """Turn the records of one file into rows of the items table, with hidden columns for the rules.

    Parameters
    ----------
    records
        What was read; None for an empty table.
    roles
        Source column by role.
    file, source_id
        Where the rows come from.
    seen
        Counts contents of rows, over all files of a source, to tell equal rows apart; is updated.
    times
        Reads when items were launched.
    constants
        Value by role, for all rows.
    whole_ids
        Roles of ids that are written as whole fractions; see :class:`~evenshelf.shop.ingesting.whole_ids.WholeIds`.

    Raises
    ------
    InputError
        If a column that must be text cannot become text.
    """
    if records is None:
        schema = dict.fromkeys(("item_id", "title", "source_id", "source_file", RAW), pl.String)
        return pl.DataFrame(schema=schema | {"source_line": pl.Int64})
    source = records.frame
    columns: dict[str, pl.Series] = {}
    given = {role: (source[column], column) for role, column in roles.items()}
    given |= {
        role: (pl.repeat(value, source.height, dtype=pl.String, eager=True), "--set")
        for role, value in constants.items()
    }
    for role, (series, column) in given.items():
        values = id_text(series, file, whole=role in whole_ids) if role in ID_ROLES else as_text(series, file)
        if role == "price":
            columns |= _prices(series, values)
        elif role == "launched":
            columns |= _moments(series, values, times, f"{file}, column {column!r}")
        elif role in _HIDDEN:
            columns[_HIDDEN[role]] = values
        elif role in {"category", "path"}:
            columns[role] = values.str.replace_all(r"\s*([|>])\s*", "$1")  # "A | B" and "A|B" are one path
        else:
            columns[role] = values
    used = {column for role, column in roles.items() if role not in _HIDDEN}
    reserved = {*ITEM_ORDER, "price_text", "launched_text", RAW, *_HIDDEN.values()}
    further = [column for column in source.columns if column not in used]
    columns |= {name: source[column] for column, name in further_names(further, reserved).items()}
    try:
        raw = encoded(source)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{file}: a column is of a kind that cannot be kept: {error}") from error
    columns["item_id"] = _item_ids(columns.get("item_id"), raw, seen)
    columns["source_line"] = pl.Series(records.lines, dtype=pl.Int64)
    columns[RAW] = raw
    frame = pl.DataFrame([series.alias(name) for name, series in columns.items()])
    return frame.with_columns(source_id=pl.lit(source_id), source_file=pl.lit(file))


def _prices(series: pl.Series, text: pl.Series) -> dict[str, pl.Series]:
    """Return prices as numbers; what is no number for certain stays as text in ``price_text``."""
    price = numbers(series if series.dtype.is_numeric() else text)
    failed = price.is_null() & text.is_not_null()
    if not failed.any():
        return {"price": price}
    return {"price": price, "price_text": pl.select(pl.when(failed).then(text)).to_series()}


def _moments(series: pl.Series, text: pl.Series, times: Times, place: str) -> dict[str, pl.Series]:
    """Return moments; what is none stays as text in ``launched_text``."""
    launched = times.read(series if series.dtype.is_temporal() else text, place)
    failed = launched.is_null() & text.is_not_null()
    if not failed.any():
        return {"launched": launched}
    return {"launched": launched, "launched_text": pl.select(pl.when(failed).then(text)).to_series()}


def _item_ids(given: pl.Series | None, raw: pl.Series, seen: Counter[str]) -> pl.Series:
    """Return the ids given; where there is none, a hash of the row's content and its count among equal rows."""
    if given is not None and not given.null_count():
        return given
    ids: list[str] = []
    for value, content in zip(given.to_list() if given is not None else [None] * len(raw), raw, strict=True):
        if value is not None:
            ids.append(value)
            continue
        digest = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
        seen[digest] += 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return pl.Series("item_id", ids, dtype=pl.String)

"""Rows of the quarantine as what they were before they were refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.shop.cleaning.event_rules import OVER_LOG
from evenshelf.shop.ingesting.derived_sessions import without_derived
from evenshelf.shop.ingesting.raw_rows import decoded, encoded
from evenshelf.shop.schema import EVENTS
from evenshelf.shop.sources.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenshelf.shop.schema import TableSchema
    from evenshelf.shop.store import Writer


def as_read(rows: pl.DataFrame) -> Records:
    """Rows that a rule had refused while a source was read, as records of that source."""
    return Records(decoded(rows["raw"].to_list()), rows["source_line"].to_list())


def as_rows(rows: pl.DataFrame, table: TableSchema, like: pl.LazyFrame) -> pl.DataFrame:
    """Rows that had been taken out of a table, as they were there; further columns in the types that it has them in."""
    frame = as_read(rows).frame
    typed = [
        _typed(frame[column.name], column.dtype)
        for column in table.columns
        if column.name in frame.columns and frame.schema[column.name] != column.dtype
    ]
    return typed_like(frame.with_columns(typed), like)


def as_events(rows: pl.DataFrame, events: pl.LazyFrame) -> pl.DataFrame:
    """Rows that a rule over the log had taken out of the events, as they were there, without derived sessions."""
    frame = as_rows(rows, EVENTS, events)
    if "session_derived" not in frame.columns:
        return frame
    return frame.with_columns(without_derived(frame.columns)).drop("session_derived")


class Log:
    """All events of a shop that is being written: those that are there, and those that rules over the log took out.

    Sessions are those that they came with.
    """

    def __init__(self, writer: Writer, *, but: str | None = None) -> None:
        self._writer, self._but = writer, but

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield them portion by portion, those of the source `but` left out."""
        for part in self._writer.portions("events"):
            all_of_it = "source_id" not in part.columns or self._but is None
            others = part if all_of_it else part.filter(pl.col("source_id").ne_missing(self._but))
            yield others.with_columns(without_derived(part.columns)) if "session_derived" in part.columns else others
        mine = (pl.col("table") == "events") & pl.col("reason").is_in(sorted(OVER_LOG))
        rows = self._writer.scan("quarantine").filter(mine, pl.col("source_id") != (self._but or "")).collect()
        if rows.height:
            yield as_events(rows, self._writer.scan("events"))


def typed_like(frame: pl.DataFrame, table: pl.DataFrame | pl.LazyFrame | pl.Schema) -> pl.DataFrame:
    """The frame with its columns in the types that a table has them in, where no value is lost by that."""
    schema = table if isinstance(table, pl.Schema) else table.collect_schema()
    columns = []
    for name, have in frame.schema.items():
        dtype = schema.get(name, have)
        if dtype == have or dtype.is_nested() or dtype == pl.Duration:
            continue
        typed = _typed(frame[name], dtype)
        if encoded(typed.to_frame()).equals(encoded(frame.select(name))):
            columns.append(typed)
    return frame.with_columns(columns)


def _typed(values: pl.Series, dtype: Any) -> pl.Series:
    """Values in another type; moments and such are texts, as they are written in JSON."""
    column = pl.col(values.name)
    if values.dtype == pl.String and isinstance(dtype, pl.Datetime):
        zone = dtype.time_zone
        read = column.str.to_datetime(time_unit=dtype.time_unit, time_zone=zone and "UTC", strict=False)
        made = read if zone is None else read.dt.convert_time_zone(zone)
    elif values.dtype == pl.String and dtype == pl.Date:
        made = column.str.to_date(strict=False)
    elif values.dtype == pl.String and dtype == pl.Time:
        made = column.str.to_time(strict=False)
    elif values.dtype == pl.String and dtype == pl.Boolean:
        made = pl.lit(None, pl.Boolean)
    else:
        made = column.cast(dtype, strict=False)
    return values.to_frame().with_columns(made.alias(values.name)).to_series()

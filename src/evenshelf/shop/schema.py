"""The tables of a shop: one name, one schema each.

A shop holds tables by name. A table has columns that evenshelf understands (listed here) and any number of
further columns, which are kept as they came. A new table (events, queries, ...) is added to :data:`TABLES`
and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polars.datatypes import DataType, DataTypeClass

SCHEMA_VERSION = 1
"""Version of the layout of a shop's folder. A shop of another version is refused, never guessed at."""


@dataclass(frozen=True)
class Column:
    """A column that evenshelf understands.

    Parameters
    ----------
    name
        Its name inside the shop.
    dtype
        Its polars type.
    meaning
        One line for help texts and messages.
    required
        Whether a table without it is refused.
    """

    name: str
    dtype: DataType | DataTypeClass
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class TableSchema:
    """What a table must and may hold."""

    name: str
    columns: tuple[Column, ...]
    key: str | None = None

    def check(self, frame: pl.DataFrame) -> None:
        """Raise :class:`~evenshelf.errors.InputError` that lists every way in which `frame` does not fit."""
        problems: list[str] = []
        for column in self.columns:
            if column.name not in frame.columns:
                if column.required:
                    problems.append(f"column {column.name!r} ({column.meaning}) is missing")
            elif frame.schema[column.name] != column.dtype:
                problems.append(f"column {column.name!r} is {frame.schema[column.name]}, but must be {column.dtype}")
            elif column.required and frame[column.name].null_count():
                problems.append(f"column {column.name!r} has {frame[column.name].null_count()} empty cells")
        if not problems and self.key is not None and frame[self.key].n_unique() != frame.height:
            problems.append(f"{frame.height - frame[self.key].n_unique()} values of {self.key!r} repeat")
        if problems:
            raise InputError(f"table {self.name!r} does not fit its schema: " + "; ".join(problems))


ITEMS = TableSchema(
    "items",
    (
        Column("item_id", pl.String, "a text that names the item, once in the shop", required=True),
        Column("title", pl.String, "the title a customer reads", required=True),
        Column("description", pl.String, "longer text"),
        Column("category", pl.String, "the category to learn and to predict"),
        Column("path", pl.String, "the whole path of the category, as in A|B|C"),
        Column("tags", pl.String, "tags, separated by |"),
        Column("brand", pl.String, "the brand"),
        Column("price", pl.Float64, "the price in the shop's currency"),
        Column("image", pl.String, "address or file name of a picture"),
        Column("minority_label", pl.Boolean, "another category is more frequent under the same title"),
        Column("source_id", pl.String, "first 12 digits of the sha256 of the source"),
        Column("source_file", pl.String, "file the row came from"),
        Column("source_line", pl.Int64, "line (from 1) the row began at"),
    ),
    key="item_id",
)

QUARANTINE = TableSchema(
    "quarantine",
    (
        Column("source_id", pl.String, "first 12 digits of the sha256 of the source", required=True),
        Column("source_file", pl.String, "file the row came from", required=True),
        Column("source_line", pl.Int64, "line (from 1) the row began at", required=True),
        Column("reason", pl.String, "name of the rule that refused the row", required=True),
        Column("detail", pl.String, "what exactly was wrong", required=True),
        Column("raw", pl.String, "the row as it stood in the file", required=True),
    ),
)

TABLES: Mapping[str, TableSchema] = {table.name: table for table in (ITEMS, QUARANTINE)}
"""All tables a shop may hold, by name."""

PROVENANCE = ("source_id", "source_file", "source_line")
"""Columns that say where a row came from; never features."""


def empty(table: str) -> pl.DataFrame:
    """Return the table named `table` without rows, with its required columns."""
    return pl.DataFrame(schema={c.name: c.dtype for c in TABLES[table].columns if c.required})

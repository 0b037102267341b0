"""The tables of a shop: one name, one schema each.

A shop holds tables by name. A table has columns that evenshelf understands (listed here) and any number of
further columns, which are kept as they came. A new table is added to :data:`TABLES` and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polars.datatypes import DataType, DataTypeClass

SCHEMA_VERSION = 2
"""Version of the layout of a shop's folder. Older ones are migrated on opening, newer ones refused."""

KINDS = ("impression", "view", "click", "cart", "purchase", "return", "rating")
"""What an event may be: shown in a list, looked at, chosen from a list, put into the cart, bought, sent back, rated."""

TIME = pl.Datetime("us", "UTC")
"""Type of every moment in a shop."""


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
    default
        Value in files that were written before the column was there.
    """

    name: str
    dtype: DataType | DataTypeClass
    meaning: str
    required: bool = False
    default: str | None = None


@dataclass(frozen=True)
class TableSchema:
    """What a table must and may hold.

    Parameters
    ----------
    name
        Its name.
    meaning
        One line for help texts and messages.
    columns
        The columns that evenshelf understands.
    key
        Columns whose values together name a row; empty if rows may repeat.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    def check(self, frame: pl.DataFrame) -> None:
        """Raise :class:`~evenshelf.errors.InputError` that lists every way in which `frame` does not fit.

        The key is checked within the frame only.
        """
        problems: list[str] = []
        for column in self.columns:
            if column.name not in frame.columns:
                if column.required:
                    problems.append(f"column {column.name!r} ({column.meaning}) is missing")
            elif frame.schema[column.name] != column.dtype:
                problems.append(f"column {column.name!r} is {frame.schema[column.name]}, but must be {column.dtype}")
            elif column.required and frame[column.name].null_count():
                problems.append(f"column {column.name!r} has {frame[column.name].null_count()} empty cells")
        if not problems and self.key:
            distinct = frame.select(self.key).n_unique()
            if distinct != frame.height:
                what = " and ".join(map(repr, self.key))
                problems.append(f"{frame.height - distinct} values of {what} repeat")
        if problems:
            raise InputError(f"table {self.name!r} does not fit its schema: " + "; ".join(problems))


_PROVENANCE = (
    Column("source_id", pl.String, "first 12 digits of the sha256 of the source"),
    Column("source_file", pl.String, "file the row came from"),
    Column("source_line", pl.Int64, "line (from 1) the row began at"),
)
PROVENANCE = tuple(column.name for column in _PROVENANCE)
"""Columns that say where a row came from; never features."""

MARKS = ("minority_label", "title_group", "derived", "given_id")
"""Columns of items that are made here; never features."""

ITEMS = TableSchema(
    "items",
    "what the shop sells",
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
        Column("launched", TIME, "when it came into the shop"),
        Column("minority_label", pl.Boolean, "another category is more frequent under the same title"),
        Column("title_group", pl.Int64, "number of the group of titles that are the same to a reader"),
        Column("derived", pl.Boolean, "yes if only the titles of events name it"),
        Column("given_id", pl.String, "the id that its source gave it, where another item has that"),
        *_PROVENANCE,
    ),
    key=("item_id",),
)

EVENTS = TableSchema(
    "events",
    "what people did: one row for each thing that happened",
    (
        Column("time", TIME, "when; empty only if the source has no times at all"),
        Column("user_id", pl.String, "who; empty if not known"),
        Column("item_id", pl.String, "with which item", required=True),
        Column("kind", pl.String, "what: " + ", ".join(KINDS), required=True),
        Column(
            "value",
            pl.Float64,
            "pieces of a purchase, return or cart; grade of a rating; 1 or 0 if it is known whether an impression was "
            "clicked",
        ),
        Column("price", pl.Float64, "price of one piece at that moment"),
        Column("query", pl.String, "what was searched for when it happened"),
        Column("position", pl.Int64, "place in the list, from 1"),
        Column("session_id", pl.String, "visit or order it belongs to"),
        Column("session_derived", pl.Boolean, "yes if its session was derived from the pauses between events"),
        Column("propensity", pl.Float64, "probability with which the item was shown there, above 0 and at most 1"),
        Column("variant", pl.String, "arm of the experiment"),
        Column("event_id", pl.String, "name that the source gives the event"),
        Column("returned", pl.Float64, "pieces of this purchase that came back later"),
        Column("purchase_time", TIME, "of a return: when the pieces were bought"),
        *_PROVENANCE,
    ),
)

QUERIES = TableSchema(
    "queries",
    "what people search for",
    (
        Column("query", pl.String, "the text", required=True),
        Column("query_id", pl.String, "name that the source gives it"),
        Column("count", pl.Float64, "how often it was asked"),
        *_PROVENANCE,
    ),
    key=("query",),
)

JUDGEMENTS = TableSchema(
    "judgements",
    "how well items answer queries",
    (
        Column("query", pl.String, "the text", required=True),
        Column("item_id", pl.String, "the item", required=True),
        Column(
            "grade",
            pl.Float64,
            "how well, from 0 (not at all) up; exact, substitute, complement, irrelevant are 1, 0.1, 0.01, 0",
            required=True,
        ),
        *_PROVENANCE,
    ),
    key=("query", "item_id"),
)

PRICES = TableSchema(
    "prices",
    "what items cost, from when",
    (
        Column("item_id", pl.String, "the item", required=True),
        Column("time", TIME, "from when on", required=True),
        Column("price", pl.Float64, "price of one piece", required=True),
        Column("promotion", pl.Boolean, "whether it was advertised as reduced"),
        *_PROVENANCE,
    ),
    key=("item_id", "time"),
)

STOCK = TableSchema(
    "stock",
    "how many pieces were at hand, from when",
    (
        Column("item_id", pl.String, "the item", required=True),
        Column("time", TIME, "from when on", required=True),
        Column("stock", pl.Float64, "pieces at hand, 0 if sold out", required=True),
        *_PROVENANCE,
    ),
    key=("item_id", "time"),
)

USERS = TableSchema(
    "users",
    "who buys",
    (
        Column("user_id", pl.String, "the user", required=True),
        Column("tags", pl.String, "tags, separated by |"),
        *_PROVENANCE,
    ),
    key=("user_id",),
)

USER_TAGS = TableSchema(
    "user_tags",
    "tags that rules gave to users; those that users came with stand in the table of users",
    (
        Column("user_id", pl.String, "the user", required=True),
        Column("tag", pl.String, "one tag", required=True),
        Column("origin", pl.String, "the rule that gave it, or rfm", required=True),
    ),
    key=("user_id", "tag"),
)

ANNOTATIONS = TableSchema(
    "annotations",
    "what people said when asked for a label",
    (
        Column("item_id", pl.String, "the item", required=True),
        Column("target", pl.String, "the column the label is for", required=True),
        Column("annotator", pl.String, "who said it", required=True),
        Column("label", pl.String, "the label", required=True),
        *_PROVENANCE,
    ),
    key=("item_id", "target", "annotator"),
)

QUARANTINE = TableSchema(
    "quarantine",
    "rows that were refused, each with its reason",
    (
        Column("source_id", pl.String, "first 12 digits of the sha256 of the source", required=True),
        Column("source_file", pl.String, "file the row came from", required=True),
        Column("source_line", pl.Int64, "line (from 1) the row began at", required=True),
        Column("table", pl.String, "table it was meant for", required=True, default="items"),
        Column("reason", pl.String, "name of the rule that refused the row", required=True),
        Column("detail", pl.String, "what exactly was wrong", required=True),
        Column("raw", pl.String, "the row as it stood in the file, or in the table it was taken out of", required=True),
    ),
)

RESTORED = TableSchema(
    "restored",
    "rows that a person took out of the quarantine; the rule is not asked about them again",
    (
        Column("source_id", pl.String, "first 12 digits of the sha256 of the source", required=True),
        Column("source_file", pl.String, "file the row came from", required=True),
        Column("source_line", pl.Int64, "line (from 1) the row began at", required=True),
        Column("reason", pl.String, "name of the rule that had refused the row", required=True),
        Column("raw", pl.String, "the row as it stood in the file, if another source had brought it as well"),
    ),
)

TABLES: Mapping[str, TableSchema] = {
    table.name: table
    for table in (
        ITEMS,
        EVENTS,
        QUERIES,
        JUDGEMENTS,
        PRICES,
        STOCK,
        USERS,
        USER_TAGS,
        ANNOTATIONS,
        QUARANTINE,
        RESTORED,
    )
}
"""All tables a shop may hold, by name."""


def empty(table: str) -> pl.DataFrame:
    """Return the table named `table` without rows, with its required columns."""
    return pl.DataFrame(schema={c.name: c.dtype for c in TABLES[table].columns if c.required})

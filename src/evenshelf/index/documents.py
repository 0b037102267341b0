"""What of an item is searched, filtered by and shown: which column plays which part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError
from evenshelf.index.text.folding import fold
from evenshelf.shop.ingesting.parsing import truths
from evenshelf.shop.schema import EVENTS, MARKS, PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evenshelf.shop import Shop

FIELDS = ("title", "attributes", "description")
"""Fields of text, each with a length and frequencies of its own.

Brand and category are attributes among others: in a field of their own, which is short, each of their words would
count more than a whole title (measured, decision 24).
"""

POPULARITY = "popularity"
IN_STOCK = "in_stock"

_NEVER = {"item_id", "image", *PROVENANCE, *MARKS}
_FIELD_OF = {
    "title": "title",
    "brand": "attributes",
    "category": "attributes",
    "path": "attributes",
    "tags": "attributes",
    "description": "description",
}
_LONG = 6000
"""Characters; a further column of texts that are longer on average is searched as a description."""
_READ = 600
"""Characters of a description that the encoder is given; it reads little more."""
_FRACTION = 0.01
"""Of smaller numbers two places would say nothing."""
_LARGE = 10_000
_EVENTS_OF_INTEREST = ("click", "cart", "purchase")
_SEPARATOR = "|"
_LISTS = ("tags", "path")


@dataclass(frozen=True)
class Layout:
    """Which column plays which part.

    Attributes
    ----------
    searched
        Field by column, for columns of text.
    texts
        Columns of text, yes and no, or lists that are filtered and counted by.
    numbers
        Columns of numbers and moments that are filtered and sorted by.
    truths
        Those of `texts` that hold yes and no.
    moments
        Those of `numbers` that hold moments.
    """

    searched: Mapping[str, str]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    truths: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()

    @property
    def filterable(self) -> tuple[str, ...]:
        """Columns that a filter may name."""
        return (*self.texts, *self.numbers)


def layout_of(items: pl.DataFrame) -> Layout:
    """Find out which column of the items plays which part.

    A column that evenshelf knows has its part; of others, texts are searched as attributes (as descriptions where they
    are long, not at all where they are addresses), and all are filtered by, descriptions and pictures excepted.
    """
    searched: dict[str, str] = {}
    texts, numbers, truths, moments = [], [], [], []
    for name, dtype in items.schema.items():
        if name in _NEVER or dtype == pl.Null:
            continue
        if dtype == pl.String:
            field = _FIELD_OF.get(name) or _field_of(items[name])
            if field is not None:
                searched[name] = field
            if field != "description" and name != "title" and (field is not None or name in _LISTS):
                texts.append(name)
        elif dtype == pl.Boolean:
            texts.append(name)
            truths.append(name)
        elif dtype.is_numeric():
            numbers.append(name)
        elif _is_moment(dtype):
            numbers.append(name)
            moments.append(name)
    return Layout(searched, tuple(texts), tuple(numbers), tuple(truths), tuple(moments))


def _field_of(column: pl.Series) -> str | None:
    filled = column.drop_nulls()
    if not len(filled) or filled.head(100).str.contains(r"^(https?://|//|www\.)").mean() > 0.5:  # type: ignore[operator]
        return None
    return "description" if float(filled.str.len_chars().mean() or 0) > _LONG else "attributes"  # type: ignore[arg-type]


def items_of(shop: Shop) -> pl.DataFrame:
    """Return the items of a shop as they are indexed: with what sold, and what is in stock.

    ``popularity`` is the number of clicks, carts and purchases of an item, 0 if there were none; ``in_stock`` says
    whether the last count found some, and is there only if the shop has a table of stock. Items that were never counted
    are in stock as far as anybody knows. Columns of these names that items have themselves give way; where nothing was
    counted, their own ``in_stock`` holds yes and no if all its texts say one of them, as in a table of texts.
    """
    items = with_texts(shop.items().drop(PROVENANCE, strict=False))
    if items.schema.get(IN_STOCK) == pl.String:
        written = items[IN_STOCK].fill_null("").str.strip_chars()
        told = truths(written)
        if (told.is_not_null() | (written == "")).all():
            items = items.with_columns(told.alias(IN_STOCK))
    if shop.rows(EVENTS.name):
        counts = taken_of(shop).rename({"count": POPULARITY})
        items = items.drop(POPULARITY, strict=False)
        items = items.join(counts, on="item_id", how="left", maintain_order="left")
        items = items.with_columns(pl.col(POPULARITY).fill_null(0.0))
    if shop.rows("stock"):
        last = shop.scan("stock").sort("time").group_by("item_id").agg(pl.col("stock").last()).collect()
        items = items.drop(IN_STOCK, strict=False)
        items = items.join(
            last.select("item_id", (pl.col("stock") > 0).alias(IN_STOCK)),
            on="item_id",
            how="left",
            maintain_order="left",
        )
        items = items.with_columns(pl.col(IN_STOCK).fill_null(True))
    return items


def taken_of(shop: Shop) -> pl.DataFrame:
    """Return how often items were clicked, put into a cart or bought: ``item_id``, ``count``; others never were."""
    of_interest = shop.scan(EVENTS.name).filter(pl.col("kind").is_in(_EVENTS_OF_INTEREST))
    return of_interest.group_by("item_id").agg(pl.len().cast(pl.Float64).alias("count")).collect()


def with_texts(items: pl.DataFrame) -> pl.DataFrame:
    """Return items with columns of categories as the texts that these are."""
    named = [name for name, dtype in items.schema.items() if isinstance(dtype, (pl.Categorical, pl.Enum))]
    return items.with_columns(pl.col(named).cast(pl.String)) if named else items


def check_items(items: pl.DataFrame) -> None:
    """Raise an :class:`InputError` unless every row has an id of its own and a title."""
    for name in ("item_id", "title"):
        if name not in items.columns:
            raise InputError(f"The items have no column {name!r}.", hint="Items need item_id and title, both texts.")
        if items.schema[name] != pl.String:
            raise InputError(
                f"Column {name!r} of the items is {items.schema[name]}, not text.", hint="Cast it to String."
            )
    empty = (
        items.select("item_id").with_row_index("row").filter(pl.col("item_id").is_null() | (pl.col("item_id") == ""))
    )
    if empty.height:
        raise InputError(
            f"Row {empty['row'][0]} of the items has no item_id (and {empty.height - 1} more).",
            hint="Give every item an id of its own, or leave it out.",
        )
    untitled = items.filter(pl.col("title").is_null())
    if untitled.height:
        raise InputError(
            f"Item {untitled['item_id'][0]!r} has no title (and {untitled.height - 1} more).",
            hint="Give every item a title, or leave it out.",
        )
    twice = items.filter(pl.col("item_id").is_duplicated())
    if twice.height:
        raise InputError(
            f"Item {twice['item_id'][0]!r} is there more than once (and so are others, {twice.height} rows in all).",
            hint="Keep one row of each item.",
        )


def fitted(items: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return items whose columns can be put under those of an index; columns without any value take their types.

    Raises
    ------
    InputError
        If a column holds something else than in the index.
    """
    changed = []
    for name, dtype in items.schema.items():
        own = schema.get(name)
        if own is None or own in {dtype, pl.Null} or _alike(own, dtype):
            continue
        try:
            # Empty lists have a type of their own.
            fits = dtype == pl.Null or (dtype.is_nested() and dtype.base_type() == own.base_type())
            if fits:
                changed.append(items[name].cast(own))
        except pl.exceptions.PolarsError:
            fits = False
        if not fits:
            raise InputError(
                f"Column {name!r} of the items is {dtype}; in the index it is {own}.",
                hint=f"Give {own}, or build the index anew.",
            )
    return items.with_columns(changed)


def _alike(one: pl.DataType, other: pl.DataType) -> bool:
    return (one.is_numeric() and other.is_numeric()) or (_is_moment(one) and _is_moment(other))


def _is_moment(dtype: pl.DataType) -> bool:
    return dtype == pl.Date or isinstance(dtype, pl.Datetime)


def field_texts(items: pl.DataFrame, layout: Layout) -> dict[str, list[str]]:
    """Return the text of each field of each item, columns that share a field joined by a line break."""
    texts: dict[str, list[list[str]]] = {field: [[] for _ in range(items.height)] for field in FIELDS}
    there = set(items.columns)
    for name, field in layout.searched.items():
        if name in there:
            for row, value in filled(items[name]):
                texts[field][row].append(value.replace(_SEPARATOR, " "))
    return {field: ["\n".join(parts) for parts in rows] for field, rows in texts.items()}


def filled(column: pl.Series) -> Iterator[tuple[int, Any]]:
    """Yield place and value of what is not empty; shops have columns by the thousand that few items fill."""
    at = column.is_not_null().arg_true()
    return zip(at.to_list(), column.gather(at).to_list(), strict=True)


def dense_texts(items: pl.DataFrame) -> list[str]:
    """Return what the encoder reads of each item: its title and its description, folded as queries are."""
    if "description" not in items.columns:
        return [fold(str(title)) for title in items["title"]]
    pairs = items.select("title", "description").iter_rows()
    return [fold(f"{title} {description[:_READ]}" if description else str(title)) for title, description in pairs]


def facets_of(items: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Return the columns that are filtered by, as they are compared.

    Texts without spaces around them, empty ones as none, tags as lists, paths as the list of all beginnings (``A``,
    ``A|B``), numbers and moments (seconds since 1970) as floats, without NaN.
    """
    # Asking a frame of thousands of columns for its schema takes a while.
    schema = items.schema
    columns: list[pl.Expr | pl.Series] = []
    for name in layout.texts:
        if name not in schema:
            is_list = name in _LISTS and name not in layout.truths
            columns.append(pl.lit(None, dtype=pl.List(pl.String) if is_list else pl.String).alias(name))
        elif schema[name] == pl.Boolean:
            yes = pl.when(pl.col(name)).then(pl.lit("true")).otherwise(pl.lit("false"))
            columns.append(pl.when(pl.col(name).is_not_null()).then(yes).alias(name))
        elif name == "path":
            columns.append(pl.Series(name, [_beginnings(p) for p in items[name]], dtype=pl.List(pl.String)))
        elif name == "tags":
            split = pl.col(name).str.split(_SEPARATOR).list.eval(pl.element().str.strip_chars())
            columns.append(split.list.eval(pl.element().filter(pl.element() != "")).alias(name))
        else:
            text = pl.col(name).cast(pl.String).str.strip_chars()
            columns.append(pl.when(text != "").then(text).alias(name))
    for name in layout.numbers:
        if name not in schema:
            columns.append(pl.lit(None, dtype=pl.Float64).alias(name))
            continue
        number = pl.col(name).cast(pl.Float64) if schema[name].is_numeric() else pl.lit(_seconds(items[name]))
        # Engines do not agree on whether -0 is less than 0.
        number = pl.when(number == 0).then(0.0).otherwise(number)
        columns.append(pl.when(number.is_finite()).then(number).alias(name))
    return items.with_columns(columns).select(layout.filterable)


def _seconds(moments: pl.Series) -> pl.Series:
    """Seconds since 1970, of the same moment the same number in any column."""
    parts = moments.cast(pl.Datetime("us")).dt.epoch("us")
    # By NumPy: polars multiplies columns of several rows by the reciprocal, which is not quite the same.
    seconds = pl.Series(parts.fill_null(0).to_numpy() / 1e6)
    return seconds.zip_with(parts.is_not_null(), pl.Series([None], dtype=pl.Float64))


def _beginnings(path: str | None) -> list[str] | None:
    parts = [part.strip() for part in (path or "").split(_SEPARATOR)]
    parts = [part for part in parts if part]
    if not parts:
        return None
    return [_SEPARATOR.join(parts[: i + 1]) for i in range(len(parts))]


def text_of(value: object) -> str | None:
    """A value as a person reads it: numbers with two places, moments to the minute, days without a time."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, datetime)):
        return str(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.time() == time() else f"{value:%Y-%m-%d %H:%M}"
    if abs(value) >= _FRACTION or value == 0:
        # Years have no comma.
        return f"{value:{',' if abs(value) >= _LARGE else ''}.2f}".removesuffix(".00")
    return f"{value:.2g}"

"""Which items of a source the shop has already, and ids for items that repeat one on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.cleaning.rules import BREADCRUMB, CODE
from evenshelf.shop.frames import text_of
from evenshelf.shop.ingesting.item_rows import RAW
from evenshelf.shop.schema import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Collection

_NTH = "__nth"


def numbered(items: pl.DataFrame, taken: Collection[str]) -> pl.DataFrame:
    """Give each item an id of its own: those whose id is taken get a number, as in ``4#2``, and keep it as given_id."""
    taken = set(taken)
    out: list[str] = []
    following: dict[str, int] = {}
    for item_id in items["item_id"].to_list():
        name, again = item_id, following.get(item_id, 2)
        while name in taken:
            name, again = f"{item_id}#{again}", again + 1
        following[item_id] = again
        taken.add(name)
        out.append(name)
    given, new = items["item_id"], pl.Series("item_id", out, dtype=pl.String)
    if given.equals(new):
        return items
    return items.with_columns(new, pl.when(given != new).then(given).alias("given_id"))


def of_others(items: pl.DataFrame, source_id: str) -> pl.DataFrame:
    """Return the items that another source brought: rows that a source repeats are no copies."""
    return items.filter(pl.col("source_id").ne_missing(source_id)) if "source_id" in items.columns else items


def equal_rows(
    frame: pl.DataFrame, items: pl.DataFrame, earlier: pl.DataFrame | None = None, *, newer: bool = False
) -> pl.Series:
    """Mark rows that the items hold with the same id and the same content, as often as they hold them.

    An item that got a number (:func:`numbered`) still has the id that its source gave it.

    Parameters
    ----------
    frame
        Rows of one source.
    items
        Those of all others.
    earlier
        Rows of the source that were found before; they come first.
    newer
        Whether a row takes the place of the item that has its id: then one with a number counts only if none has it.

    Returns
    -------
    polars.Series
        Boolean, shape ``[rows of frame]``.
    """
    hidden = {*PROVENANCE, RAW, BREADCRUMB, CODE}
    columns = [name for name in frame.columns if name not in hidden]
    asked = frame if earlier is None else pl.concat([earlier, frame], how="diagonal_relaxed")
    asked = asked.with_columns(pl.col("title").fill_null(""))  # as the items have none
    first = 0 if earlier is None else earlier.height
    given = asked["item_id"].unique()
    base = pl.col("given_id") if "given_id" in items.columns else pl.lit(None, pl.String)
    has_number = (~pl.col("item_id").is_in(given.implode()) & base.is_in(given.implode())).fill_null(value=False)
    if newer:
        has_number &= ~base.is_in(items["item_id"].implode()).fill_null(value=False)
    own = pl.col("item_id").is_in(given.implode())
    theirs = items.filter(own | has_number).with_columns(item_id=pl.when(has_number).then(base).otherwise("item_id"))
    if not theirs.height:
        return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    nth = pl.int_range(pl.len()).over(columns).alias(_NTH)
    mine = asked.select(text_of(name, asked.schema[name]) for name in columns).with_columns(nth)
    texts = [
        text_of(name, items.schema[name]) if name in items.columns else pl.lit(None, pl.String).alias(name)
        for name in columns
    ]
    same = mine.with_row_index("__at").join(
        theirs.select(texts).with_columns(nth), on=[*columns, _NTH], how="semi", nulls_equal=True
    )
    hit = pl.int_range(asked.height, eager=True, dtype=pl.get_index_type()).is_in(same["__at"].implode())
    return hit[first:]

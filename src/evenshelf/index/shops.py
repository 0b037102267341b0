"""The index of a shop: made of its items, and brought up to date by what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.index.documents import items_of, layout_of
from evenshelf.index.engine import ENCODER, SearchEngine
from evenshelf.index.listing import listed
from evenshelf.index.manifest import MANIFEST, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evenshelf.shop import Shop

    Tell = Callable[[str, int, int | None], None]

FOLDER = "search"
"""Folder of a shop's index, inside of the shop."""
_SHARE = 0.2
"""If more of the items changed since the index was built, all is built anew: later rows are searched more slowly."""


@dataclass(frozen=True)
class Indexed:
    """What became of an index.

    Attributes
    ----------
    engine
        The index.
    built
        Whether it was built from the ground up.
    put, deleted
        Items that were added or changed, and that were deleted.
    """

    engine: SearchEngine
    built: bool
    put: int
    deleted: int


def index_shop(
    shop: Shop,
    *,
    encoder: str | None = None,
    language: str | None = None,
    synonyms: Sequence[str] | str | None = None,
    anew: bool = False,
    tell: Tell,
) -> Indexed:
    """Bring the index of a shop up to date, or make it.

    Parameters
    ----------
    shop
        The shop; its index is the folder ``search`` inside of it.
    encoder, language, synonyms
        As for :meth:`~evenshelf.index.engine.SearchEngine.build`; None: as they are in the index that is there.
    anew
        Whether an index that is there does not count.
    tell
        Is told what is done, how far, and of how much.

    Raises
    ------
    InputError
        If the index that is there is damaged, or cannot be written.
    SettingError
        If encoder or language are not known.
    """
    path = shop.path / FOLDER
    items = items_of(shop)
    queries = queries_of(shop)
    there = not anew and (path / MANIFEST).is_file()
    before = read_manifest(path) if there else None
    if before is not None:
        encoder, language = encoder or before.encoder, language or before.language
        synonyms = before.synonyms if synonyms is None else list(listed(synonyms))
        same = (encoder, language, synonyms) == (before.encoder, before.language, before.synonyms)
        if same and layout_of(items) == before.layout:
            engine = SearchEngine.open(path)
            changes = _changes(engine.items(), items)
            if changes is not None:
                put, deleted = changes
                changed = put.height + len(deleted)
                if not changed or changed + engine.later <= _SHARE * max(1, items.height):
                    engine.put(put)
                    engine.delete(deleted)
                    engine.set_queries(queries)
                    return Indexed(engine, built=False, put=put.height, deleted=len(deleted))
            engine.close()
    engine = SearchEngine.build(
        path, items, encoder=encoder or ENCODER, language=language, synonyms=synonyms or (), queries=queries, tell=tell
    )
    return Indexed(engine, built=True, put=items.height, deleted=0)


def queries_of(shop: Shop) -> pl.DataFrame:
    """Return what was searched for in a shop, ``query`` and ``count``, the most frequent first.

    Counts are those of the table of queries; queries without one there are counted in the events, a session once, and
    those that no event has count once.
    """
    counts = []
    table = shop.read("queries")
    if "count" in table.columns:
        counts.append(table.drop_nulls("count").select("query", pl.col("count").cast(pl.Float64)))
    events = shop.scan("events")
    names = events.collect_schema().names()
    if "query" in names:
        visit = "session_id" if "session_id" in names else "user_id" if "user_id" in names else "query"
        asked = events.filter(pl.col("query").is_not_null()).group_by("query")
        counts.append(asked.agg(pl.col(visit).n_unique().cast(pl.Float64).alias("count")).collect())
    if table.height:
        counts.append(table.select("query", pl.lit(1.0).alias("count")))
    if not counts:
        return pl.DataFrame(schema={"query": pl.String, "count": pl.Float64})
    together = pl.concat(counts).unique("query", keep="first", maintain_order=True)
    return together.filter(pl.col("query").str.strip_chars() != "").sort("count", "query", descending=[True, False])


def _changes(current: pl.DataFrame, items: pl.DataFrame) -> tuple[pl.DataFrame, list[str]] | None:
    """Items that are new or not the same, and ids of those that are gone; None if their columns are not the same."""
    if dict(current.schema) != dict(items.schema):
        return None
    put = items.join(current, on=items.columns, how="anti", nulls_equal=True, maintain_order="left")
    gone = current.join(items, on="item_id", how="anti", maintain_order="left")
    return put, gone["item_id"].to_list()

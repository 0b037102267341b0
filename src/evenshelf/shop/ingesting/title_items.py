"""Events that tell titles instead of ids: which items they are about, once the items are others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.cleaning.event_context import whole_log
from evenshelf.shop.cleaning.event_rules import OVER_LOG
from evenshelf.shop.frames import together
from evenshelf.shop.ingesting.log_rows import derived_id, ids_by_title
from evenshelf.shop.schema import ITEMS, PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evenshelf.shop.ingesting.how import Work
    from evenshelf.shop.manifest import SourceEntry

_OVER_LOG = (pl.col("table") == "events") & pl.col("reason").is_in(sorted(OVER_LOG))
_NAMED = pl.col("raw").str.json_path_match("$.item_id")


def settle_titles(before: pl.DataFrame, items: pl.DataFrame, work: Work) -> pl.DataFrame:
    """Let events that tell titles belong to the items that have these titles now.

    A title that one item has names this item; a title that no item has, or several, names the item that is derived
    from it. So it does not matter whether the items or the events come first.

    Parameters
    ----------
    before
        The items as they were: titles of those that are gone.
    items
        As they are now.
    work
        The shop that is being written; events, and what rules over the log took out of them, are updated.

    Returns
    -------
    polars.DataFrame
        The items, with the derived ones that events name, without those that none does since an item has the title.
    """
    sources = [entry for entry in work.entries.values() if entry.table == "events" and not entry.have("item_id")]
    if not sources or _own(before).equals(_own(items)):
        return items
    by_title = pl.any_horizontal(map(_without_ids, sources))
    work.tell("finding items by their titles")
    # An item that is gone still tells which title its events had.
    titles = dict(pl.concat([_own(items), _own(before)]).iter_rows())
    owners = {derived_id(key): item_id for key, item_id in ids_by_title(items).items()}
    moved: dict[str, str] = {}
    homes: dict[str, str] = {}
    for item_id in sorted(named_items(work, by_title)):
        home = derived_id(titles[item_id]) if item_id in titles else item_id
        owner = owners.get(home, home)
        if owner != item_id:
            moved[item_id] = owner
        if owner == home and item_id in titles:
            homes[home] = titles[item_id]
    if not moved:
        return items
    _move(moved, by_title, work)
    gone = _derived(items) & pl.col("item_id").is_in(list(owners)) & ~pl.col("item_id").is_in(list(named_items(work)))
    items = items.filter(~gone)
    missing = {home: title for home, title in homes.items() if home not in set(items["item_id"])}
    if missing:
        items = together([items, _made(missing, work)])
    for entry in work.entries.values():
        if entry.table == "events":
            entry.items_derived = count_derived(items, entry.sha256[:12])
    return items


def count_derived(items: pl.DataFrame, source_id: str) -> int:
    """Number of items that were made from titles which a source brought first."""
    if "source_id" not in items.columns:
        return 0
    return items.filter(_derived(items) & (pl.col("source_id") == source_id)).height


def _derived(items: pl.DataFrame) -> pl.Expr:
    return pl.col("derived").fill_null(value=False) if "derived" in items.columns else pl.lit(value=False)


def _own(items: pl.DataFrame) -> pl.DataFrame:
    """Ids and titles of items that no title of an event made."""
    return items.filter(~_derived(items)).select("item_id", "title")


def _without_ids(entry: SourceEntry) -> pl.Expr:
    """Rows of a source that tell no ids of items: those of all its files, or of some."""
    mine = pl.col("source_id") == entry.sha256[:12]
    unlike = [file for file, roles in entry.mappings.items() if ("item_id" in roles) != ("item_id" in entry.mapping)]
    listed = pl.col("source_file").is_in(unlike)
    return mine & (listed if "item_id" in entry.mapping else ~listed)


def named_items(work: Work, which: pl.Expr | None = None) -> set[str]:
    """Return ids of items that events name, those that rules over the log took out included.

    Parameters
    ----------
    work
        The shop that is being written.
    which
        Which events, by the columns of :data:`~evenshelf.shop.schema.PROVENANCE`. None: all.
    """
    events, refused = work.writer.scan("events"), work.writer.scan("quarantine").filter(_OVER_LOG)
    if which is not None:
        events = events.filter(which) if "source_id" in events.collect_schema() else events.clear()
        refused = refused.filter(which)
    columns = [events.select(pl.col("item_id").unique()), refused.select(item_id=_NAMED.unique())]
    return {item_id for one in columns for item_id in one.collect(engine="streaming")["item_id"] if item_id is not None}


def _move(moved: Mapping[str, str], by_title: pl.Expr, work: Work) -> None:
    old = list(moved)

    def events(part: pl.DataFrame) -> pl.DataFrame:
        if "source_id" not in part.columns:  # simulated
            return part
        mine = by_title & pl.col("item_id").is_in(old)
        new = pl.col("item_id").replace_strict(moved, default=pl.col("item_id"), return_dtype=pl.String)
        return part.with_columns(item_id=pl.when(mine).then(new).otherwise(pl.col("item_id")))

    def refused(part: pl.DataFrame) -> pl.DataFrame:
        mine = part.select((_OVER_LOG & by_title & _NAMED.is_in(old)).fill_null(value=False))
        at = mine.to_series().arg_true()
        if not len(at):
            return part
        rows = [json.loads(raw) for raw in part["raw"][at]]
        raw = [json.dumps(row | {"item_id": moved[row["item_id"]]}, ensure_ascii=False) for row in rows]
        return part.with_columns(part["raw"].scatter(at, raw))

    work.writer.rewrite("events", events)
    work.writer.rewrite("quarantine", refused)


def _made(titles: Mapping[str, str], work: Work) -> pl.DataFrame:
    """Items for titles that no single item has any more, each where an event names it first."""
    events = whole_log(work.writer.scan("events")).select("item_id", *PROVENANCE)
    refused = work.writer.scan("quarantine").filter(_OVER_LOG).select(_NAMED.alias("item_id"), *PROVENANCE)
    first = (
        pl.concat([events, refused])
        .filter(pl.col("item_id").is_in(list(titles)), pl.col("source_id").is_not_null())
        .collect(engine="streaming")
        .sort(PROVENANCE)
        .unique("item_id", keep="first", maintain_order=True)
    )
    types = {column.name: column.dtype for column in ITEMS.columns}
    rows = {"item_id": list(titles), "title": list(titles.values())}
    made = pl.DataFrame(rows, schema={name: types[name] for name in rows})
    return made.with_columns(derived=pl.lit(value=True)).join(first, on="item_id", how="left", maintain_order="left")

"""What changed between two states of a shop."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.shop.schema import PROVENANCE, TABLES
from evenshelf.shop.store import scan_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evenshelf.shop.manifest import Part
    from evenshelf.shop.store import Shop

EXAMPLES = 20
"""So many keys of changed rows are named."""


@dataclass(frozen=True)
class TableDifference:
    """What changed in a table.

    Attributes
    ----------
    before, after
        Rows.
    added, removed
        Rows that only one of the two holds, by their key; without a key, by all that they hold.
    changed
        Rows with a key that both hold, and other values in a column that both have. 0 for tables without a key.
    columns
        By column, in how many of the changed rows it differs.
    examples
        Keys of some changed rows, of some added ones, of some removed ones.
    """

    before: int
    after: int
    added: int
    removed: int
    changed: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """What changed between two states of a shop; only what differs is listed.

    Attributes
    ----------
    revisions
        The two states.
    tables
        By name.
    quarantine
        By reason, how many rows more (or less, if negative) are refused.
    sources
        By name, what became of it: ``"added"``, ``"removed"`` or ``"read again"``.
    """

    revisions: tuple[int, int]
    tables: dict[str, TableDifference]
    quarantine: dict[str, int]
    sources: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the difference, ready for JSON."""
        return asdict(self)


def difference(before: Shop, after: Shop) -> Difference:
    """Compare two states of a shop, or two shops.

    Parameters
    ----------
    before, after
        For an earlier state see the `revision` of :meth:`~evenshelf.shop.store.Shop.open`. Files that both are made of
        are not read.

    Raises
    ------
    InputError
        If a file is missing.
    """
    tables: dict[str, TableDifference] = {}
    for name in [name for name in TABLES if name in {*before.tables, *after.tables} and name != "quarantine"]:
        found = _keyed(before, after, name) if TABLES[name].key else _unkeyed(before, after, name)
        if found is not None:
            tables[name] = found
    reasons = sorted({*before.manifest.quarantine, *after.manifest.quarantine})
    more = {r: after.manifest.quarantine.get(r, 0) - before.manifest.quarantine.get(r, 0) for r in reasons}
    old = {(e.name, e.sha256, e.table): e.settings for e in before.manifest.sources}
    new = {(e.name, e.sha256, e.table): e.settings for e in after.manifest.sources}
    sources = {key[0]: "added" for key in new if key not in old}
    sources |= {key[0]: "removed" for key in old if key not in new}
    sources |= {key[0]: "read again" for key in new if key in old and new[key] != old[key]}
    return Difference(
        (before.manifest.revision, after.manifest.revision),
        tables,
        {reason: count for reason, count in more.items() if count},
        sources,
    )


def _parts(shop: Shop, table: str) -> list[Part]:
    return shop.manifest.tables[table].parts if table in shop.manifest.tables else []


def _own_parts(before: Shop, after: Shop, table: str) -> tuple[list[Part], list[Part]]:
    """Parts of each that the other does not have."""
    old, new = _parts(before, table), _parts(after, table)
    hashes = {part.sha256 for part in old} & {part.sha256 for part in new}
    return [p for p in old if p.sha256 not in hashes], [p for p in new if p.sha256 not in hashes]


def _keyed(before: Shop, after: Shop, table: str) -> TableDifference | None:
    old_parts, new_parts = _own_parts(before, after, table)
    if not old_parts and not new_parts:
        return None
    key = list(TABLES[table].key)
    old = scan_parts(before.path, table, old_parts).collect()
    new = scan_parts(after.path, table, new_parts).collect()
    added, removed = new.join(old, on=key, how="anti"), old.join(new, on=key, how="anti")
    columns = [c for c in new.columns if c in old.columns and c not in {*key, *PROVENANCE} and _comparable(old, new, c)]
    both = new.select(*key, *columns).join(old.select(*key, *columns), on=key, suffix="__before", maintain_order="left")
    differs = both.select(pl.col(c).ne_missing(pl.col(f"{c}__before")).alias(c) for c in columns)
    changed = both.filter(differs.select(pl.any_horizontal(pl.all())).to_series()) if columns else both.clear()
    if not added.height and not removed.height and not changed.height:
        return None
    by_column = {c: int(differs[c].sum()) for c in columns if differs[c].any()}
    examples = {"added": added, "removed": removed, "changed": changed}
    return TableDifference(
        before.rows(table),
        after.rows(table),
        added.height,
        removed.height,
        changed.height,
        dict(sorted(by_column.items(), key=lambda pair: (-pair[1], pair[0]))),
        {what: _names(rows, key) for what, rows in examples.items() if rows.height},
    )


def _comparable(old: pl.DataFrame, new: pl.DataFrame, column: str) -> bool:
    return old.schema[column] == new.schema[column]


def _names(rows: pl.DataFrame, key: list[str]) -> list[str]:
    text = pl.concat_str([pl.col(c).cast(pl.String) for c in key], separator=" ")
    return rows.head(EXAMPLES).select(text=text)["text"].to_list()


def _unkeyed(before: Shop, after: Shop, table: str) -> TableDifference | None:
    old_parts, new_parts = _own_parts(before, after, table)
    if not old_parts and not new_parts:
        return None
    frames = scan_parts(before.path, table, old_parts), scan_parts(after.path, table, new_parts)
    columns = sorted({name for frame in frames for name in frame.collect_schema().names()})
    old = _hashes((scan_parts(before.path, table, [part]) for part in old_parts), columns)
    new = _hashes((scan_parts(after.path, table, [part]) for part in new_parts), columns)
    values, side = np.unique(np.concatenate([old, new]), return_inverse=True)
    less = np.bincount(side[: len(old)], minlength=len(values))
    more = np.bincount(side[len(old) :], minlength=len(values))
    added, removed = int(np.maximum(more - less, 0).sum()), int(np.maximum(less - more, 0).sum())
    if not added and not removed:
        return None
    return TableDifference(before.rows(table), after.rows(table), added, removed)


def _as_text(column: str, dtype: pl.DataType) -> pl.Expr:
    """A column in a form that is the same for equal values of whatever type."""
    if dtype.is_nested():
        return pl.struct(column).struct.json_encode().alias(column)
    return pl.col(column).cast(pl.String)


def _hashes(parts: Iterable[pl.LazyFrame], columns: list[str]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    out = [np.zeros(0, np.uint64)]
    for part in parts:
        there = part.collect_schema()
        text = [_as_text(c, there[c]) if c in there else pl.lit(None, pl.String).alias(c) for c in columns]
        out.append(part.select(text).collect().hash_rows(seed=0).to_numpy())
    return np.concatenate(out)

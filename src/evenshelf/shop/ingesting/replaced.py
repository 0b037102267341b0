"""Rows whose place newer ones have taken: they wait in the quarantine, and come back when nothing has their key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop.ingesting.accounts import move
from evenshelf.shop.ingesting.mapping import KNOWN_NAMES
from evenshelf.shop.ingesting.raw_rows import encoded
from evenshelf.shop.ingesting.refused import as_rows
from evenshelf.shop.schema import MARKS, PROVENANCE, TABLES, empty

if TYPE_CHECKING:
    from evenshelf.shop.ingesting.how import Work
    from evenshelf.shop.store import Writer

REPLACED = "replaced"
"""The reason of such rows; nothing turns it off, as nobody gets it unasked."""

REASON = "a row of a newer file has taken its place"
_AT = "__at"
_MADE_AGAIN = [name for name in MARKS if name != "given_id"]


def check_newer(table: str, off: frozenset[str], writer: Writer) -> None:
    """Raise SettingError if rows of a table cannot be replaced by newer ones."""
    keyed = [name for name in KNOWN_NAMES if TABLES[name].key]
    if not TABLES[table].key:
        raise SettingError(
            f"the {table} of a newer file do not replace older ones: they have no key, and equal ones are known",
            hint=f"It can be said of {', '.join(keyed)}.",
        )
    if "duplicate_item_id" in off:
        raise SettingError(
            "rows of a newer file replace those with the same item_id, so an id has to name one item",
            hint="Leave out --off duplicate_item_id, or --newer.",
        )
    rows = writer.scan(table)
    of_files = pl.col("source_id").is_not_null() if "source_id" in rows.collect_schema() else pl.lit(value=False)
    if rows.filter(~of_files).select(pl.len()).collect(engine="streaming").item():
        raise SettingError(
            f"the {table} of this shop are simulated; no file replaces them", hint="Ingest the file into a new shop."
        )


def take_out(rows: pl.DataFrame, keys: pl.DataFrame, table: str, *, by: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part rows of a table into those that stay, and those of other sources with one of the keys.

    Parameters
    ----------
    rows
        The table, or a part of it.
    keys
        Keys of the newer rows.
    table
        Its name.
    by
        The source that brought the newer rows.

    Returns
    -------
    left
        Those that stay, in their order.
    replaced
        The others, in the columns of the quarantine.
    """
    if "source_id" not in rows.columns:
        return rows, empty("quarantine")
    marked = rows.with_row_index(_AT)
    old = marked.filter(pl.col("source_id") != by).join(keys, on=keys.columns, how="semi", maintain_order="left")
    left = marked.join(old, on=_AT, how="anti", maintain_order="left").drop(_AT) if old.height else rows
    made_again = _MADE_AGAIN if table == "items" else []
    told = old.drop(_AT, *PROVENANCE, *made_again, strict=False)
    return left, old.select(
        *PROVENANCE,
        table=pl.lit(table),
        reason=pl.lit(REPLACED),
        detail=pl.lit(REASON),
        raw=encoded(told),
    )


def replace_rows(table: str, keys: pl.DataFrame, work: Work, *, by: str) -> int:
    """Take the rows of other sources with one of the keys out of a table that is being written; return their number."""
    count = 0

    def change(part: pl.DataFrame) -> pl.DataFrame:
        nonlocal count
        left, out = take_out(part, keys, table, by=by)
        count += out.height
        work.writer.append("quarantine", out)
        move(work.entries.values(), table, out)
        return left

    if keys.height:
        work.writer.rewrite(table, change)
    return count


def back_in_place(chosen: pl.DataFrame, table: str, rows: pl.LazyFrame, work: Work) -> pl.DataFrame:
    """Take rows that were replaced out of the quarantine, as rows of their table.

    Parameters
    ----------
    chosen
        Rows of the quarantine; of several with one key the last counts, the others stay.
    table
        Their table.
    rows
        The table: what types its columns have.
    work
        The shop that is being written.

    Returns
    -------
    polars.DataFrame
        Rows to add to the table.
    """
    back = as_rows(chosen, TABLES[table], rows).with_columns(chosen.select(PROVENANCE))
    last = back.with_row_index(_AT).unique(list(TABLES[table].key), keep="last", maintain_order=True)
    taken = chosen[last[_AT].cast(pl.Int64)]
    name = [*PROVENANCE, "table", "reason"]
    work.writer.rewrite("quarantine", lambda part: part.join(taken, on=name, how="anti", maintain_order="left"))
    move(work.entries.values(), table, taken, back=True)
    return last.drop(_AT)


def orphans(table: str, rows: pl.LazyFrame, work: Work) -> pl.DataFrame:
    """Return rows of the quarantine that were replaced, and whose key no row of the table has any more."""
    waiting = work.writer.scan("quarantine").filter(pl.col("table") == table, pl.col("reason") == REPLACED).collect()
    if not waiting.height:
        return waiting
    key = list(TABLES[table].key)
    keys = as_rows(waiting, TABLES[table], rows).select(key).with_row_index(_AT)
    free = keys.lazy().join(rows.select(key), on=key, how="anti", maintain_order="left").collect()
    return waiting[free[_AT].cast(pl.Int64)]

"""Restored rows that another source had brought as well: they stand for as many of its rows, whatever is restored next.

Such a row is in the shop once, as the other source's; what it said is kept among the restored rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.cleaning.rules import RULES
from evenshelf.shop.cleaning.table_rules import RULES_BY_TABLE
from evenshelf.shop.schema import PROVENANCE, RESTORED

if TYPE_CHECKING:
    from collections.abc import Mapping

_RULES: Mapping[str, list[str]] = {
    "items": [rule.name for rule in RULES],
    **{table: [rule.name for rule in rules] for table, rules in RULES_BY_TABLE.items()},
}


def restored_rows(restored: pl.DataFrame, source_id: str, table: str) -> pl.DataFrame:
    """Return the rows of one source that were taken out of the quarantine and are held against other sources' rows.

    Parameters
    ----------
    restored
        The table of that name.
    source_id, table
        The source, and the table its rows are for.

    Returns
    -------
    polars.DataFrame
        Columns of :data:`~evenshelf.shop.schema.PROVENANCE` and ``raw``: what the row said, if it is a copy.
    """
    raw = pl.col("raw") if "raw" in restored.columns else pl.lit(None, pl.String).alias("raw")
    mine = (pl.col("source_id") == source_id) & pl.col("reason").is_in(_RULES.get(table, []))
    rows = restored.filter(mine).select(*PROVENANCE, raw)
    return rows.sort("raw", nulls_last=True, maintain_order=True).unique(PROVENANCE, keep="first", maintain_order=True)


def with_copies(restored: pl.DataFrame, table: str, copies: pl.DataFrame, *, of: str | None = None) -> pl.DataFrame:
    """Return the restored rows with what is known of copies.

    Parameters
    ----------
    restored
        The table of that name.
    table
        What the copies are for.
    copies
        Columns of :data:`~evenshelf.shop.schema.PROVENANCE` and ``raw``, each row once.
    of
        A source that was read anew: no other rows of it are copies any more. None: they stay what they are.
    """
    if not copies.height and (of is None or "raw" not in restored.columns):
        return restored
    given = pl.col("raw") if "raw" in restored.columns else pl.lit(None, pl.String)
    asked = pl.col("reason").is_in(_RULES.get(table, []))
    anew = asked & (pl.col("source_id") == of) if of is not None else pl.lit(value=False)
    return (
        restored.join(copies.rename({"raw": "__copy"}), on=list(PROVENANCE), how="left", maintain_order="left")
        .with_columns(raw=pl.coalesce(pl.when(asked).then("__copy"), pl.when(~anew).then(given)))
        .select(name for name in RESTORED.names)
    )

"""Write ``schema.md`` from the tables of a shop: ``make docs``."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evenshelf.shop.ingesting.mapping import KNOWN_NAMES
from evenshelf.shop.ingesting.reasons import REASONS, switches
from evenshelf.shop.schema import MARKS, PROVENANCE, SCHEMA_VERSION, TABLES, TIME, Column, TableSchema
from evenshelf.shop.store import KEPT_REVISIONS

PAGE = Path(__file__).with_name("schema.md")
HEAD = """\
# Tables of a shop

<!-- Written by `make docs` from the schema; do not edit. -->

A shop holds up to {count} tables. What is listed here is understood; any further column is kept as it came. The
terminal has the same: `evenshelf shop schema`, `evenshelf shop schema events`.

In files, columns go by many names. *Found as* lists those that are known, in the order in which they are tried; case,
blanks and punctuation do not matter (`Unit Price` is `unitprice`). What is not found by its name is said with
`--map ROLE=COLUMN`, what is the same in all rows with `--set ROLE=VALUE`.
"""
RULES = """\
## Rules

Rows that a rule finds go to the quarantine with its name as the reason, or are marked or mended where it says so.
`--off RULE` does not ask it. Those without a switch say why something is no row at all.

"""
FOOT = """\
## Where a row came from

Rows of files carry {provenance}. Simulated rows, and items that were made from the titles of events, have none.

## On disk

A shop is a folder: `shop.toml`, the manifest, names the parts of every table (`TABLE-HASH.parquet`, named by their
content, never changed), the sources with what became of their rows, and the version of the layout. A change writes new
parts and then renames one file, the manifest, so a reader sees the shop before or after it. `history/` holds the last
{kept} manifests, whose parts are kept: `evenshelf shop diff` compares them, `Shop.open(path, revision=3)` reads one.
See [decision 7](decisions/0007-tables-named-by-content.md).

The layout is version {version}. A shop of version 1, which had one file for each table and only items, is read as it is
and written in the new layout with the next change; one of a newer version is refused.
"""
_TYPES = {
    pl.String: "text",
    pl.Float64: "number",
    pl.Int64: "whole number",
    pl.Boolean: "yes or no",
    TIME: "moment, UTC",
}

_REQUIRED = {
    "items": "is in every row. A file needs titles; rows without an id get one made of their content",
    "events": "is in every row. A file may name items by titles instead; `--set kind=purchase` says what all rows are",
}


def page() -> str:
    """The whole page."""
    parts = [HEAD.format(count=len(TABLES)), *(_section(table) for table in TABLES.values())]
    provenance = ", ".join(f"`{name}`" for name in PROVENANCE)
    foot = FOOT.format(provenance=provenance, version=SCHEMA_VERSION, kept=KEPT_REVISIONS)
    return "\n".join([*parts, _rules(), foot])


def _rules() -> str:
    asked: dict[str, list[str]] = {}
    for table in KNOWN_NAMES:
        for name in switches(table):
            asked.setdefault(name, []).append(table)
    every = len(KNOWN_NAMES)
    meaning = {name: text for table in KNOWN_NAMES for name, text in switches(table).items()}
    lines = ["| rule | of | what it finds | switch |", "|---|---|---|---|"]
    for name, tables in asked.items():
        of = "all tables" if len(tables) == every else ", ".join(tables)
        lines.append(f"| `{name}` | {of} | {meaning[name]} | yes |")
    lines += [f"| `{name}` | all tables | {text} | no |" for name, text in REASONS.items() if name not in asked]
    return RULES + "\n".join(lines) + "\n"


def _section(table: TableSchema) -> str:
    known = KNOWN_NAMES.get(table.name, {})
    own = [column for column in table.columns if column.name not in PROVENANCE or table.name not in KNOWN_NAMES]
    *first, last = (f"`{name}`" for name in table.key or ("",))
    key = f" One row for each {', '.join(first)}{' and ' if first else ''}{last}." if table.key else ""
    lines = [f"## `{table.name}`", "", f"{table.meaning[0].upper()}{table.meaning[1:]}.{key}", ""]
    lines += ["| column | type | what it is | found as |", "|---|---|---|---|"] if known else []
    lines += [] if known else ["| column | type | what it is |", "|---|---|---|"]
    for column in own:
        cells = [f"`{column.name}`" + (" *" if column.required else ""), _TYPES[column.dtype], _meaning(column, table)]
        if known:
            cells.append(", ".join(name for tier in known.get(column.name, ()) for name in tier))
        lines.append("| " + " | ".join(cells) + " |")
    extra = [role for role in known if role not in table.names]
    lines += ["", f"\\* {_REQUIRED.get(table.name, 'has to be there')}."] if any(c.required for c in own) else []
    if extra:
        found = "; ".join(f"`{role}` ({', '.join(n for tier in known[role] for n in tier)})" for role in extra)
        lines += ["", f"Read, and not kept as a column of its own: {found}."]
    return "\n".join([*lines, ""])


def _meaning(column: Column, table: TableSchema) -> str:
    made = ", made by evenshelf" if table.name == "items" and column.name in MARKS else ""
    return f"{column.meaning}{made}".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

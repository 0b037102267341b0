"""Quarantine, differences and schema for the terminal, and for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evenshelf.plurals import counted
from evenshelf.shop.ingesting.reasons import reason_text
from evenshelf.shop.ingesting.replaced import REPLACED
from evenshelf.shop.sources.sql import is_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from evenshelf.shop.reviewing.difference import Difference
    from evenshelf.shop.reviewing.review import Refused, RestoreReport
    from evenshelf.shop.schema import TableSchema

_LONGEST = 160


def quarantine_report(found: Sequence[Refused]) -> RenderableType:
    """Return refused rows: for each reason their number, and the first of them."""
    if not found:
        return Text("The quarantine is empty.")
    parts: list[RenderableType] = []
    for one in found:
        parts.append(Text.assemble((f"{one.rows:,} ", "yellow"), (one.reason, "bold"), f"  {one.meaning}"))
        for row in one.first.iter_rows(named=True):
            what = "row" if is_url(row["source_file"]) else "line"
            place = f"{row['source_file']}, {what} {row['source_line']}"
            parts.append(Padding(Text.assemble((place, "cyan"), f"  {visible(row['detail'])}"), (0, 0, 0, 2)))
            parts.append(Padding(Text(_short(row["raw"]), "bright_black"), (0, 0, 0, 4)))
        if one.rows > one.first.height:
            more = one.rows - one.first.height
            parts.append(Padding(Text(f"… and {more:,} more", "bright_black"), (0, 0, 0, 2)))
        parts.append("")
    parts.append(Text("Take rows back with: evenshelf shop restore SHOP --reason RULE", "bright_black"))
    return Group(*parts)


def quarantine_json(found: Sequence[Refused]) -> dict[str, Any]:
    """Return the same, ready for JSON."""
    return {
        "rows": sum(one.rows for one in found),
        "reasons": {
            one.reason: {
                "rows": one.rows,
                "meaning": one.meaning,
                "can_be_restored": one.can_be_restored,
                "first": one.first.drop("reason").to_dicts(),
            }
            for one in found
        },
    }


def restore_report(report: RestoreReport) -> RenderableType:
    """Return what became of the rows that were to be restored."""
    if not (report.restored or report.refused or report.unreadable):
        return Text("No row is meant.")
    parts: list[RenderableType] = []
    if report.replaced:
        went = counted(report.replaced, "row went", "rows went")
        parts.append(Text(f"{went} into the quarantine in their place", "yellow"))
    refused, staying = dict(report.refused), {}
    if REPLACED in refused:
        staying = {REPLACED: refused.pop(REPLACED)}
    for title, counts, colour in (
        ("Back in their tables", report.restored, "green"),
        ("Refused again, for another reason", refused, "yellow"),
        ("Still in the quarantine: another row with the key has its place", staying, "yellow"),
        ("Cannot be read as rows: mend the file and ingest it", report.unreadable, "yellow"),
    ):
        if counts:
            parts.append(Text(title, "bold"))
            parts.append(
                Padding(
                    _grid([(f"{n:,}", name, reason_text(name)) for name, n in counts.items()], colour), (0, 0, 0, 2)
                )
            )
    return Group(*parts)


def difference_report(found: Difference) -> RenderableType:
    """Return what changed, table by table."""
    before, after = found.revisions
    head = Text(f"Revision {before} → {after}", "bold")
    if not (found.tables or found.quarantine or found.sources):
        return Group(head, Text("Nothing differs."))
    parts: list[RenderableType] = [head, ""]
    for name, table in found.tables.items():
        sums = Text.assemble(
            (name, "bold"), f"  {table.before:,} → {table.after:,} rows: ",
            (f"{table.added:,} added", "green"), ", ", (f"{table.removed:,} removed", "red"),
            *((", ", (f"{table.changed:,} changed", "yellow")) if table.changed else ()),
        )  # fmt: skip
        parts.append(sums)
        if table.columns:
            cells = ", ".join(f"{column} in {count:,}" for column, count in table.columns.items())
            parts.append(Padding(Text(f"changed: {cells}"), (0, 0, 0, 2)))
        for what, keys in table.examples.items():
            shown = ", ".join(keys[:5]) + (", …" if len(keys) > 5 else "")
            parts.append(Padding(Text(f"{what}: {shown}", "bright_black"), (0, 0, 0, 2)))
    if found.quarantine:
        parts += ["", Text("quarantine", "bold")]
        rows = [(f"{n:+,}", name, reason_text(name)) for name, n in found.quarantine.items()]
        parts.append(Padding(_grid(rows, "yellow"), (0, 0, 0, 2)))
    if found.sources:
        parts += ["", Text("sources", "bold")]
        parts += [Padding(Text(f"{name}: {what}"), (0, 0, 0, 2)) for name, what in found.sources.items()]
    return Group(*parts)


def schema_report(tables: Sequence[TableSchema]) -> RenderableType:
    """Return tables and columns with their meaning."""
    parts: list[RenderableType] = []
    for table in tables:
        parts.append(Text.assemble((table.name, "bold"), f"  {table.meaning}"))
        grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for column in table.columns:
            must = "required" if column.required else ""
            key = "key" if column.name in table.key else must
            grid.add_row(Text(column.name, "cyan"), Text(str(column.dtype), "bright_black"), key, column.meaning)
        parts += [Padding(grid, (0, 0, 0, 2)), ""]
    parts.append(Text("Further columns are kept as they come.", "bright_black"))
    return Group(*parts)


def schema_json(tables: Sequence[TableSchema]) -> dict[str, Any]:
    """Return the same, ready for JSON."""
    return {
        table.name: {
            "meaning": table.meaning,
            "key": list(table.key),
            "columns": [
                {"name": c.name, "type": str(c.dtype), "required": c.required, "meaning": c.meaning}
                for c in table.columns
            ],
        }
        for table in tables
    }


def _grid(rows: Sequence[tuple[str, str, str]], colour: str) -> Table:
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for count, name, meaning in rows:
        grid.add_row(Text(count, colour, justify="right"), name, Text(meaning, "bright_black"))
    return grid


def visible(text: str) -> str:
    """Text that cannot steer a terminal: what is no printable character stands as its escape sequence."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _short(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"

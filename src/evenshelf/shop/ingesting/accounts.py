"""What an ingest did, and the sum that must come out: rows in = rows kept + rows quarantined."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.shop.manifest import SourceEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evenshelf.shop.ingesting.how import How
    from evenshelf.shop.store import Writer


@dataclass
class SourceReport:
    """What became of one source.

    Attributes
    ----------
    table
        The table its rows are for.
    status
        ``"new"``, ``"again"`` (read again, because the settings changed) or ``"unchanged"`` (nothing was done).
    rows_in
        Records found, without blank lines. Always ``rows_kept`` plus the sum of ``quarantined``.
    rows_kept
        Rows that are not refused. ``rows_known`` of them another source had brought before: they are in the table once,
        or where a rule over the log has put them since; the others are in the table.
    quarantined
        Rows refused, by reason.
    fixed
        What was repaired, by name: rows of rules that were asked to repair, and ids that lost their ``.0``. The rows
        are among ``rows_kept`` unless a rule refused them.
    items_derived
        Items that were made from titles of events, because the events name no item_id.
    mapping
        Source column by role, and why, as ``{"title": ("productDisplayName", "by its name")}``; of its first file and
        of all that `mappings` does not name.
    mappings
        Source column by role, by file.
    day_order
        Which of day and month came first in its dates; None where they tell it themselves.
    skipped
        Members left out of archives and folders, with the reason.
    notes
        What to look at.
    whole_ids
        Roles whose ids are written as whole fractions, by file.
    """

    name: str
    sha256: str
    status: str
    table: str = "items"
    rows_in: int = 0
    rows_kept: int = 0
    rows_known: int = 0
    blank_lines: int = 0
    literal_quotes: int = 0
    members: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    fixed: dict[str, int] = field(default_factory=dict)
    items_derived: int = 0
    day_order: str | None = None
    mapping: dict[str, tuple[str, str]] = field(default_factory=dict)
    mappings: dict[str, dict[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    whole_ids: dict[str, list[str]] = field(default_factory=dict)

    @property
    def source_id(self) -> str:
        """What its rows are marked with."""
        return self.sha256[:12]

    @property
    def first_roles(self) -> dict[str, str]:
        """Source column by role, in its first file."""
        return {role: column for role, (column, _) in self.mapping.items()}

    def refuse(self, rows: pl.DataFrame) -> None:
        """Count rows of the quarantine."""
        for reason, count in rows["reason"].value_counts(sort=True).iter_rows():
            self.quarantined[reason] = self.quarantined.get(reason, 0) + count

    def entry(self, size: int, settings: str, how: How) -> SourceEntry:
        """Return what the manifest keeps of it."""
        by_count = sorted(self.quarantined.items(), key=lambda pair: (-pair[1], pair[0]))
        return SourceEntry(
            name=self.name,
            table=self.table,
            sha256=self.sha256,
            bytes=size,
            settings=settings,
            rows_in=self.rows_in,
            rows_kept=self.rows_kept,
            rows_known=self.rows_known,
            blank_lines=self.blank_lines,
            quarantined={reason: count for reason, count in by_count if count},
            fixed=self.fixed,
            items_derived=self.items_derived,
            literal_quotes=self.literal_quotes,
            mapping=self.first_roles,
            mappings=self.mappings,
            constants=dict(how.constants),
            off=sorted(how.off),
            time_format=how.time_format,
            zone=how.zone,
            day_order=self.day_order,
            whole_ids=self.whole_ids,
            newer=how.newer,
        )

    @classmethod
    def unchanged(cls, entry: SourceEntry) -> SourceReport:
        """Return the report of a source that is in the shop already."""
        return cls(
            entry.name,
            entry.sha256,
            "unchanged",
            entry.table,
            rows_in=entry.rows_in,
            rows_kept=entry.rows_kept,
            rows_known=entry.rows_known,
            blank_lines=entry.blank_lines,
            literal_quotes=entry.literal_quotes,
            quarantined=entry.quarantined,
            fixed=entry.fixed,
            items_derived=entry.items_derived,
            mapping={role: (column, "as before") for role, column in entry.mapping.items()},
            mappings=entry.mappings,
        )


@dataclass
class IngestReport:
    """What an ingest did.

    Attributes
    ----------
    sources
        One report for each source given, in that order.
    table
        The table that was filled.
    rows
        Rows in it afterwards.
    tables
        Rows in every table afterwards.
    warnings
        Rows of the whole shop that are worth a look, by name; see :data:`evenshelf.shop.cleaning.rules.WARNINGS`.
    changed
        Whether the shop is another one now.
    """

    shop: str
    sources: list[SourceReport]
    table: str
    rows: int
    tables: dict[str, int]
    warnings: dict[str, int]
    changed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the report, ready for JSON."""
        return asdict(self)


def move(entries: Iterable[SourceEntry], table: str, rows: pl.DataFrame, *, back: bool = False) -> None:
    """Account for rows of a table that go into the quarantine, or come back out of it.

    Parameters
    ----------
    entries
        All sources of the shop; are updated.
    table
        The table the rows leave, or come back to.
    rows
        Rows of the quarantine.
    back
        Whether they come back.
    """
    by_id = {entry.sha256[:12]: entry for entry in entries if entry.table == table}
    for source_id, reason, count in rows.group_by("source_id", "reason").len().iter_rows():
        entry = by_id[source_id]
        step = -count if back else count
        entry.rows_kept -= step
        left = entry.quarantined.get(reason, 0) + step
        entry.quarantined = {name: n for name, n in (entry.quarantined | {reason: left}).items() if n}


def check(writer: Writer, entries: Iterable[SourceEntry]) -> None:
    """Hold the shop to its promise, in every table that sources brought rows for.

    Parameters
    ----------
    writer
        The shop as it will be.
    entries
        All its sources.

    Raises
    ------
    RuntimeError
        If a row is lost or counted twice; this would be a mistake of this program.
    """
    entries = list(entries)
    for table in sorted({entry.table for entry in entries}):
        _check_table(writer, entries, table)
    _check_derived(writer, entries)


def _check_derived(writer: Writer, entries: Iterable[SourceEntry]) -> None:
    """Items that were made from the titles of events are as many as their sources account for."""
    items = writer.scan("items")
    made = items.filter(pl.col("derived")) if "derived" in items.collect_schema() else items.clear()
    there = made.select(pl.len()).collect().item()
    counted = sum(entry.items_derived for entry in entries)
    if there != counted:
        raise RuntimeError(f"items: {counted} derived from the titles of events, and {there} there")


def _check_table(writer: Writer, entries: Iterable[SourceEntry], table: str) -> None:
    mine = [entry for entry in entries if entry.table == table]
    for entry in mine:
        if entry.rows_in != entry.rows_kept + sum(entry.quarantined.values()):
            raise RuntimeError(f"{entry.name}: {entry.rows_in} rows came in, but not all are accounted for")
    kept = sum(entry.rows_kept - entry.rows_known for entry in mine)
    # Rows that no source of this table brought: simulated ones, and items made from the titles of events.
    rows = writer.scan(table)
    if table == "items" and "derived" in rows.collect_schema():
        rows = rows.filter(pl.col("derived").is_null())
    if "source_id" not in rows.collect_schema():
        there = 0
    else:
        ids = [entry.sha256[:12] for entry in mine]
        there = rows.filter(pl.col("source_id").is_in(ids)).select(pl.len()).collect(engine="streaming").item()
    refused = writer.scan("quarantine").filter(pl.col("table") == table).select(pl.len()).collect().item()
    counted = sum(sum(entry.quarantined.values()) for entry in mine)
    if kept != there or refused != counted:
        raise RuntimeError(
            f"{table}: {kept} rows kept by the sources and {there} there, {counted} refused and {refused} in quarantine"
        )

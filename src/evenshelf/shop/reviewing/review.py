"""Looking at the quarantine, and taking rows back out of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop.cleaning.event_rules import OVER_LOG
from evenshelf.shop.ingesting.accounts import SourceReport, move
from evenshelf.shop.ingesting.finish import finish
from evenshelf.shop.ingesting.how import How, Work
from evenshelf.shop.ingesting.intake import add_items, refuse_events
from evenshelf.shop.ingesting.item_rows import items_from
from evenshelf.shop.ingesting.known import KnownKeys, KnownRows, same_key
from evenshelf.shop.ingesting.log_rows import ROW, LogRows, ids_by_title, refused_rows
from evenshelf.shop.ingesting.parsing import Times
from evenshelf.shop.ingesting.reasons import READING
from evenshelf.shop.ingesting.refused import Log, as_events, as_read, typed_like
from evenshelf.shop.schema import PROVENANCE, TABLES, empty
from evenshelf.shop.store import Shop, together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.shop.manifest import SourceEntry
    from evenshelf.shop.progress import Progress
    from evenshelf.shop.schema import TableSchema


@dataclass(frozen=True)
class Selection:
    """Which rows of the quarantine are meant; what is not given does not narrow.

    Attributes
    ----------
    reason
        Name of a rule.
    table
        The table they were meant for.
    source
        Name of the file they came from, or of the source it was in.
    lines
        Lines (from 1) they began at.
    """

    reason: str | None = None
    table: str | None = None
    source: str | None = None
    lines: tuple[int, ...] = ()

    def of(self, shop: Shop) -> pl.DataFrame:
        """Return the rows of a shop's quarantine.

        Raises
        ------
        SettingError
            If nothing in the quarantine has such a reason, table or source, with close spellings.
        """
        rows = shop.scan("quarantine")
        ids = [entry.sha256[:12] for entry in shop.manifest.sources if entry.name == self.source]
        for name, value in (("reason", self.reason), ("table", self.table), ("source", self.source)):
            if value is None:
                continue
            column = "source_file" if name == "source" else name
            hit = (pl.col(column) == value) | (pl.col("source_id").is_in(ids) if name == "source" else pl.lit(False))
            if not rows.filter(hit).select(pl.len()).collect().item():
                there = shop.scan("quarantine").select(pl.col(column).unique()).collect()[column].sort().to_list()
                close = get_close_matches(value, there, n=2)
                meant = f" (did you mean {' or '.join(close)}?)" if close else ""
                raise SettingError(
                    f"nothing in the quarantine of {shop.path} has the {name} {value!r}{meant}",
                    hint=f"There is: {', '.join(there[:12])}." if there else "It is empty.",
                )
            rows = rows.filter(hit)
        if self.lines:
            rows = rows.filter(pl.col("source_line").is_in(self.lines))
        return rows.collect()


@dataclass
class RestoreReport:
    """What :func:`restore` did.

    Attributes
    ----------
    restored
        Rows that are back in their tables, by the reason they had been refused for.
    refused
        Rows that another rule refuses, by its name; they stay in quarantine, with that reason.
    unreadable
        Rows that are no rows and cannot be put back, by reason.
    """

    restored: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the report, ready for JSON."""
        return asdict(self)


def restore(
    shop_path: str | Path, selection: Selection, *, now: datetime | None = None, progress: Progress | None = None
) -> RestoreReport:
    """Take rows out of the quarantine, back into their tables.

    The rule that had refused a row is not asked about it again, now or when its source is read again; the other rules
    are. What cannot be read as a row stays: mend the file and ingest it.

    Parameters
    ----------
    shop_path
        Folder of the shop.
    selection
        Which rows.
    now
        Events later than this are refused. None: the clock's time.
    progress
        Told about the work as it goes on.

    Raises
    ------
    InputError
        If there is no shop.
    SettingError
        If the selection names what is not there.
    """
    shop = Shop.open(shop_path)
    chosen = selection.of(shop)
    report = RestoreReport()
    report.unreadable = _counts(chosen.filter(pl.col("reason").is_in(list(READING))))
    chosen = chosen.filter(~pl.col("reason").is_in(list(READING)))
    if not chosen.height:
        return report
    with shop.writing() as writer:
        entries = {(e.sha256, e.table): e.model_copy(deep=True) for e in shop.manifest.sources}
        excused = chosen.select(*PROVENANCE, "reason")
        restored = pl.concat([shop.read("restored"), excused]).unique(maintain_order=True)
        writer.replace("restored", restored)
        gone = chosen.select(*PROVENANCE, "table", "reason")
        writer.rewrite("quarantine", lambda part: part.join(gone, on=gone.columns, how="anti", maintain_order="left"))
        items = shop.items()
        for (table, source_id), rows in chosen.group_by("table", "source_id", maintain_order=True):
            entry = next(e for e in entries.values() if e.table == table and e.sha256[:12] == source_id)
            how = _how(entry, now)
            work = Work(writer, entries, restored, how, progress)
            move([entry], entry.table, rows, back=True)
            before = writer.rows("quarantine")
            if table == "items":
                items = _back_to_items(rows, items, entry, work)
            else:
                derived = _back_to_log(rows, items, entry, work)
                new_items = derived.filter(~pl.col("item_id").is_in(items["item_id"].implode()))
                entry.items_derived += new_items.height
                items = together([items, new_items])
            move([entry], entry.table, writer.scan("quarantine").slice(before).collect())
        # The marks of items are made as the items were read last.
        off = next((e.off for e in reversed(entries.values()) if e.table == "items"), [])
        for table in chosen["table"].unique(maintain_order=True):
            finish(Work(writer, entries, restored, _how_of(table, now, off), progress), items)
        key = [*PROVENANCE, "table"]
        still = writer.scan("quarantine").join(chosen.lazy().select(key), on=key, how="semi").collect()
    report.restored = _counts(chosen.join(still, on=key, how="anti"))
    report.refused = _counts(still)
    return report


def _counts(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows["reason"].value_counts(sort=True).iter_rows())


def _how_of(table: str, now: datetime | None, off: Sequence[str]) -> How:
    return How(table, {}, {}, frozenset(off), frozenset(), (), now or datetime.now(UTC))


def _how(entry: SourceEntry, now: datetime | None) -> How:
    return How(
        table=entry.table,
        mapping=entry.mapping,
        constants=entry.constants,
        off=frozenset(entry.off),
        fix=frozenset(),
        exclude=(),
        now=now or datetime.now(UTC),
        time_format=entry.time_format,
        zone=entry.zone,
    )


def _back_to_items(rows: pl.DataFrame, items: pl.DataFrame, entry: SourceEntry, work: Work) -> pl.DataFrame:
    twice = pl.col("reason") == "duplicate_item_id"
    times = Times(entry.time_format, entry.zone, entry.day_order)
    for (file, unique), mine in rows.group_by("source_file", twice.alias("unique"), maintain_order=True):
        records = as_read(mine)
        roles = {role: column for role, column in entry.mapping.items() if column in records.frame.columns}
        frame = items_from(
            records, roles, str(file), entry.sha256[:12], Counter(), times=times, constants=entry.constants
        )
        report = SourceReport(entry.name, entry.sha256, "again")
        kept, refused = add_items(frame, items, report, work, unique=bool(unique))
        entry.rows_known += report.rows_known
        items = together([items, typed_like(kept, items)])
        if refused.height:
            work.writer.append("quarantine", refused)
    return items


def _known(schema: TableSchema, source_id: str, work: Work) -> KnownRows | KnownKeys:
    """What the table has; rows that a source repeats are no copies, unless another source brought them as well."""
    if schema.key:
        return KnownKeys(schema, work.writer.portions(schema.name))
    rows = Log(work.writer, but=source_id)
    return KnownRows(schema, rows, names=lambda: work.writer.scan(schema.name).collect_schema().names())


def _back_to_log(rows: pl.DataFrame, items: pl.DataFrame, entry: SourceEntry, work: Work) -> pl.DataFrame:
    """Put rows back into their table; returns the items that only they name."""
    schema = TABLES[entry.table]
    source_id = entry.sha256[:12]
    derived: list[pl.DataFrame] = []
    known = _known(schema, source_id, work)
    canonical = rows.filter(pl.col("reason").is_in(OVER_LOG))
    for (file,), mine in rows.filter(~pl.col("reason").is_in(OVER_LOG)).group_by("source_file", maintain_order=True):
        records = as_read(mine)
        maker = LogRows(schema, Times(entry.time_format, entry.zone, entry.day_order), entry.constants, source_id)
        if entry.table == "events" and "item_id" not in entry.mapping:
            maker.named = ids_by_title(items)
        roles = {role: column for role, column in entry.mapping.items() if column in records.frame.columns}
        made, out = maker.make(records, roles, str(file))
        if entry.table == "events":
            made, bad = refuse_events(made, work)
            out = pl.concat([out, bad])
        if isinstance(known, KnownRows):
            there = known.find(made)
        else:
            there, clash = known.find(made)
            again = made.filter(clash).select(ROW, reason=pl.lit("duplicate_key"), detail=pl.lit(same_key(schema)))
            out = pl.concat([out, again])
            made, there = made.filter(~clash), there[~clash]
        entry.rows_known += int(there.sum())
        made = made.filter(~there)
        if maker.derived:
            derived.append(maker.items().filter(pl.col("item_id").is_in(made["item_id"].implode())))
        made = typed_like(made.drop(ROW), work.writer.scan(entry.table))
        if made.height:
            work.writer.append(entry.table, made)
        if out.height:
            work.writer.append("quarantine", refused_rows(records, out, entry.table, source_id, str(file)))
    if canonical.height:
        events = as_events(canonical, work.writer.scan("events"))
        assert isinstance(known, KnownRows)
        there = known.find(events)
        entry.rows_known += int(there.sum())
        work.writer.append(entry.table, events.filter(~there))
    return pl.concat([empty("items").select("item_id", "title"), *derived], how="diagonal").unique(
        "item_id", keep="first", maintain_order=True
    )

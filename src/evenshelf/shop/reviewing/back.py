"""Rows that rules had refused while their source was read, as rows of their tables once more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.frames import together
from evenshelf.shop.ingesting.accounts import SourceReport, move
from evenshelf.shop.ingesting.intake import add_items, refuse_typed
from evenshelf.shop.ingesting.item_rows import items_from
from evenshelf.shop.ingesting.known import KnownRows
from evenshelf.shop.ingesting.known_keys import KnownKeys, same_key
from evenshelf.shop.ingesting.log_rows import ROW, LogRows, ids_by_title, refused_rows
from evenshelf.shop.ingesting.parsing import Times
from evenshelf.shop.ingesting.refused import Log, as_read, typed_like
from evenshelf.shop.ingesting.replaced import replace_rows, take_out
from evenshelf.shop.schema import PROVENANCE, TABLES, empty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenshelf.shop.ingesting.how import Work
    from evenshelf.shop.manifest import SourceEntry
    from evenshelf.shop.sources.records import Records
    from evenshelf.shop.store import Writer

_BY_CONTENT = r"^([0-9a-f]{16})(?:-\d+)?$"


def back_to_items(
    rows: pl.DataFrame, items: pl.DataFrame, earlier: pl.DataFrame, entry: SourceEntry, work: Work
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put rows of the quarantine back among the items.

    Parameters
    ----------
    rows
        Rows of the quarantine, of one source.
    items
        The items as they are.
    earlier
        Rows of the source that were found to be copies of those of other sources before: PROVENANCE and ``raw``.
    entry
        The source.
    work
        The shop that is being written; what another rule refuses is added to its quarantine.

    Returns
    -------
    items
        With what came back.
    known
        Where the rows came from that the shop has from another source: the columns of PROVENANCE.
    """
    times = Times(entry.time_format, entry.zone, entry.day_order)
    source_id = entry.sha256[:12]
    seen = _seen(items, source_id)

    def made(mine: pl.DataFrame) -> Iterator[pl.DataFrame]:
        for file, records in _by_file(mine):
            yield items_from(
                records,
                _roles(entry, file, records),
                file,
                source_id,
                seen,
                times=times,
                constants=entry.constants,
                whole_ids=entry.whole_ids.get(file, ()),
            )

    before = together([*made(earlier)]) if earlier.height else None
    known: list[pl.DataFrame] = []
    for (twice,), mine in rows.group_by(pl.col("reason") == "duplicate_item_id", maintain_order=True):
        report = SourceReport(entry.name, entry.sha256, "again")
        frame = together([*made(mine)])
        kept, refused, there = add_items(frame, items, report, work, unique=bool(twice), earlier=before)
        if entry.newer:
            items, out = take_out(items, kept.select("item_id"), "items", by=source_id)
            work.writer.append("quarantine", out)
            move(work.entries.values(), "items", out)
        items = together([items, typed_like(kept, items)])
        known.append(there.select(PROVENANCE))
        work.writer.append("quarantine", refused)
    return items, pl.concat(known)


def _seen(items: pl.DataFrame, source_id: str) -> Counter[str]:
    """How many items of a source have an id that was made of the same content."""
    if "source_id" not in items.columns:
        return Counter()
    mine = items.filter(pl.col("source_id") == source_id)["item_id"].str.extract(_BY_CONTENT)
    return Counter(mine.drop_nulls().to_list())


def back_to_events(
    rows: pl.DataFrame, items: pl.DataFrame, earlier: pl.DataFrame, entry: SourceEntry, work: Work
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put rows of the quarantine back among the events.

    Parameters
    ----------
    rows, items, earlier, entry, work
        As of :func:`back_to_items`.

    Returns
    -------
    derived
        The items that only they name.
    known
        As of :func:`back_to_items`.
    """
    schema, writer = TABLES["events"], work.writer
    source_id = entry.sha256[:12]
    # Rows that a source repeats are no copies, unless another source brought them as well.
    there = KnownRows(schema, Log(writer, but=source_id), lambda: writer.scan("events").collect_schema().names())
    named = {} if entry.have("item_id") else ids_by_title(items)

    def made(file: str, records: Records) -> tuple[LogRows, pl.DataFrame, pl.DataFrame]:
        times = Times(entry.time_format, entry.zone, entry.day_order)
        maker = LogRows(schema, times, entry.constants, source_id, named)
        return maker, *maker.make(records, _roles(entry, file, records), file, entry.whole_ids.get(file, ()))

    for file, records in _by_file(earlier):
        there.find(made(file, records)[1])
    derived: list[pl.DataFrame] = []
    known: list[pl.DataFrame] = []
    for file, records in _by_file(rows):
        maker, events, out = made(file, records)
        events, bad = refuse_typed(events, "events", work)
        out = pl.concat([out, bad])
        copies = there.find(events)
        known.append(events.filter(copies).select(PROVENANCE))
        events = events.filter(~copies)
        derived.append(maker.items().filter(pl.col("item_id").is_in(events["item_id"].implode())))
        events = typed_like(events.drop(ROW), writer.scan("events"))
        if events.height:
            writer.append("events", events)
        writer.append("quarantine", refused_rows(records, out, "events", source_id, file))
    items_made = pl.concat([empty("items").select("item_id", "title"), *derived], how="diagonal")
    return items_made.unique("item_id", keep="first", maintain_order=True), pl.concat(known)


class Keyed:
    """A table in which each key stands once, and to which rows of several sources come back.

    Parameters
    ----------
    table
        Its name.
    writer
        The shop that is being written.
    """

    def __init__(self, table: str, writer: Writer) -> None:
        self.schema = TABLES[table]
        self.types = writer.scan(table).collect_schema()
        self.keys = KnownKeys(self.schema, writer.portions(table))


def back_to_table(
    rows: pl.DataFrame, earlier: pl.DataFrame, entry: SourceEntry, work: Work, keyed: Keyed
) -> pl.DataFrame:
    """Put rows of the quarantine back into a table in which each key stands once.

    Parameters
    ----------
    rows, earlier, entry, work
        As of :func:`back_to_items`.
    keyed
        The table.

    Returns
    -------
    polars.DataFrame
        As `known` of :func:`back_to_items`.
    """
    schema, source_id = keyed.schema, entry.sha256[:12]

    def made(file: str, records: Records) -> tuple[pl.DataFrame, pl.DataFrame]:
        times = Times(entry.time_format, entry.zone, entry.day_order)
        maker = LogRows(schema, times, entry.constants, source_id)
        return maker.make(records, _roles(entry, file, records), file, entry.whole_ids.get(file, ()))

    for file, records in _by_file(earlier):
        keyed.keys.find(made(file, records)[0])
    known = [earlier.clear().select(PROVENANCE)]
    for file, records in _by_file(rows):
        frame, out = made(file, records)
        frame, bad = refuse_typed(frame, schema.name, work)
        found = keyed.keys.find(frame, newer=entry.newer)
        again = frame.filter(found.clash).select(ROW, reason=pl.lit("duplicate_key"), detail=pl.lit(same_key(schema)))
        known.append(frame.filter(found.known).select(PROVENANCE))
        replace_rows(schema.name, frame.filter(found.newer).select(schema.key), work, by=source_id)
        frame = typed_like(frame.filter(~(found.known | found.clash)).drop(ROW), keyed.types)
        if frame.height:
            work.writer.append(schema.name, frame)
        out = pl.concat([out, bad, again])
        work.writer.append("quarantine", refused_rows(records, out, schema.name, source_id, file))
    return pl.concat(known)


def _by_file(rows: pl.DataFrame) -> Iterator[tuple[str, Records]]:
    for (file,), mine in rows.group_by("source_file", maintain_order=True):
        yield str(file), as_read(mine)


def _roles(entry: SourceEntry, file: str, records: Records) -> dict[str, str]:
    # A block of JSON may lack a column that later ones have.
    return {role: column for role, column in entry.roles_of(file).items() if column in records.frame.columns}

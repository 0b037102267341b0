"""Looking at the quarantine, and taking rows back out of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import SettingError, near
from evenshelf.shop.cleaning.event_rules import OVER_LOG
from evenshelf.shop.frames import together
from evenshelf.shop.ingesting.accounts import move
from evenshelf.shop.ingesting.copies import restored_rows, with_copies
from evenshelf.shop.ingesting.finish import finish
from evenshelf.shop.ingesting.how import How, Work
from evenshelf.shop.ingesting.reasons import READING, reason_text
from evenshelf.shop.ingesting.refused import as_events
from evenshelf.shop.ingesting.replaced import REPLACED, back_in_place, replace_rows, take_out
from evenshelf.shop.reviewing.back import Keyed, back_to_events, back_to_items, back_to_table
from evenshelf.shop.schema import PROVENANCE, TABLES
from evenshelf.shop.store import Shop

if TYPE_CHECKING:
    from evenshelf.shop.manifest import SourceEntry
    from evenshelf.shop.progress import Progress


@dataclass(frozen=True)
class Selection:
    """Which rows of the quarantine are meant; what is not given does not narrow.

    Attributes
    ----------
    reason
        Name of a rule, or of several.
    table
        The table they were meant for, or several.
    source
        Name of the file they came from, or of the source it was in; or several.
    lines
        Lines (from 1) they began at.
    """

    reason: str | tuple[str, ...] = ()
    table: str | tuple[str, ...] = ()
    source: str | tuple[str, ...] = ()
    lines: tuple[int, ...] = ()

    def of(self, shop: Shop) -> pl.DataFrame:
        """Return the rows of a shop's quarantine; see :meth:`scan`."""
        return self.scan(shop).collect()

    def scan(self, shop: Shop) -> pl.LazyFrame:
        """Return the rows of a shop's quarantine, lazily.

        Raises
        ------
        SettingError
            If nothing in the quarantine has such a reason, table or source, with close spellings.
        """
        rows = shop.scan("quarantine")
        for name, given in (("reason", self.reason), ("table", self.table), ("source", self.source)):
            column = "source_file" if name == "source" else name
            hits = pl.lit(value=False)
            for value in (given,) if isinstance(given, str) else given:
                ids = [entry.sha256[:12] for entry in shop.manifest.sources if entry.name == value]
                hit = pl.col(column) == value
                if name == "source":
                    hit |= pl.col("source_id").is_in(ids)
                if not rows.filter(hit).select(pl.len()).collect().item():
                    there = shop.scan("quarantine").select(pl.col(column).unique()).collect()[column].sort().to_list()
                    raise SettingError(
                        f"nothing in the quarantine of {shop.path} has the {name} {value!r}{near(value, there)}",
                        hint=f"There is: {', '.join(there[:12])}." if there else "It is empty.",
                    )
                hits |= hit
            if given:
                rows = rows.filter(hits)
        if self.lines:
            rows = rows.filter(pl.col("source_line").is_in(self.lines))
        return rows


@dataclass(frozen=True)
class Refused:
    """Rows of the quarantine that one rule refused.

    Attributes
    ----------
    reason, meaning
        Name of the rule, and what is wrong with such rows.
    rows
        How many there are.
    first
        The first of them, in the columns of the quarantine.
    """

    reason: str
    meaning: str
    rows: int
    first: pl.DataFrame

    @property
    def can_be_restored(self) -> bool:
        """Whether they are rows at all."""
        return self.reason not in READING


def refused(shop: Shop, selection: Selection, limit: int) -> list[Refused]:
    """Return rows of the quarantine by reason, most frequent reasons first; of each only the first are read.

    Parameters
    ----------
    shop
        The shop.
    selection
        Which rows.
    limit
        How many rows of each reason are wanted, >= 0.

    Raises
    ------
    SettingError
        If the selection names what is not there.
    """
    rows = selection.scan(shop)
    counts = rows.group_by("reason").len().collect(engine="streaming").sort("len", "reason", descending=[True, False])
    return [
        Refused(reason, reason_text(reason), count, rows.filter(pl.col("reason") == reason).head(limit).collect())
        for reason, count in counts.iter_rows()
    ]


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
    replaced
        Rows that went into the quarantine because older ones came back in their place.
    """

    restored: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)
    replaced: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the report, ready for JSON."""
        return asdict(self)


def restore(
    shop_path: str | Path, selection: Selection, *, now: datetime | None = None, progress: Progress | None = None
) -> RestoreReport:
    """Take rows out of the quarantine, back into their tables.

    The rule that had refused a row is not asked about it again, now or when its source is read again; the other rules
    are. What cannot be read as a row stays: mend the file and ingest it. Rows that several sources hold are restored as
    often as the one holds them that has most of them, whether they are asked for at once or one by one. A row that a
    newer one has replaced changes places with it; of several with one key the last one does, the others stay. A row of
    a source that was read as a newer one takes the place of the row that has its key.

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
    when = now or datetime.now(UTC)
    is_replaced = pl.col("reason") == REPLACED
    with shop.writing() as writer:
        entries = {(e.sha256, e.table): e.model_copy(deep=True) for e in shop.manifest.sources}
        # That a newer row has replaced one is no judgement that could be wrong: it may be replaced again.
        swapped, chosen_others = chosen.filter(is_replaced), chosen.filter(~is_replaced)
        before, excused = shop.read("restored"), chosen_others.select(*PROVENANCE, "reason")
        restored = pl.concat([before, excused], how="diagonal").unique([*PROVENANCE, "reason"], maintain_order=True)
        gone = chosen_others.select(*PROVENANCE, "table", "reason")
        writer.rewrite("quarantine", lambda part: part.join(gone, on=gone.columns, how="anti", maintain_order="left"))
        items = shop.items()
        keyed: dict[str, Keyed] = {}
        for (name,), rows in swapped.group_by("table", maintain_order=True):
            items = _swap(rows, str(name), items, Work(writer, entries, before, How(str(name), when), progress))
        # What rules over the log took out was held against all other rows when it came, and copies were left out.
        over_log = chosen_others.filter(pl.col("reason").is_in(OVER_LOG))
        if over_log.height:
            move(entries.values(), "events", over_log, back=True)
            writer.append("events", as_events(over_log, writer.scan("events")))
        others = chosen_others.filter(~pl.col("reason").is_in(OVER_LOG))
        for (table, source_id), rows in others.group_by("table", "source_id", maintain_order=True):
            entry = next(e for e in entries.values() if e.table == table and e.sha256[:12] == source_id)
            work = Work(writer, entries, restored, _how(entry, when), progress)
            move([entry], entry.table, rows, back=True)
            refused = writer.rows("quarantine")
            earlier = restored_rows(before, entry.sha256[:12], table).drop_nulls("raw")
            if table == "items":
                items, known = back_to_items(rows, items, earlier, entry, work)
            elif TABLES[entry.table].key:
                if entry.table not in keyed:
                    keyed[entry.table] = Keyed(entry.table, writer)
                known = back_to_table(rows, earlier, entry, work, keyed[entry.table])
            else:
                derived, known = back_to_events(rows, items, earlier, entry, work)
                new_items = derived.filter(~pl.col("item_id").is_in(items["item_id"].implode()))
                entry.items_derived += new_items.height
                items = together([items, new_items])
            entry.rows_known += known.height
            entry.restored_known |= known.height > 0
            copies = rows.join(known, on=list(PROVENANCE), how="semi").select(*PROVENANCE, "raw")
            restored = with_copies(restored, table, copies)
            if writer.rows("quarantine") > refused:
                again = writer.scan("quarantine").slice(refused).filter(pl.col("source_id") == source_id)
                move([entry], entry.table, again.collect())
        writer.replace("restored", restored)
        finish(Work(writer, entries, restored, How(chosen["table"][0], when), progress), items)
        key = [*PROVENANCE, "table"]
        still = writer.scan("quarantine").join(chosen.lazy().select(key), on=key, how="semi").collect()
        waiting = writer.scan("quarantine").filter(is_replaced).join(chosen.lazy().select(key), on=key, how="anti")
        waited = shop.scan("quarantine").filter(is_replaced).select(key)
        report.replaced = waiting.join(waited, on=key, how="anti").select(pl.len()).collect().item()
    report.restored = _counts(chosen.join(still, on=key, how="anti"))
    report.refused = _counts(still)
    return report


def _swap(chosen: pl.DataFrame, table: str, items: pl.DataFrame, work: Work) -> pl.DataFrame:
    """Let rows that newer ones have replaced change places with them; returns the items."""
    in_memory = table == "items"
    back = back_in_place(chosen, table, items.lazy() if in_memory else work.writer.scan(table), work)
    keys = back.select(TABLES[table].key)
    if not in_memory:
        replace_rows(table, keys, work, by="")
        work.writer.append(table, back)
        return items
    left, out = take_out(items, keys, table, by="")
    work.writer.append("quarantine", out)
    move(work.entries.values(), table, out)
    whole: pl.DataFrame = together([left, back])
    return whole


def _counts(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows["reason"].value_counts(sort=True).iter_rows())


def _how(entry: SourceEntry, now: datetime) -> How:
    return How(
        table=entry.table,
        constants=entry.constants,
        off=frozenset(entry.off),
        now=now,
        time_format=entry.time_format,
        zone=entry.zone,
        newer=entry.newer,
    )

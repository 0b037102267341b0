"""Files and databases into a shop: read, map columns, apply rules, commit - and account for every row."""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop.frames import together
from evenshelf.shop.ingesting.accounts import IngestReport, SourceReport
from evenshelf.shop.ingesting.derived_sessions import settle_gap
from evenshelf.shop.ingesting.finish import finish
from evenshelf.shop.ingesting.how import How, Work
from evenshelf.shop.ingesting.intake import take_items, take_log
from evenshelf.shop.ingesting.known import KnownRows
from evenshelf.shop.ingesting.known_keys import KnownKeys
from evenshelf.shop.ingesting.log_rows import check_constants
from evenshelf.shop.ingesting.mapping import KNOWN_NAMES
from evenshelf.shop.ingesting.parsing import Times
from evenshelf.shop.ingesting.reasons import check_switches
from evenshelf.shop.ingesting.refused import Log
from evenshelf.shop.ingesting.replaced import REPLACED, back_in_place, check_newer, orphans
from evenshelf.shop.ingesting.title_items import count_derived, named_items
from evenshelf.shop.manifest import MANIFEST
from evenshelf.shop.schema import TABLES
from evenshelf.shop.sources.listing import Source, opened
from evenshelf.shop.sources.sql import is_url
from evenshelf.shop.store import Shop

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Mapping, Sequence

    from evenshelf.shop.manifest import SourceEntry
    from evenshelf.shop.progress import Progress
    from evenshelf.shop.store import Writer


_LONGEST_GAP = 525_600


def ingest(
    shop_path: str | Path,
    sources: Sequence[str | Path],
    *,
    table: str = "items",
    mapping: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    encoding: str = "utf-8",
    time_format: str | None = None,
    timezone: str = "UTC",
    session_gap: float | None = None,
    query: str | None = None,
    off: Collection[str] = (),
    fix: Collection[str] = (),
    exclude: Sequence[str] = (),
    newer: bool = False,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Add rows to a table of a shop; make the shop if there is none.

    Each record of each source ends up in the table or in the quarantine, with its reason. A source that is in the
    shop already (same bytes, same settings) is not read again; with other settings its rows are replaced. Of a source
    that holds rows which the table has from another one, such as a log that grew, just the new rows are added. Either
    all sources are added or, on any error, none.

    Parameters
    ----------
    shop_path
        Folder of the shop.
    sources
        Files (CSV, TSV, JSON lines, JSON, Parquet), archives of them (.gz, .xz, .bz2, .zip, .tar.*), folders, globs, or
        addresses of databases (``sqlite:///shop.db``, ``postgresql://user@host/db``).
    table
        ``"items"``, ``"events"``, ``"queries"``, ``"judgements"``, ``"prices"``, ``"stock"`` or ``"users"``; see
        :data:`evenshelf.shop.schema.TABLES` for their columns.
    mapping
        Source column by role (``{"title": "productDisplayName"}``); what is not given is found by name.
    constants
        Value by role for all rows (``{"kind": "purchase"}``).
    columns, delimiter, header, encoding
        How to read delimited files; see :func:`evenshelf.shop.sources.read.read_batches`.
    time_format, timezone
        How to read times that do not say it themselves; see :class:`evenshelf.shop.ingesting.parsing.Times`.
    session_gap
        For events without session_id: a pause of so many minutes begins another session of a user; 0 makes what a user
        does at one moment a session, as for the lines of an order. It holds for all events from files with the same
        columns, so that a session may go on in another file. None: as for these, or sessions are not derived. Those of
        unknown users end where their file ends.
    query
        For databases: name of a table, or a SELECT.
    off
        Names of rules not to apply.
    fix
        Names of rules whose rows are repaired instead of refused (``swapped_columns``).
    exclude
        Glob patterns of members of archives and folders to leave out.
    newer
        Whether a row takes the place of the one that another source brought with the same key, such as an item with the
        same id; that one goes to the quarantine. Otherwise it is itself refused. Rows that a newer file lacks stay.
    now
        Events later than this are refused. None: the clock's time.
    progress
        Told about the work as it goes on.

    Raises
    ------
    InputError
        If a source cannot be read.
    SettingError
        If columns, mapping or rules do not fit; of columns, all files that do not are named.
    """
    if table not in KNOWN_NAMES:
        raise SettingError(f"rows cannot be added to a table {table!r}", hint=f"Tables: {', '.join(KNOWN_NAMES)}.")
    check_switches(table, off, fix)
    if session_gap is not None and not 0 <= session_gap <= _LONGEST_GAP:
        raise SettingError(f"the pause between sessions is 0 to {_LONGEST_GAP:,} minutes, not {session_gap}")
    Times(time_format, timezone)
    constants = check_constants(table, constants or {})
    settings = _settings(
        {
            "mapping": dict(sorted((mapping or {}).items())),
            "columns": columns and list(columns),
            "delimiter": delimiter,
            "header": header,
            "encoding": encoding,
            "off": sorted(set(off)),
            "fix": sorted(set(fix)),
            "exclude": sorted(set(exclude)),
        },
        constants=dict(sorted(constants.items())) or None,
        time_format=time_format,
        timezone=None if timezone == "UTC" else timezone,
        newer=newer or None,
    )
    how = How(
        table=table,
        mapping=mapping or {},
        constants=constants,
        off=frozenset(off),
        fix=frozenset(fix),
        exclude=tuple(exclude),
        newer=newer,
        now=now or datetime.now(UTC),
        time_format=time_format,
        zone=timezone,
        session_gap=session_gap,
        reading={"columns": columns, "delimiter": delimiter, "header": header, "encoding": encoding},
    )
    path = Path(shop_path)
    shop = Shop.open(path) if (path / MANIFEST).exists() else Shop.new(path)
    try:
        with shop.writing() as writer, contextlib.ExitStack() as held:
            if newer:
                check_newer(table, how.off, writer)
            found = [one for text in sources for one in _held(held, opened(text, path, query=query, progress=progress))]
            run = _Run(writer, shop, how, settings, progress)
            run.begin(found)
            for source in found:
                run.add(source)
            run.finish()
    except BaseException:
        if not (path / MANIFEST).exists():
            with contextlib.suppress(OSError):
                (path / ".lock").unlink()
                path.rmdir()
        raise
    entries = shop.manifest.tables
    return IngestReport(
        str(shop_path),
        run.reports,
        table,
        shop.rows(table),
        {name: entry.rows for name, entry in entries.items()},
        dict(shop.manifest.warnings),
        run.changed,
    )


def _settings(values: dict[str, Any], **later: Any) -> str:
    """A stamp of the settings; those that came later count only if they are set, so that old stamps stay true."""
    values |= {key: value for key, value in later.items() if value is not None}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _held(stack: contextlib.ExitStack, sources: Iterator[Source]) -> Iterator[Source]:
    """The sources; what one of them keeps until the next is asked for is kept until the stack is left."""
    for source in sources:
        yield source
        if is_url(source.name):  # it is the only one
            stack.callback(cast("Generator[Source]", sources).close)
            return


def _unfit(problems: Sequence[SettingError]) -> SettingError:
    """One error for all files whose columns do not fit, or that cannot be understood."""
    hints = list(dict.fromkeys(error.hint for error in problems if error.hint is not None))
    told = "\n".join(error.message for error in problems)
    if len(problems) > 1:
        told = f"{len(problems)} files cannot be read as they are:\n{told}"
    return SettingError(
        f"{told}\nNo file was read into the shop.",
        hint=" ".join([*hints, "Or leave the file out; in a folder or archive with --exclude NAME."]),
    )


class _Run:
    """One call of :func:`ingest`."""

    def __init__(self, writer: Writer, shop: Shop, how: How, stamp: str, progress: Progress | None) -> None:
        entries = [entry.model_copy(deep=True) for entry in shop.manifest.sources]
        by_source = {(entry.sha256, entry.table): entry for entry in entries}
        self._work = Work(writer, by_source, shop.read("restored"), how, progress)
        self._shop, self._stamp = shop, stamp
        self._items: pl.DataFrame | None = None
        self._other_items = "items" not in shop.tables
        self._known: KnownRows | KnownKeys | None = None
        self._again: dict[tuple[str, str], SourceEntry] = {}
        self.reports: list[SourceReport] = []
        self.changed = not shop.tables

    def begin(self, sources: Sequence[Source]) -> None:
        """Take out what came from those of the sources that are to be read in another way than before."""
        work, table = self._work, self._work.how.table
        keys = dict.fromkeys((source.sha256, table) for source in sources)
        again = [key for key in keys if key in work.entries and work.entries[key].settings != self._stamp]
        if not again:
            return
        again = self._with_later(again, list(keys))
        self._again = {key: work.entries.pop(key) for key in again}
        self._forget([sha256[:12] for sha256, _ in again])
        if TABLES[table].key:
            self._bring_back()

    def add(self, source: Source) -> None:
        """Take one source in, unless it is there already."""
        work, how = self._work, self._work.how
        key = (source.sha256, how.table)
        before = work.entries.get(key)
        if before is not None:
            report = SourceReport.unchanged(before)
            if how.session_gap not in {None, before.session_gap} and how.table == "events":
                others = [entry for entry in work.entries.values() if entry is not before]
                report.notes += settle_gap(before, others, how.session_gap)
                self.changed = True
            if how.newer and (older := before.quarantined.get(REPLACED)):
                report.notes.append(
                    f"it was read before, and {older:,} of its rows were replaced since: to take them back, "
                    f"evenshelf shop restore SHOP --reason {REPLACED} --source {before.name}"
                )
            self.reports.append(report)
            return
        report = SourceReport(source.name, source.sha256, "again" if key in self._again else "new", how.table)
        if how.table == "items":
            self._items, refused = take_items(source.path, self.items, report, work)
            self._other_items = True
            work.writer.append("quarantine", refused)
        else:
            if self._known is None:
                self._known = self._what_is_known()
            derived = take_log(source.path, self.items, self._known, report, work)
            if isinstance(self._known, KnownRows):
                self._known.accept()
            new = derived.filter(~pl.col("item_id").is_in(self.items["item_id"].implode()))
            if new.height:
                self._items = together([self.items, new])
                self._other_items = True
            report.items_derived = count_derived(self.items, report.source_id)
        twice = sum(report.quarantined.get(reason, 0) for reason in ("duplicate_item_id", "duplicate_key"))
        if how.newer and report.members > 1 and twice:
            report.notes.append(
                "the files of a folder or archive are one source, of which the first row with a key counts: to let "
                "later files replace earlier ones, name each, or a pattern such as 'folder/*.csv', the newest last"
            )
        entry = report.entry(source.bytes, self._stamp, how)
        if how.table == "events":
            before = self._again.pop(key, None)
            others = [*self._again.values(), *work.entries.values()]
            report.notes += settle_gap(entry, others, how.session_gap, before)
        work.entries[key] = entry
        self.reports.append(report)
        self.changed = True

    @property
    def items(self) -> pl.DataFrame:
        """The items as they are so far."""
        if self._items is None:
            self._items = self._shop.items()
        return self._items

    def _bring_back(self) -> None:
        """Put back what rows that are gone now had replaced."""
        work, table = self._work, self._work.how.table
        rows = self.items.lazy() if table == "items" else work.writer.scan(table)
        waiting = orphans(table, rows, work)
        if not waiting.height:
            return
        back = back_in_place(waiting, table, rows, work)
        if table == "items":
            self._items, self._other_items = together([self.items, back]), True
        else:
            work.writer.append(table, back)

    def _forget(self, source_ids: list[str]) -> None:
        """Take out what came from sources that are read again."""
        writer, table = self._work.writer, self._work.how.table
        others = ~pl.col("source_id").is_in(source_ids).fill_null(value=False)
        if table != "items":
            writer.rewrite(table, lambda part: part.filter(others) if "source_id" in part.columns else part)
        writer.rewrite("quarantine", lambda part: part.filter(others | (pl.col("table") != table)))
        gone = pl.lit(False)
        if "source_id" in self.items.columns:
            derived = pl.col("derived").fill_null(value=False) if "derived" in self.items.columns else pl.lit(False)
            if table == "items":
                gone = ~others & ~derived
            elif table == "events":  # an item that another source names stays, be its events in quarantine
                gone = ~others & derived & ~pl.col("item_id").is_in(list(named_items(self._work)))
            left = self.items.filter(~gone)
            self._other_items |= left.height < self.items.height
            self._items = left

    def _with_later(self, again: list[tuple[str, str]], named: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Add sources that must be read again with some, as they left out rows of them or came after: all or none."""
        places = {key: place for place, key in enumerate(self._work.entries)}
        first = min(places[key] for key in again)
        resting = [
            key
            for key, entry in self._work.entries.items()
            if entry.table == self._work.how.table
            and (
                (entry.rows_known and (places[key] > first or entry.restored_known))
                # What came after a source that is to be read as a newer one would be taken for older than it.
                or (self._work.how.newer and places[key] > first)
            )
        ]
        later = [self._work.entries[key].name for key in resting if key not in named]
        names = ", ".join(self._work.entries[key].name for key in again)
        if later and self._work.how.newer:
            raise SettingError(
                f"{names} cannot be read again as newer than {', '.join(later)}, which came after",
                hint=f"Name {', '.join(later)} in the same command, the newest last.",
            )
        if later:
            raise SettingError(
                f"{names} cannot be read in another way: rows of {', '.join(later)} were left out, as they were "
                "there already, perhaps from it",
                hint=f"Name {', '.join(later)} in the same command, or make a new shop of all these sources.",
            )
        return [key for key in named if key in again or key in resting]

    def _what_is_known(self) -> KnownRows | KnownKeys:
        how = self._work.how
        schema = TABLES[how.table]
        writer = self._work.writer
        if schema.key:
            return KnownKeys(schema, writer.portions(schema.name))
        return KnownRows(schema, Log(writer), lambda: writer.scan(schema.name).collect_schema().names())

    def finish(self) -> None:
        """Apply the rules that need whole tables, count, and hold the sum against what came in."""
        if self._work.unfit:
            raise _unfit(self._work.unfit)
        if not self.changed:
            return
        if self._work.restored.height:
            self._work.writer.replace("restored", self._work.restored)
        self._known = None  # eight bytes a row, which nobody asks for any more
        # Comparing the titles of all items takes long; events that name items by their ids change none.
        finish(self._work, self.items if self._other_items else None)
        for report in self.reports:
            entry = self._work.entries[report.sha256, report.table]
            report.rows_kept, report.quarantined = entry.rows_kept, dict(entry.quarantined)
            report.items_derived = entry.items_derived

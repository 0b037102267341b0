"""Rows of one source into a table that is being written: read, map, type, apply rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.cleaning import rules
from evenshelf.shop.cleaning.event_rules import ROW_RULES, EventContext, refuse_rows
from evenshelf.shop.ingesting.accounts import move
from evenshelf.shop.ingesting.copies import restored_rows, with_copies
from evenshelf.shop.ingesting.item_rows import RAW, items_from
from evenshelf.shop.ingesting.known import KnownKeys, KnownRows, same_key
from evenshelf.shop.ingesting.known_items import equal_rows, numbered, of_others
from evenshelf.shop.ingesting.log_rows import ROW, LogRows, ids_by_title, raw_text, refused_rows
from evenshelf.shop.ingesting.mapping import resolve
from evenshelf.shop.ingesting.parsing import Times
from evenshelf.shop.ingesting.replaced import REPLACED, replace_rows, take_out
from evenshelf.shop.ingesting.whole_ids import FRACTIONAL_IDS, WholeIds
from evenshelf.shop.schema import PROVENANCE, TABLES, empty
from evenshelf.shop.sources.archives import members
from evenshelf.shop.sources.read import read_batches
from evenshelf.shop.sources.sql import is_url
from evenshelf.shop.store import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from evenshelf.shop.ingesting.accounts import SourceReport
    from evenshelf.shop.ingesting.how import Work
    from evenshelf.shop.sources.records import Records


_EXCUSED = "__excused"
_BECAME_RETURNS = "purchases of negative pieces became returns"


@dataclass(frozen=True)
class Batch:
    """Records of one file, with what is known of its columns.

    Attributes
    ----------
    file
        Its name.
    place
        The same for messages, with the source that it is in.
    roles
        Its columns by role.
    records
        What was read.
    whole_ids
        Roles whose ids are written as whole fractions.
    """

    file: str
    place: str
    roles: Mapping[str, str]
    records: Records
    whole_ids: frozenset[str]


class Reader:
    """Reads all members of one source, batch by batch, and counts."""

    def __init__(self, source: Path, report: SourceReport, work: Work) -> None:
        self._source, self._report, self._how, self._progress = source, report, work.how, work.progress
        self._unfit = work.unfit
        self._whole_ids = WholeIds(source, work.how)
        self._read_any = False

    def batches(self, refused: list[pl.DataFrame]) -> Iterator[Batch]:
        """Yield what is read; what is no record is added to `refused`."""
        report = self._report
        for member in members(self._source, self._how.exclude):
            if member.skipped is not None:
                report.skipped[member.name] = member.skipped
                continue
            report.members += 1
            if member.repeats is not None:
                report.notes.append(
                    f"it holds {member.repeats} more than once, this one is called {member.name} here: to read only "
                    "the last, as unpacking does, unpack it and give the folder"
                )
            with member.open() as stream:
                yield from self._member(member.name, stream, refused)
        if report.members == 0:
            raise InputError(
                f"{report.name} holds no file of rows"
                + "".join(f"; {name}: {why}" for name, why in list(report.skipped.items())[:5]),
                hint="Give each file an ending that tells what it is, such as .csv, or .csv.gz if it is packed."
                if any("ending" in why for why in report.skipped.values())
                else None,
            )

    def _member(self, member: str, stream: Any, refused: list[pl.DataFrame]) -> Iterator[Batch]:
        report = self._report
        # What a database answered lies in a file whose name tells nobody anything.
        name = report.name if is_url(report.name) else member
        place = report.name if name in report.name else f"{report.name}: {name}"
        rows = bad = undecodable = 0
        first_bad = ""
        seen: dict[str, pl.DataType] = {}
        settled: dict[str, tuple[str, str]] = {}
        for records in read_batches(member, stream, **self._how.reading):
            report.rows_in += records.rows_in
            report.blank_lines += records.blank
            report.literal_quotes += records.literal_quotes
            rows += records.frame.height
            bad += len(records.rejected)
            undecodable += sum(one.reason == "undecodable" for one in records.rejected)
            if self._progress is not None:
                self._progress(f"reading {report.name}", report.rows_in, None)
            if records.rejected:
                first_bad = first_bad or records.rejected[0].detail
                refused.append(self._rejected(name, records))
                report.refuse(refused[-1])
            if not records.frame.height and (bad or not records.frame.width):
                continue
            # A block of JSON may lack a column that others have.
            there = records.frame.columns
            missing = [pl.lit(None, dtype).alias(column) for column, dtype in seen.items() if column not in there]
            records.frame = records.frame.with_columns(missing)
            seen = dict(records.frame.schema)
            known = {role: column for role, (column, _) in settled.items()}
            try:
                found = resolve(
                    records.frame.columns,
                    {**known, **self._how.mapping},  # a column plays one role in all of a file
                    file=place,
                    table=self._how.table,
                    constants=self._how.constants,
                )
            except SettingError as error:
                self._unfit[place] = error
            if self._unfit:
                return
            if not records.frame.height:  # only a header, which should fit as well
                continue
            settled |= {role: (c, found.why[role]) for role, c in found.roles.items() if role not in settled}
            report.notes += [note for note in found.notes if note not in report.notes]
            columns = {role: records.frame[column] for role, column in found.roles.items()}
            whole = self._whole_ids.of(member, columns)
            self._tell_whole(name, whole, found.roles, columns)
            yield Batch(name, place, found.roles, records, whole)
        if rows:
            self._note_roles(name, settled)
        if not rows and not bad:
            report.notes.append(f"{name} holds no rows")
        if bad and not rows:
            report.notes.append(
                f"no line of {name} is a row ({first_bad}): look at it, or leave it out with --exclude {name}"
            )
        if 2 * undecodable > rows + bad:
            report.notes.append(f"most lines of {name} cannot be decoded: try --encoding gb18030")

    def _note_roles(self, name: str, settled: Mapping[str, tuple[str, str]]) -> None:
        """Keep which columns play which roles in a file, where that differs from the first one."""
        report = self._report
        if not self._read_any:
            self._read_any = True
            report.mapping = dict(settled)
            return
        roles = {role: column for role, (column, _) in settled.items()}
        first = report.first_roles
        if roles == first:
            return
        if not report.mappings:
            other = [f"{role} is {column!r}" for role, column in roles.items() if first.get(role) != column]
            other += [f"there is no {role}" for role in first if role not in roles]
            report.notes.append(f"not all files have the same columns; in {name} {', '.join(other)}")
        report.mappings[name] = roles

    def _tell_whole(
        self, name: str, whole: frozenset[str], roles: Mapping[str, str], columns: Mapping[str, pl.Series]
    ) -> None:
        report = self._report
        if whole:
            report.whole_ids[name] = sorted(whole)
        for role in sorted(whole):
            if columns[role].dtype != pl.String:  # a number has no .0
                continue
            count = report.fixed.get(FRACTIONAL_IDS, 0)
            report.fixed[FRACTIONAL_IDS] = count + int((columns[role].str.strip_chars() != "").sum())
            note = f"{roles[role]!r} holds whole numbers written as fractions, as in 14156.0: the .0 was left out"
            note = f"{note}; --off {FRACTIONAL_IDS} keeps it"
            if note not in report.notes:
                report.notes.append(note)

    def _rejected(self, name: str, records: Records) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "source_id": self._report.source_id,
                "source_file": name,
                "source_line": [bad.line for bad in records.rejected],
                "table": self._how.table,
                "reason": [bad.reason for bad in records.rejected],
                "detail": [bad.detail for bad in records.rejected],
                "raw": [bad.raw for bad in records.rejected],
            },
            schema=empty("quarantine").schema,
        )


def take_items(
    source: Path, items: pl.DataFrame, report: SourceReport, work: Work
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read items: all there are then, and rows for the quarantine."""
    refused: list[pl.DataFrame] = []
    seen: Counter[str] = Counter()
    times = Times(work.how.time_format, work.how.zone)
    frames: list[pl.DataFrame] = []
    for batch in Reader(source, report, work).batches(refused):
        with work.told(batch.place):
            frames.append(
                items_from(
                    batch.records,
                    batch.roles,
                    batch.file,
                    report.source_id,
                    seen,
                    times=times,
                    constants=work.how.constants,
                    whole_ids=batch.whole_ids,
                )
            )
    frame = together(frames) if frames else items_from(None, {}, "", "", seen, times=times, constants={})
    report.day_order = times.order
    if frames and any("item_id" not in roles for roles in [report.first_roles, *report.mappings.values()]):
        report.notes.append("no column holds an item_id: ids are derived from the content of each row")
    kept, found, known = add_items(frame, items, report, work)
    report.refuse(found)
    back = restored_rows(work.restored, report.source_id, "items")
    copies = known.join(back, on=list(PROVENANCE), how="semi").select(*PROVENANCE, raw=RAW)
    work.restored = with_copies(work.restored, "items", copies, of=report.source_id)
    replaced = empty("quarantine")
    if work.how.newer:
        items, replaced = take_out(items, kept.select("item_id"), "items", by=report.source_id)
        move(work.entries.values(), "items", replaced)
        _tell_replaced(replaced.height, report)
    return together([items, kept]), pl.concat([empty("quarantine"), *refused, found, replaced])


def _tell_replaced(count: int, report: SourceReport) -> None:
    if count:
        report.notes.append(
            f"{count:,} of its rows took the place of older ones, which wait in the quarantine as {REPLACED!r}"
        )


def add_items(
    frame: pl.DataFrame,
    items: pl.DataFrame,
    report: SourceReport,
    work: Work,
    *,
    unique: bool = False,
    earlier: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Apply the rules for items.

    Parameters
    ----------
    frame
        Rows of one source, as made by :func:`~evenshelf.shop.ingesting.item_rows.items_from`.
    items
        Those that are in the shop.
    report
        Of the source; is updated.
    work
        Rules that are off, and rows that they must leave alone.
    unique
        Whether ids that are taken get a number instead of being refused.
    earlier
        Rows of the source that were found among `items` before, and use up as many of them.

    Returns
    -------
    added
        The rows to add, in the columns of the items.
    refused
        Those refused, in the columns of the quarantine.
    known
        Those that the shop has from another source.
    """
    how, restored = work.how, work.restored
    refused: list[pl.DataFrame] = []
    known = equal_rows(frame, of_others(items, report.source_id), earlier, numbered_only=unique)
    there = frame.filter(known)
    report.rows_known = there.height
    frame = frame.filter(~known)
    renumbers = "duplicate_item_id" in how.off or unique
    for rule in rules.RULES:
        if rule.name in how.off or (unique and rule.name == "duplicate_item_id"):
            continue
        hits, free = rule.find(frame), excused(frame, restored, rule.name)
        if rule.name == "duplicate_item_id":
            if not how.newer:
                hits = hits | frame["item_id"].is_in(items["item_id"].implode())
            elif "derived" in items.columns:  # what is made of titles has no row that a newer one could replace
                made = items.filter(pl.col("derived"))
                hits = hits | frame["item_id"].is_in(made["item_id"].implode())
            renumbers = bool((hits & free).any())
        hits = hits & ~free
        count = int(hits.sum())
        if not count:
            continue
        if rule.name in how.fix and rule.repair is not None:
            frame = rule.repair(frame, hits)
            report.fixed[rule.name] = count
            continue
        refused.append(
            frame.filter(hits).select(
                *PROVENANCE,
                table=pl.lit("items"),
                reason=pl.lit(rule.name),
                detail=pl.lit(rule.reason),
                raw=RAW,
            )
        )
        frame = frame.filter(~hits)
    if renumbers:
        taken = set(items["item_id"]) - (set(frame["item_id"]) if how.newer else set())
        frame = numbered(frame, taken)
    frame = frame.with_columns(pl.col("title").fill_null("")).drop(RAW, rules.BREADCRUMB, rules.CODE, strict=False)
    report.rows_kept = frame.height + report.rows_known
    return frame, pl.concat([empty("quarantine"), *refused]), there


def excused(frame: pl.DataFrame, restored: pl.DataFrame, reason: str) -> pl.Series:
    """Mark rows that a person took out of the quarantine, to which a rule had sent them."""
    mine = restored.filter(pl.col("reason") == reason)
    if not mine.height:
        return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    marked = frame.select(PROVENANCE).join(
        mine.select(*PROVENANCE, hit=pl.lit(value=True)), on=list(PROVENANCE), how="left", maintain_order="left"
    )
    return marked["hit"].fill_null(value=False)


def take_log(
    source: Path, items: pl.DataFrame, known: KnownRows | KnownKeys, report: SourceReport, work: Work
) -> pl.DataFrame:
    """Read rows of any other table into it, batch by batch; returns the items that only events name."""
    how, writer = work.how, work.writer
    table = how.table
    times = Times(how.time_format, how.zone)
    maker = LogRows(TABLES[table], times, how.constants, report.source_id)
    by_title = False
    refused: list[pl.DataFrame] = []
    sold: set[str] = set()
    back = restored_rows(work.restored, report.source_id, table)
    copies = [back.clear()]
    for batch in Reader(source, report, work).batches(refused):
        if table == "events" and "item_id" not in {*batch.roles, *how.constants} and not by_title:
            maker.named, by_title = ids_by_title(items), True
        with work.told(batch.place):
            rows, out = maker.make(batch.records, batch.roles, batch.file, batch.whole_ids)
        if work.unfit:
            continue
        if table == "events":
            rows, bad = refuse_events(rows, work)
            out = pl.concat([out, bad])
        if isinstance(known, KnownRows):
            there = known.find(rows)
        else:
            there, clash = known.find(rows)
            again = rows.filter(clash).select(
                ROW,
                reason=pl.lit("duplicate_key"),
                detail=pl.lit(same_key(TABLES[table])),
            )
            out = pl.concat([out, again])
            rows, there = rows.filter(~clash), there[~clash]
        report.rows_known += int(there.sum())
        report.rows_kept += rows.height
        if back.height:
            again = rows.filter(there).join(back, on=list(PROVENANCE), how="semi", maintain_order="left")
            copies.append(again.select(*PROVENANCE, raw=raw_text(batch.records, again[ROW])))
        rows = rows.filter(~there).drop(ROW)
        if maker.derived:
            sold.update(rows["item_id"].unique())
        if rows.height:
            writer.append(table, rows)
        if out.height:
            refused.append(refused_rows(batch.records, out, table, report.source_id, batch.file))
            report.refuse(refused[-1])
        for frame in refused:
            writer.append("quarantine", frame)
        refused.clear()
    for frame in refused:
        writer.append("quarantine", frame)
    if isinstance(known, KnownKeys) and known.replaced:
        _tell_replaced(replace_rows(table, pl.concat(known.replaced), work, by=report.source_id), report)
    work.restored = with_copies(work.restored, table, pl.concat(copies), of=report.source_id)
    report.day_order = times.order
    if maker.returns:
        became = "purchase of negative pieces became a return" if maker.returns == 1 else _BECAME_RETURNS
        report.notes.append(f"{maker.returns:,} {became}")
    if by_title:
        report.notes.append("no column holds an item_id: items are named by their titles, case and punctuation aside")
    # Of lines such as "wet boxes", with pieces below zero and no price, no item is made.
    return maker.items().filter(pl.col("item_id").is_in(sold))


def refuse_events(rows: pl.DataFrame, work: Work) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events that no rule over single rows refuses, and those that one does: ROW, reason and detail."""
    names = {rule.name for rule in ROW_RULES}
    groups = [(rows, work.how.off & names)]
    mine = work.restored.filter(pl.col("reason").is_in(names)).group_by(PROVENANCE).agg(pl.col("reason").sort())
    if mine.height:
        marked = rows.join(mine.rename({"reason": _EXCUSED}), on=list(PROVENANCE), how="left", maintain_order="left")
        # Each row is asked all rules but those that a person said are wrong about it.
        groups = [
            (group.drop(_EXCUSED), (work.how.off & names) | set(reasons or ()))
            for (reasons,), group in marked.group_by(_EXCUSED, maintain_order=True)
        ]
    context = EventContext(now=work.how.now)
    out = pl.concat(
        [
            pl.DataFrame(schema={ROW: rows.schema[ROW], "reason": pl.String, "detail": pl.String}),
            *(refuse_rows(group, context, off=off).select(group[ROW], "reason", "detail") for group, off in groups),
        ]
    ).filter(pl.col("reason").is_not_null())
    return rows.join(out, on=ROW, how="anti", maintain_order="left"), out.sort(ROW)

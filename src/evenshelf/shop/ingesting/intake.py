"""Rows of one source into a table that is being written: read, map, type, apply rules."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop.cleaning import rules
from evenshelf.shop.cleaning.event_rules import ROW_RULES, EventContext, refuse_rows
from evenshelf.shop.ingesting.item_rows import RAW, items_from
from evenshelf.shop.ingesting.known import KnownKeys, KnownRows, same_key
from evenshelf.shop.ingesting.log_rows import ROW, LogRows, ids_by_title, refused_rows
from evenshelf.shop.ingesting.mapping import resolve
from evenshelf.shop.ingesting.parsing import Times
from evenshelf.shop.schema import PROVENANCE, TABLES, empty
from evenshelf.shop.sources.archives import members
from evenshelf.shop.sources.read import read_batches
from evenshelf.shop.store import together

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evenshelf.shop.ingesting.accounts import SourceReport
    from evenshelf.shop.ingesting.how import How, Work
    from evenshelf.shop.ingesting.mapping import Roles
    from evenshelf.shop.progress import Progress
    from evenshelf.shop.sources.records import Records


_EXCUSED = "__excused"
_BECAME_RETURNS = "purchases of negative pieces became returns"


class Reader:
    """Reads all members of one source, batch by batch, and counts."""

    def __init__(self, report: SourceReport, how: How, progress: Progress | None) -> None:
        self._report, self._how, self._progress = report, how, progress

    def batches(self, source: Path, refused: list[pl.DataFrame]) -> Iterator[tuple[str, Roles, Records]]:
        """Yield file, roles and records; what is no record is added to `refused`."""
        report = self._report
        for member in members(source, self._how.exclude):
            if member.skipped is not None:
                report.skipped[member.name] = member.skipped
                continue
            report.members += 1
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

    def _member(self, name: str, stream: Any, refused: list[pl.DataFrame]) -> Iterator[tuple[str, Roles, Records]]:
        report = self._report
        place = report.name if name in report.name else f"{report.name}: {name}"
        rows = bad = undecodable = 0
        first_bad = ""
        seen: dict[str, pl.DataType] = {}
        for records in read_batches(name, stream, **self._how.reading):
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
            if not records.frame.height:
                continue
            # A block of JSON may lack a column that others have.
            there = records.frame.columns
            missing = [pl.lit(None, dtype).alias(column) for column, dtype in seen.items() if column not in there]
            records.frame = records.frame.with_columns(missing)
            seen = dict(records.frame.schema)
            roles = resolve(
                records.frame.columns,
                self._how.mapping,
                file=place,
                table=self._how.table,
                constants=self._how.constants,
            )
            report.mapping |= {role: (column, roles.why[role]) for role, column in roles.roles.items()}
            report.notes += [note for note in roles.notes if note not in report.notes]
            yield name, roles, records
        if not rows and not bad:
            report.notes.append(f"{name} holds no rows")
        if bad and not rows:
            report.notes.append(
                f"no line of {name} is a row ({first_bad}): look at it, or leave it out with --exclude {name}"
            )
        if 2 * undecodable > rows + bad:
            report.notes.append(f"most lines of {name} cannot be decoded: try --encoding gb18030")

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
    """Read items: the rows to add to `items`, and rows for the quarantine."""
    frames: list[pl.DataFrame] = []
    refused: list[pl.DataFrame] = []
    seen: Counter[str] = Counter()
    times = Times(work.how.time_format, work.how.zone)
    for name, roles, records in Reader(report, work.how, work.progress).batches(source, refused):
        frames.append(
            items_from(records, roles.roles, name, report.source_id, seen, times=times, constants=work.how.constants)
        )
    frame = together(frames) if frames else items_from(None, {}, "", "", seen, times=times, constants={})
    report.day_order = times.order
    if frames and "item_id" not in report.mapping:
        report.notes.append("no column holds an item_id: ids are derived from the content of each row")
    kept, found = add_items(frame, items, report, work)
    report.refuse(found)
    return kept, pl.concat([empty("quarantine"), *refused, found])


def add_items(
    frame: pl.DataFrame, items: pl.DataFrame, report: SourceReport, work: Work, *, unique: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
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

    Returns
    -------
    The rows to add, in the columns of the items, and those refused, in the columns of the quarantine.
    """
    how, restored = work.how, work.restored
    refused: list[pl.DataFrame] = []
    # A row that is to get an id of its own is never the one that the shop holds.
    there = frame["item_id"].is_in(items["item_id"].implode()) & (not unique)
    known = there & _equal_rows(frame, items) if there.any() else there
    report.rows_known = int(known.sum())
    frame = frame.filter(~known)
    for rule in rules.RULES:
        if rule.name in how.off or (unique and rule.name == "duplicate_item_id"):
            continue
        hits = rule.find(frame)
        if rule.name == "duplicate_item_id":
            hits = hits | frame["item_id"].is_in(items["item_id"].implode())
        else:
            hits = hits & ~excused(frame, restored, rule.name)
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
    if "duplicate_item_id" in how.off or unique:
        frame = frame.with_columns(item_id=_made_unique(frame["item_id"], set(items["item_id"].to_list())))
    frame = frame.with_columns(pl.col("title").fill_null("")).drop(RAW, rules.BREADCRUMB, rules.CODE, strict=False)
    report.rows_kept = frame.height + report.rows_known
    return frame, pl.concat([empty("quarantine"), *refused])


def excused(frame: pl.DataFrame, restored: pl.DataFrame, reason: str) -> pl.Series:
    """Mark rows that a person took out of the quarantine, to which a rule had sent them."""
    mine = restored.filter(pl.col("reason") == reason)
    if not mine.height:
        return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    marked = frame.select(PROVENANCE).join(
        mine.select(*PROVENANCE, hit=pl.lit(value=True)), on=list(PROVENANCE), how="left", maintain_order="left"
    )
    return marked["hit"].fill_null(value=False)


def _equal_rows(frame: pl.DataFrame, items: pl.DataFrame) -> pl.Series:
    """Mark rows that the items hold with the same id and the same content."""
    hidden = {*PROVENANCE, RAW, rules.BREADCRUMB, rules.CODE}
    columns = [name for name in frame.columns if name not in hidden]
    if any(name not in items.columns for name in columns):
        return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    texts = [pl.col(name).cast(pl.String) if not frame.schema[name].is_nested() else pl.col(name) for name in columns]
    mine = frame.select(texts)
    theirs = items.select(pl.col(name).cast(mine.schema[name], strict=False) for name in columns)
    same = mine.with_row_index("__at").join(theirs.unique(), on=columns, how="semi", nulls_equal=True)
    out = np.zeros(frame.height, np.bool_)
    out[same["__at"].to_numpy()] = True
    return pl.Series(out) & mine["item_id"].is_first_distinct()


def _made_unique(ids: pl.Series, taken: set[str]) -> pl.Series:
    out: list[str] = []
    for item_id in ids.to_list():
        name, again = item_id, 2
        while name in taken:
            name, again = f"{item_id}#{again}", again + 1
        taken.add(name)
        out.append(name)
    return pl.Series("item_id", out, dtype=pl.String)


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
    for name, roles, records in Reader(report, work.how, work.progress).batches(source, refused):
        if table == "events" and "item_id" not in roles.roles and not by_title:
            maker.named, by_title = ids_by_title(items), True
        rows, out = maker.make(records, roles.roles, name)
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
        rows = rows.filter(~there).drop(ROW)
        if maker.derived:
            sold.update(rows["item_id"].unique())
        if rows.height:
            writer.append(table, rows)
        if out.height:
            refused.append(refused_rows(records, out, table, report.source_id, name))
            report.refuse(refused[-1])
        for frame in refused:
            writer.append("quarantine", frame)
        refused.clear()
    for frame in refused:
        writer.append("quarantine", frame)
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

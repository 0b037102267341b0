"""Rows of one source into a table that is being written: read, map, type, apply rules."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.cleaning import rules
from evenshelf.shop.cleaning.event_rules import EventContext, refuse_rows
from evenshelf.shop.cleaning.table_rules import RULES_BY_TABLE
from evenshelf.shop.frames import together
from evenshelf.shop.ingesting.accounts import move
from evenshelf.shop.ingesting.copies import restored_rows, with_copies
from evenshelf.shop.ingesting.item_rows import RAW, items_from
from evenshelf.shop.ingesting.known import KnownRows
from evenshelf.shop.ingesting.known_items import equal_rows, numbered, of_others
from evenshelf.shop.ingesting.known_keys import KnownKeys, same_key
from evenshelf.shop.ingesting.log_rows import ROW, LogRows, ids_by_title, raw_text, refused_rows
from evenshelf.shop.ingesting.parsing import Times
from evenshelf.shop.ingesting.reading import Reader
from evenshelf.shop.ingesting.replaced import REPLACED, replace_rows, take_out
from evenshelf.shop.schema import PROVENANCE, TABLES, empty

if TYPE_CHECKING:
    from pathlib import Path

    from evenshelf.shop.ingesting.accounts import SourceReport
    from evenshelf.shop.ingesting.how import How, Work


_EXCUSED = "__excused"
_AT = "__at"
_BECAME_RETURNS = "purchases of negative pieces became returns"


def take_items(
    source: Path, items: pl.DataFrame, report: SourceReport, work: Work
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read items: all there are then, and rows for the quarantine."""
    refused: list[pl.DataFrame] = []
    seen: Counter[str] = Counter()
    times = Times(work.how.time_format, work.how.zone)
    frames: list[pl.DataFrame] = []
    for batch in Reader(source, report, work).batches(refused):
        with work.told():
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
        newer = ", so no row is the newer form of another" if work.how.newer else ""
        report.notes.append(f"no column holds an item_id: ids are derived from the content of each row{newer}")
    kept, found, known = add_items(frame, items, report, work)
    report.refuse(found)
    back = restored_rows(work.restored, report.source_id, "items")
    known = known.select(*PROVENANCE, raw=RAW)
    copies = known.join(back, on=list(PROVENANCE), how="semi")
    work.restored = with_copies(work.restored, "items", copies, of=report.source_id)
    # Of equal rows, those that another source's rows stand for use them up, before those that are refused come back.
    same = known.join(found.select("raw", "reason").unique(maintain_order=True), on="raw", maintain_order="left")
    work.restored = pl.concat([work.restored, same], how="diagonal").unique(
        [*PROVENANCE, "reason"], keep="last", maintain_order=True
    )
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
    known = equal_rows(frame, of_others(items, report.source_id), earlier, newer=how.newer)
    frame = frame.with_row_index(_AT)
    there = frame.filter(known)
    frame = frame.filter(~known)
    renumbers = "duplicate_item_id" in how.off or unique
    for rule in rules.RULES:
        if rule.name in how.off or (unique and rule.name == "duplicate_item_id"):
            continue
        hits, free = rule.find(frame), excused(frame, restored, rule.name)
        if rule.name == "duplicate_item_id":
            if how.newer:
                there, late = _first_counts(there, frame.filter(~free))
                refused.append(_refused(late, rule))
            taken = _taken(items, how, report.source_id)
            if how.newer:
                taken = pl.concat([taken, there["item_id"]])
            hits = hits | frame["item_id"].is_in(taken.implode())
            renumbers = bool((hits & free).any())
        hits = hits & ~free
        count = int(hits.sum())
        if not count:
            continue
        if rule.name in how.fix and rule.repair is not None:
            frame = rule.repair(frame, hits)
            report.fixed[rule.name] = count
            continue
        refused.append(_refused(frame.filter(hits), rule))
        frame = frame.filter(~hits)
    if renumbers:
        frame = numbered(
            frame, {*(items["item_id"] if unique else _taken(items, how, report.source_id)), *there["item_id"]}
        )
    hidden = (_AT, RAW, rules.BREADCRUMB, rules.CODE)
    frame = frame.with_columns(pl.col("title").fill_null("")).drop(hidden, strict=False)
    report.rows_known = there.height
    report.rows_kept = frame.height + report.rows_known
    return frame, pl.concat([empty("quarantine"), *refused]), there


def _refused(rows: pl.DataFrame, rule: rules.Rule) -> pl.DataFrame:
    return rows.select(
        *PROVENANCE, table=pl.lit("items"), reason=pl.lit(rule.name), detail=pl.lit(rule.reason), raw=RAW
    )


def _first_counts(known: pl.DataFrame, new: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part rows that the shop has by whether a new one of the same source with the same id stands before them."""
    first = new.group_by("item_id").agg(first=pl.col(_AT).min())
    marked = known.join(first, on="item_id", how="left", maintain_order="left")
    late = (marked["first"] < marked[_AT]).fill_null(value=False)
    return known.filter(~late), known.filter(late)


def _taken(items: pl.DataFrame, how: How, source_id: str) -> pl.Series:
    """Ids that no other item can have; newer rows take those of other sources, unless these are made of titles."""
    if not how.newer:
        return items["item_id"]
    made = pl.col("derived").fill_null(value=False) if "derived" in items.columns else pl.lit(value=False)
    own = pl.col("source_id").eq_missing(source_id) if "source_id" in items.columns else pl.lit(value=False)
    return items.filter(made | own)["item_id"]


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
    replacing: list[pl.DataFrame] = []
    for batch in Reader(source, report, work).batches(refused):
        if table == "events" and "item_id" not in {*batch.roles, *how.constants} and not by_title:
            maker.named, by_title = ids_by_title(items), True
        with work.told():
            rows, out = maker.make(batch.records, batch.roles, batch.file, batch.whole_ids)
        if work.unfit:
            continue
        rows, bad = refuse_typed(rows, table, work)
        out = pl.concat([out, bad])
        if isinstance(known, KnownRows):
            there = known.find(rows)
        else:
            there, clash, newer = known.find(rows, newer=how.newer)
            replacing.append(rows.filter(newer).select(TABLES[table].key))
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
    if replacing:
        _tell_replaced(replace_rows(table, pl.concat(replacing), work, by=report.source_id), report)
    work.restored = with_copies(work.restored, table, pl.concat(copies), of=report.source_id)
    report.day_order = times.order
    if maker.returns:
        became = "purchase of negative pieces became a return" if maker.returns == 1 else _BECAME_RETURNS
        report.notes.append(f"{maker.returns:,} {became}")
    if by_title:
        report.notes.append("no column holds an item_id: items are named by their titles, case and punctuation aside")
    # Of lines such as "wet boxes", with pieces below zero and no price, no item is made.
    return maker.items().filter(pl.col("item_id").is_in(sold))


def refuse_typed(rows: pl.DataFrame, table: str, work: Work) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of a table that no rule over single rows refuses, and those that one does: ROW, reason and detail."""
    names = {rule.name for rule in RULES_BY_TABLE.get(table, ())}
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
            *(
                refuse_rows(group, context, off=off, table=table).select(group[ROW], "reason", "detail")
                for group, off in groups
            ),
        ]
    ).filter(pl.col("reason").is_not_null())
    return rows.join(out, on=ROW, how="anti", maintain_order="left"), out.sort(ROW)

"""What can only be said of whole tables: marks on items, rules over the log, returns and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.cleaning.event_links import match_returns
from evenshelf.shop.cleaning.event_rules import OVER_LOG, EventContext, refuse_from_log, whole_log
from evenshelf.shop.cleaning.rules import count_warnings, minority_labels
from evenshelf.shop.duplicates import title_groups
from evenshelf.shop.ingesting.accounts import check, move
from evenshelf.shop.ingesting.derived_sessions import derive_sessions
from evenshelf.shop.ingesting.raw_rows import encoded
from evenshelf.shop.ingesting.refused import as_events
from evenshelf.shop.ingesting.title_items import settle_titles
from evenshelf.shop.schema import ITEMS, PROVENANCE, empty

if TYPE_CHECKING:
    from evenshelf.shop.ingesting.how import Work
    from evenshelf.shop.store import Writer

UNKNOWN_ITEM = "unknown_item"


def finish(work: Work, items: pl.DataFrame | None) -> None:
    """Do all that needs whole tables, and hold the sum of rows against what came in.

    Parameters
    ----------
    work
        The shop that is being written.
    items
        The items if they are others than before.

    Raises
    ------
    RuntimeError
        If a row is lost or counted twice; this would be a mistake of this program.
    """
    writer, entries = work.writer, list(work.entries.values())
    work.tell("writing the shop")
    if not writer.rows("quarantine"):
        writer.replace("quarantine", empty("quarantine"))
    if items is not None:
        items = settle_titles(writer.scan("items").collect(), items, work)
        writer.replace("items", finish_items(items, work))
    items = writer.scan("items").collect()
    warnings = count_warnings(items)
    literal = sum(entry.literal_quotes for entry in entries)
    if literal:
        warnings["literal_quotes"] = literal
    warnings |= _of_unknown_items(items, writer)
    events = "events" in {entry.table for entry in entries} or writer.rows("events") > 0
    if events:
        warnings |= finish_events(items, work)
    check(writer, entries)
    counts = writer.scan("quarantine").group_by("reason").len().collect()
    by_count = counts.sort("len", "reason", descending=[True, False])
    writer.change(sources=entries, warnings=warnings, quarantine=dict(by_count.iter_rows()))


def finish_items(items: pl.DataFrame, work: Work) -> pl.DataFrame:
    """Return the items with their marks, columns in the order of the schema."""
    # They are made as the items were read last; how a log is read says nothing of them.
    off = next((entry.off for entry in reversed(work.entries.values()) if entry.table == "items"), [])
    marks: dict[str, pl.Series] = {}
    if "conflicting_labels" not in off:
        marks["minority_label"] = minority_labels(items)
    if "title_groups" not in off:
        work.tell("comparing titles")
        marks["title_group"] = pl.Series(title_groups(items["title"].to_list()), dtype=pl.Int64)
    items = items.drop("minority_label", "title_group", strict=False).with_columns(**marks)
    order = [name for name in ITEMS.names if name in items.columns]
    return items.select(*order, pl.exclude(order))


def finish_events(items: pl.DataFrame, work: Work) -> dict[str, int]:
    """Apply the rules over the log, match returns, derive sessions; returns what is worth a look, by name."""
    writer = work.writer
    _return_known(items, work)
    found = _found(items, work)
    work.tell("matching returns")
    kept = _of_sources(writer)
    if found.height:
        kept = kept.join(found.lazy().select(PROVENANCE), on=list(PROVENANCE), how="anti")
    match = match_returns(kept)
    work.tell("writing events")
    _apply(found, match.changes, work)
    derive_sessions(work)
    counted = (
        _of_sources(writer)
        .select(
            events_without_user=pl.col("user_id").is_null().sum(), events_without_time=pl.col("time").is_null().sum()
        )
        .collect(engine="streaming")
    )
    warnings = {
        "unmatched_returns": match.returns - match.matched,
        "lost_zeros": _lost_zeros(items, writer),
        **{name: int(counted[name].item()) for name in counted.columns},
    }
    return {name: count for name, count in warnings.items() if count}


def _of_unknown_items(items: pl.DataFrame, writer: Writer) -> dict[str, int]:
    """Rows of other tables about items that are not there, where there are items."""
    counts = {
        f"{table}_of_unknown_items": writer.scan(table)
        .join(items.lazy().select("item_id"), on="item_id", how="anti")
        .select(pl.len())
        .collect(engine="streaming")
        .item()
        for table in ("prices", "stock", "judgements")
        if _are_known(items) and writer.rows(table)
    }
    return {name: count for name, count in counts.items() if count}


def _names(frame: pl.LazyFrame) -> list[str]:
    return frame.collect_schema().names()


def _of_sources(writer: Writer) -> pl.LazyFrame:
    """Events that came from files; simulated ones have nothing that names them."""
    return whole_log(writer.scan("events")).filter(pl.col("source_id").is_not_null())


def _unknown(writer: Writer) -> pl.LazyFrame:
    """Refused events whose item is not known, with its ``item_id``."""
    waiting = writer.scan("quarantine").filter(pl.col("reason") == UNKNOWN_ITEM)
    return waiting.with_columns(item_id=pl.col("raw").str.json_path_match("$.item_id"))


def _lost_zeros(items: pl.DataFrame, writer: Writer) -> int:
    """Refused events that name an item without the zeros that its id begins with, as spreadsheets write it."""
    bare = pl.col("item_id").str.strip_chars_start("0")
    padded = items.lazy().filter(pl.col("item_id").str.starts_with("0")).select(bare)
    found = _unknown(writer).with_columns(bare).join(padded, on="item_id", how="semi")
    return int(found.select(pl.len()).collect(engine="streaming").item())


def _return_known(items: pl.DataFrame, work: Work) -> None:
    """Put back events that had been refused because their item was not known, now that it is."""
    writer = work.writer
    named = _unknown(writer)
    rows = named.join(items.lazy().select("item_id"), on="item_id", how="semi").drop("item_id").collect()
    if not rows.height:
        return
    key = [*PROVENANCE, "table", "reason"]
    writer.rewrite("quarantine", lambda part: part.join(rows, on=key, how="anti", maintain_order="left"))
    writer.append("events", as_events(rows, writer.scan("events")))
    move(work.entries.values(), "events", rows, back=True)


def _are_known(items: pl.DataFrame) -> bool:
    """Whether the shop has a list of its items; those that only events name are none, as other events name others."""
    return items.height > (int(items["derived"].sum()) if "derived" in items.columns else 0)


def _found(items: pl.DataFrame, work: Work) -> pl.DataFrame:
    """Rows that rules over the log refuse: their source, reason and detail."""
    writer = work.writer
    known = items.select("item_id").lazy() if _are_known(items) else None
    context = EventContext(now=work.how.now, items=known)
    # A rule that was turned off for a source stays off for its rows, whatever is added later.
    by_switches: dict[frozenset[str], list[str]] = {}
    for entry in work.entries.values():
        if entry.table == "events":
            by_switches.setdefault(frozenset(entry.off) & OVER_LOG, []).append(entry.sha256[:12])
    log = _of_sources(writer)
    found = [refuse_from_log(log, context, off=OVER_LOG)]  # nothing, in the right columns
    for off, sources in by_switches.items():
        rows = refuse_from_log(log, context, off=off, excused=work.restored, progress=work.progress)
        found.append(rows.filter(pl.col("source_id").is_in(sources)))
    return pl.concat(found)


def _apply(found: pl.DataFrame, changes: pl.DataFrame, work: Work) -> None:
    """Take refused rows out of the events and put in what returns are matched to, each part once."""
    writer, entries = work.writer, list(work.entries.values())
    made = changes.columns[len(PROVENANCE) :]
    if not found.height and not changes.height and not any(c in _names(writer.scan("events")) for c in made):
        return

    def change(part: pl.DataFrame) -> pl.DataFrame:
        if "source_id" not in part.columns:  # simulated
            return part
        kept = part.drop(made, strict=False)
        wrong = _within(found, part)
        if wrong.height:
            here = part.join(wrong, on=list(PROVENANCE), how="semi", maintain_order="left")
            whole = here.select(*PROVENANCE, raw=encoded(here))
            marked = whole.join(wrong, on=list(PROVENANCE), how="inner", maintain_order="left")
            rows = marked.select(*PROVENANCE, table=pl.lit("events"), reason="reason", detail="detail", raw="raw")
            writer.append("quarantine", rows)
            move(entries, "events", rows)
            kept = kept.join(wrong, on=list(PROVENANCE), how="anti", maintain_order="left")
        joined = kept.join(_within(changes, part), on=list(PROVENANCE), how="left", maintain_order="left")
        if joined.select(pl.all_horizontal(pl.col(made).is_null().all())).item():
            return kept
        return joined

    writer.rewrite("events", change)


def _within(rows: pl.DataFrame, part: pl.DataFrame) -> pl.DataFrame:
    """Those of the rows that may be of a part, by their lines: few, where a part is a piece of one file."""
    low, high = part["source_line"].min(), part["source_line"].max()
    ids = part["source_id"].unique().implode()
    return rows.filter(pl.col("source_line").is_between(low, high), pl.col("source_id").is_in(ids))

"""Sessions of events that come without: by which pause, and derived anew from the whole log each time it changes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.cleaning.event_links import sessions
from evenshelf.shop.cleaning.event_rules import whole_log
from evenshelf.shop.schema import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from evenshelf.shop.ingesting.how import Work
    from evenshelf.shop.manifest import SourceEntry

_AT = "__at"
_NEW = "__session"


def settle_gap(entry: SourceEntry, others: Iterable[SourceEntry], named: float | None) -> list[str]:
    """Decide by which pause the sessions of a source are derived.

    A log often comes in several files, of which one may go on where the other ends. So files of events with the same
    columns have one pause: the one that was named last.

    Parameters
    ----------
    entry
        The source; is updated.
    others
        All sources of the shop; those of events with the same columns are updated.
    named
        The pause that was asked for, minutes; None if none was.

    Returns
    -------
    list of str
        Notes for its report.
    """
    events = [other for other in others if other.table == "events" and other is not entry]
    kin = [other for other in events if (other.mapping, other.constants) == (entry.mapping, entry.constants)]
    if named is not None:
        changed = [other.name for other in kin if other.session_gap != named]
        for one in (entry, *kin):
            one.session_gap = named
        return [f"sessions of {', '.join(changed)} are derived with this pause as well"] if changed else []
    entry.session_gap = next((other.session_gap for other in reversed(kin) if other.session_gap is not None), None)
    if entry.session_gap is not None:
        return [f"a session ends with a pause of {entry.session_gap:g} minutes, as in earlier files with these columns"]
    if "session_id" not in entry.mapping and any(other.session_gap is not None for other in events):
        return ["no sessions are derived for its events, as for others of this shop: name a pause with --session-gap"]
    return []


def derive_sessions(work: Work) -> None:
    """Give each event without a session of its own the one that it belongs to, as the log is now.

    All derived sessions are derived anew, so what comes later, in whatever order, is part of the session it would have
    been part of at once: an event between two sessions makes them one, and one that is refused takes no part.

    Raises
    ------
    InputError
        If sessions are asked for, and no event has a time.
    """
    writer = work.writer
    by_gap: dict[float, list[str]] = {}
    for entry in work.entries.values():
        if entry.table == "events" and entry.session_gap is not None:
            by_gap.setdefault(entry.session_gap, []).append(entry.sha256[:12])
    if not by_gap:
        return
    work.tell("deriving sessions")
    rows = whole_log(writer.scan("events")).with_row_index(_AT)
    free = rows.filter(pl.col("session_id").is_null() | pl.col("session_derived").fill_null(value=False))
    free = free.select(_AT, *PROVENANCE, "time", "user_id", "kind")
    found = [pl.DataFrame(schema={_AT: pl.get_index_type(), _NEW: pl.String})]
    for gap, sources in by_gap.items():
        mine = free.filter(pl.col("source_id").is_in(sources))
        if _can_be_derived(mine, asked=gap == work.how.session_gap):
            derived = sessions(mine, timedelta(minutes=gap)).select(_AT, pl.col("session_id").alias(_NEW))
            found.append(derived.collect(engine="streaming"))
    _write(pl.concat(found).sort(_AT), work)


def _can_be_derived(events: pl.LazyFrame, *, asked: bool) -> bool:
    there = events.select(rows=pl.len(), timed=pl.col("time").is_not_null().any()).collect(engine="streaming")
    # What was derived before may be gone by now; without times it is an error only for whoever asks.
    return bool(there["timed"].item() or (asked and there["rows"].item()))


def _write(found: pl.DataFrame, work: Work) -> None:
    done = 0

    def fill(part: pl.DataFrame) -> pl.DataFrame:
        nonlocal done
        first, done = done, done + part.height
        here = found.filter(pl.col(_AT).is_between(first, done - 1)).drop_nulls()
        if not here.height and "session_derived" not in part.columns:
            return part
        whole = part.with_columns(without_derived(part.columns)).with_row_index(_AT, offset=first)
        given = pl.col("session_id")
        return (
            whole.join(here, on=_AT, how="left", maintain_order="left")
            .with_columns(
                session_id=pl.coalesce(given, _NEW),
                session_derived=pl.when(given.is_null() & pl.col(_NEW).is_not_null()).then(statement=True),
            )
            .drop(_AT, _NEW)
        )

    work.writer.rewrite("events", fill)


def without_derived(columns: Collection[str]) -> pl.Expr:
    """The sessions that events came with, and none where it was derived."""
    given = pl.col("session_id") if "session_id" in columns else pl.lit(None, pl.String).alias("session_id")
    if "session_derived" not in columns:
        return given
    return pl.when(~pl.col("session_derived").fill_null(value=False)).then(given).alias("session_id")

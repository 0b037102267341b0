"""Sessions of events that come without: by which pause, and derived anew from the whole log each time it changes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop.cleaning.event_links import session_begins, session_name
from evenshelf.shop.cleaning.event_rules import whole_log
from evenshelf.shop.schema import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from evenshelf.shop.ingesting.how import Work
    from evenshelf.shop.manifest import SourceEntry

_AT = "__at"


def settle_gap(
    entry: SourceEntry, others: Iterable[SourceEntry], named: float | None, before: SourceEntry | None = None
) -> list[str]:
    """Decide by which pause the sessions of a source are derived.

    A log often comes in several files, of which one may go on where the other ends. So files of events with the same
    columns have one pause: the one that was named last.

    Parameters
    ----------
    entry
        The source; is updated.
    others
        All other sources of the shop; those of events with the same columns are updated.
    named
        The pause that was asked for, minutes; None if none was.
    before
        The source as it was read before, if it was.

    Returns
    -------
    list of str
        Notes for its report.
    """
    events = [other for other in others if other.table == "events"]
    kin = [other for other in events if (other.layouts, other.constants) == (entry.layouts, entry.constants)]
    if named is not None:
        changed = [other.name for other in kin if other.session_gap != named]
        for one in (entry, *kin):
            one.session_gap = named
        return [f"sessions of {', '.join(changed)} are derived with this pause as well"] if changed else []
    entry.session_gap = next((other.session_gap for other in reversed(kin) if other.session_gap is not None), None)
    if entry.session_gap is None and before is not None and before.session_gap is not None:
        entry.session_gap = before.session_gap
        return [f"a session ends with a pause of {entry.session_gap:g} minutes, as before"]
    if entry.session_gap is not None:
        return [f"a session ends with a pause of {entry.session_gap:g} minutes, as in earlier files with these columns"]
    if not entry.have("session_id") and any(other.session_gap is not None for other in events):
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
    found: list[pl.DataFrame] = []
    for gap, sources in by_gap.items():
        mine = free.filter(pl.col("source_id").is_in(sources))
        there = mine.select(rows=pl.len(), timed=pl.col("time").is_not_null().any()).collect(engine="streaming")
        if there["timed"].item():
            found.append(session_begins(mine, timedelta(minutes=gap), _AT))
        # What was derived before may be gone by now; without times it is an error only for whoever asks.
        elif there["rows"].item() and gap == work.how.session_gap:
            raise InputError(
                "sessions cannot be found: no event has a time", hint="Map a column to time, or leave sessions out."
            )
    _write(pl.concat(found).sort(_AT) if found else pl.DataFrame(schema={_AT: pl.get_index_type()}), work)


def _write(begins: pl.DataFrame, work: Work) -> None:
    done = 0

    def fill(part: pl.DataFrame) -> pl.DataFrame:
        nonlocal done
        first, done = done, done + part.height
        whole = part.with_columns(without_derived(part.columns))
        here = begins[begins[_AT].search_sorted(first) : begins[_AT].search_sorted(done)]
        if not here.height:
            return whole.drop("session_derived") if "session_derived" in part.columns else part
        if "user_id" not in part.columns:
            whole = whole.with_columns(user_id=pl.lit(None, pl.String))
        given, new = pl.col("session_id"), session_name()
        return (
            whole.with_row_index(_AT, offset=first)
            .join(here, on=_AT, how="left", maintain_order="left")
            .with_columns(
                session_id=pl.coalesce(given, new),
                session_derived=pl.when(given.is_null() & new.is_not_null()).then(statement=True),
            )
            .drop(begins.columns)
        )

    work.writer.rewrite("events", fill)


def without_derived(columns: Collection[str]) -> pl.Expr:
    """The sessions that events came with, and none where it was derived."""
    given = pl.col("session_id") if "session_id" in columns else pl.lit(None, pl.String).alias("session_id")
    if "session_derived" not in columns:
        return given
    return pl.when(~pl.col("session_derived").fill_null(value=False)).then(given).alias("session_id")

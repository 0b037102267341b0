"""Takes the events of a service into the tables of its shop, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from sqlalchemy import Engine

from evenshelf.serve.events.log import EventLog
from evenshelf.serve.marks import TAKEN_IN, Marks
from evenshelf.shop import Shop

SOURCE = "service"
"""What rows that came by the service say of their source."""
_BACK = 20_000
"""Events before the last one taken in that are looked at again: writers of PostgreSQL may end in another order than
they began."""
_ID = hashlib.sha256(SOURCE.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Intake:
    """What was taken in.

    Attributes
    ----------
    taken
        Events that are in the shop now, and were not before.
    last
        Number of the last event of the log that is.
    """

    taken: int
    last: int


def take_in(
    shop: Shop, engine: Engine, *, progress: Callable[[str, int, int | None], None] = lambda what, done, total: None
) -> Intake:
    """Append what the service accepted since the last time to the shop's events.

    An event that the shop has already, by its ``event_id``, is left out; so a process that dies on the way loses
    nothing and doubles nothing.

    Parameters
    ----------
    shop
        Which is changed.
    engine
        The database of its service.
    progress
        Called with what is done, and how far it is.

    Raises
    ------
    InputError, SettingError
        If the shop cannot be written to.
    """
    log, marks = EventLog(engine), Marks(engine)
    before = marks.get(TAKEN_IN)
    taken, last = 0, before
    with shop.writing() as writer:
        for frame in log.after(max(0, before - _BACK)):
            last = max(last, int(frame["seq"][-1]))
            new = _new(shop, frame)
            if new.height:
                writer.append("events", _as_rows(new))
            taken += new.height
            progress("taking events in", taken, None)
    marks.set(TAKEN_IN, last)
    return Intake(taken, last)


def _new(shop: Shop, frame: pl.DataFrame) -> pl.DataFrame:
    there = shop.scan("events")
    if "event_id" not in there.collect_schema().names():
        return frame
    known = there.select("event_id").drop_nulls().join(frame.lazy().select("event_id"), on="event_id")
    return frame.join(known.collect(engine="streaming"), on="event_id", how="anti", maintain_order="left")


def _as_rows(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop("seq", "received").with_columns(
        source_id=pl.lit(_ID), source_file=pl.lit(SOURCE), source_line=frame["seq"]
    )

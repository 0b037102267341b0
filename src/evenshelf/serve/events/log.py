"""The event log: what was accepted, each event once, in the order in which it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from evenshelf.serve.database import events
from evenshelf.shop.schema import TIME

Row = Mapping[str, Any]
_TYPES: dict[str, Any] = {
    "seq": pl.Int64,
    "event_id": pl.String,
    "received": TIME,
    "time": TIME,
    "kind": pl.String,
    "item_id": pl.String,
    "user_id": pl.String,
    "session_id": pl.String,
    "value": pl.Float64,
    "price": pl.Float64,
    "query": pl.String,
    "position": pl.Int64,
    "propensity": pl.Float64,
    "variant": pl.String,
}


class EventLog:
    """The events in a database; any number of threads and processes may use it.

    Parameters
    ----------
    engine
        Of :func:`~evenshelf.serve.database.open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        into: Any = {"sqlite": sqlite, "postgresql": postgresql}[engine.dialect.name].insert(events)
        self._insert = into.on_conflict_do_nothing(index_elements=["event_id"])

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows, all or none; one whose ``event_id`` is there already is left out.

        When it returns they are on the disk.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            If they cannot be written.
        """
        if rows:
            with self._engine.begin() as connection:
                connection.execute(self._insert, list(rows))

    def last(self) -> int:
        """Number of the newest event, 0 if there is none."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.max(events.c.seq))) or 0

    def count(self) -> int:
        """Events that are there."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(events)) or 0

    def after(self, seq: int, *, batch: int = 10_000) -> Iterator[pl.DataFrame]:
        """Give events with numbers above `seq`, in their order, in frames of at most `batch` rows.

        On PostgreSQL two writers may end in another order than they began: an event can then appear behind a reader
        that has gone on. Who must not miss one reads some numbers again, and knows events by ``event_id``.
        """
        asked = select(events).order_by(events.c.seq).limit(batch)
        while True:
            with self._engine.connect() as connection:
                found = connection.execute(asked.where(events.c.seq > seq)).all()
            if not found:
                return
            yield pl.DataFrame([tuple(row) for row in found], schema=_TYPES, orient="row")
            seq = found[-1].seq

    def history(
        self,
        kinds: Sequence[str],
        *,
        user: str | None = None,
        session: str | None = None,
        after: int = 0,
        most: int = 200,
    ) -> list[str]:
        """Items that a user (or a visit) took, the latest last.

        Parameters
        ----------
        kinds
            Of the events that count as taking.
        user, session
            Whose; one of them.
        after
            Events up to this number do not count.
        most
            So many of the latest.
        """
        whose = events.c.session_id == session if user is None else events.c.user_id == user
        asked = (
            select(events.c.item_id)
            .where(whose, events.c.seq > after, events.c.kind.in_(kinds))
            .order_by(events.c.seq.desc())
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(asked.limit(most)))[::-1]

    def of_user(self, user: str) -> pl.DataFrame:
        """All events of a user, in their order: what a person may ask to be given."""
        with self._engine.connect() as connection:
            found = connection.execute(select(events).where(events.c.user_id == user).order_by(events.c.seq)).all()
        return pl.DataFrame([tuple(row) for row in found], schema=_TYPES, orient="row")

    def forget(self, user: str) -> int:
        """Delete all events of a user; returns how many there were."""
        with self._engine.begin() as connection:
            return int(connection.execute(delete(events).where(events.c.user_id == user)).rowcount)

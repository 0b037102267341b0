"""Numbers that processes of a service share, by name."""

from __future__ import annotations

from sqlalchemy import Engine, delete, insert, select

from evenshelf.serve.database import marks

TAKEN_IN = "events taken into the shop"
"""Number of the last event that the shop's own table has."""


class Marks:
    """The numbers in a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str) -> int:
        """A number, 0 if it was never set."""
        with self._engine.connect() as connection:
            return connection.scalar(select(marks.c.value).where(marks.c.name == name)) or 0

    def set(self, name: str, value: int) -> None:
        """Put a number in the place of what was there."""
        with self._engine.begin() as connection:
            connection.execute(delete(marks).where(marks.c.name == name))
            connection.execute(insert(marks).values(name=name, value=value))

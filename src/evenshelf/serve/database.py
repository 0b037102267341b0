"""The database of a service: SQLite in the shop's folder, or any that SQLAlchemy opens, such as PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from evenshelf.errors import InputError, MissingExtraError, SettingError

FOLDER, FILE = "serving", "service.db"
"""Where the database of a shop is, inside of the shop, if no other is named."""
SCHEMA = 1
"""Raised with a migration whenever tables change."""
_BUSY = 10_000
"""Milliseconds that a process waits for another one to end its write (SQLite)."""


_PATIENCE = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "options": "-c statement_timeout=10000 -c timezone=UTC",
}
"""Of PostgreSQL: who waits is told that it is away."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """To the database."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Any) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


_Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up its INTEGER alone

metadata = MetaData()

versions = Table("evenshelf", metadata, Column("version", Integer, nullable=False))

events = Table(
    "events",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("event_id", String(128), nullable=False, unique=True),
    Column("received", Moment, nullable=False),
    Column("time", Moment, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("item_id", String(256), nullable=False),
    Column("user_id", String(256)),
    Column("session_id", String(256)),
    Column("value", Float),
    Column("price", Float),
    Column("query", String(1024)),
    Column("position", Integer),
    Column("propensity", Float),
    Column("variant", String(256)),
    Index("events_of_users", "user_id", "seq"),
    Index("events_of_sessions", "session_id", "seq"),
    sqlite_autoincrement=True,  # a number that was given is never given again, so that readers can go on from it
)

keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("scopes", String(128), nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("revoked", Boolean, nullable=False, default=False),
)

releases = Table(
    "releases",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("slot", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("since", Moment, nullable=False),
    Column("why", String(256), nullable=False),
    Index("releases_of_slots", "slot", "number"),
    sqlite_autoincrement=True,
)

experiments = Table(
    "experiments",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("document", Text, nullable=False),
    Column("bundles", Text, nullable=False),
    Column("since", Moment, nullable=False),
)

exposures = Table(
    "exposures",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=True),
    Column("experiment", String(256), nullable=False),
    Column("unit", String(256), nullable=False),
    Column("variant", String(256), nullable=False),
    Column("time", Moment, nullable=False),
    Column("propensity", Float),
    UniqueConstraint("experiment", "unit", "variant"),
    sqlite_autoincrement=True,
)

marks = Table("marks", metadata, Column("name", String(64), primary_key=True), Column("value", _Number, nullable=False))


def default_url(shop: Path) -> str:
    """The SQLite file of a shop."""
    return str(URL.create("sqlite", database=str(shop.resolve() / FOLDER / FILE)))


def open_database(url: str) -> Engine:
    """Open a database, and make its tables if they are missing.

    Raises
    ------
    SettingError
        If the URL cannot be understood.
    MissingExtraError
        If the driver that it names is not installed.
    InputError
        If the database cannot be reached, or is of a newer version of evenshelf.
    """
    try:
        made = make_url(url)
        if made.drivername == "postgresql":
            made = made.set(drivername="postgresql+psycopg")
        if made.get_backend_name() == "sqlite" and made.database:
            Path(made.database).parent.mkdir(parents=True, exist_ok=True)
        more: dict[str, Any] = {"connect_args": _PATIENCE, "pool_pre_ping": True}
        if made.get_backend_name() == "sqlite":
            more = {}
            if made.database:  # of people: nobody else is to read it
                os.close(os.open(made.database, os.O_RDWR | os.O_CREAT, 0o600))
        engine = create_engine(made, hide_parameters=True, **more)
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingError(
            "The URL of the database cannot be understood.",
            hint="Such as: sqlite:///serving.db, postgresql://user:password@host/name",
        ) from error
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "postgres", "A service on PostgreSQL") from error
    except OSError as error:
        raise InputError(f"No folder can be made for the database: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _of_sqlite)
    try:
        _made(engine)
    except SQLAlchemyError as error:
        raise InputError(
            f"The database {made.render_as_string(hide_password=True)} cannot be opened: {_first_line(error)}",
            hint="Look at its address, whether it runs, and whether the user may create tables.",
        ) from error
    return engine


@contextmanager
def exclusive(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other one of its kind runs beside, for what is looked at first and then written."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(727180)")
        yield connection


def _of_sqlite(connection: Any, record: Any) -> None:
    del record
    cursor = connection.cursor()
    # Readers go on while one process writes; a commit is on the disk before it is told, even if the power goes.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _made(engine: Engine) -> None:
    with exclusive(engine) as connection:  # two processes that start together would make tables twice
        metadata.create_all(connection)
        found = connection.scalar(select(versions.c.version))
        if found is None:
            connection.execute(insert(versions).values(version=SCHEMA))
        elif found != SCHEMA:
            raise InputError(
                f"The database is of version {found}, and this evenshelf knows version {SCHEMA}.",
                hint="Update evenshelf, or name another database.",
            )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]

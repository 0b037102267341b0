"""Tables out of databases: the result of a query goes to a Parquet file, a batch at a time."""

from __future__ import annotations

import contextlib
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from evenshelf.errors import InputError, MissingExtraError, SettingError, near
from evenshelf.shop.sources.content_digest import ContentDigest
from evenshelf.shop.sources.sql_reading import (
    Reading,
    WidenedError,
    postgres_connect,
    read_postgres,
    read_sqlite,
    sqlite_connect,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenshelf.shop.progress import Progress

BATCH = 100_000
"""Rows of a row group, if not told otherwise."""

_GROUP_BYTES = 64 << 20
_CONNECT_SECONDS = 15
_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")
_FORM = "Write sqlite:///FILE or postgresql://USER@HOST:PORT/DATABASE; in passwords @ is %40, : is %3A and / is %2F."
_COMMENTS = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)
_READS = re.compile(r"\(*\s*(?:select|with|values|table)[\s(]", re.IGNORECASE)
_NO_TABLE = re.compile(r'(?:no such table: |relation ")([^"\n]+)')
_BAD_FILE = re.compile(r"not a database|malformed|locked|disk I/O|unable to open|decode to UTF-8")
_HIDDEN_OPTIONS = ("password", "sslpassword")


@dataclass(frozen=True)
class Spooled:
    """A result that was written to a file.

    Attributes
    ----------
    path
        The Parquet file: texts, whole numbers, real numbers, booleans, dates and moments (UTC, or local without zone).
    name
        What was read, for people: the URL without password and options, and the table or query.
    sha256
        Of names, types and rows in their order (64 hexadecimal digits), the same wherever and however it was written.
    rows
        How many there are.
    """

    path: Path
    name: str
    sha256: str
    rows: int


def is_url(text: str) -> bool:
    """Return whether a source is the URL of a database (or of anything else), not a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def spool(
    url: str, query_or_table: str, folder: Path, *, progress: Progress | None = None, batch: int = BATCH
) -> Spooled:
    """Write a table, or what a query gives, to a Parquet file.

    Everything is read in one transaction that cannot write, on a connection that cannot write. Memory is bounded by
    batches of rows. Exact decimals become text with all their digits, as do types that have no other counterpart
    (uuid, json, times of day, intervals, enumerations); lists become text with ``|`` between their elements. A column
    of SQLite, which has a type for each value, is text if any value is, and real if any is real.

    Parameters
    ----------
    url
        ``sqlite:///FILE`` (relative, with ``~``, or absolute with a fourth slash) or
        ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``. What the URL leaves out comes from the environment
        (``PGPASSWORD``, ``PGHOST``, ...) and from ``~/.pgpass``.
    query_or_table
        The name of a table or view, with or without schema; or one SELECT, WITH or VALUES statement.
    folder
        Where the file goes, named by its content.
    progress
        Told the rows that are done.
    batch
        Rows of a row group, at least 1.

    Raises
    ------
    SettingError
        If the URL cannot be understood, there is no such table, or the query is refused.
    InputError
        If the database cannot be reached, or holds what cannot be kept.
    MissingExtraError
        If the driver is not installed.
    """
    if batch < 1:
        raise SettingError(f"batch must be at least 1, not {batch}")
    database = _Database.of(url)
    with database.connected() as connection, database.told(connection):
        query, label = _query_of(connection, query_or_table)
        name = f"{database.name}: {label}"
        if progress is not None:
            progress(f"reading {name}", 0, None)
        with database.read(connection, query) as reading:
            _check_columns(reading.schema.names, name)
            return _write(reading, name, folder, progress, batch)


@dataclass(frozen=True)
class _Database:
    url: sa.URL
    name: str

    @classmethod
    def of(cls, text: str) -> _Database:
        scheme = text.partition("://")[0].lower()
        if scheme not in _SQLITE + _POSTGRES:
            raise SettingError(f"{scheme}://... is no database that can be read", hint=_FORM)
        if scheme in _SQLITE:
            given = text.partition("://")[2].removeprefix("/")
            if not given or given == ":memory:" or not text.partition("://")[2].startswith("/"):
                raise SettingError("the URL of an SQLite database is sqlite:/// and the path of a file", hint=_FORM)
            path = next((p for p in (Path(given), Path(unquote(given))) if p.expanduser().is_file()), Path(given))
            return cls(sa.URL.create("sqlite", database=str(path)), f"sqlite:///{path}")
        try:
            url = sa.make_url(text)
        except (sa.exc.ArgumentError, ValueError):  # its text may hold the password
            raise SettingError("the URL of the database cannot be understood", hint=_FORM) from None
        if "@" in (url.host or ""):  # part of a password that was not encoded
            raise SettingError("the URL of the database holds more than one @", hint=_FORM)
        shown = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database)
        return cls(url.set(drivername="postgresql+psycopg"), shown.render_as_string())

    @contextlib.contextmanager
    def connected(self) -> Iterator[sa.Connection]:
        """A connection in a transaction that only reads."""
        engine = self._engine()
        try:
            try:
                connection = engine.connect()
            except ImportError:
                raise MissingExtraError("psycopg", "postgres", "reading from PostgreSQL") from None
            except sa.exc.DBAPIError as error:
                raise self._unreachable(error) from None
            with connection:
                if self.url.drivername != "sqlite":
                    connection = connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                yield connection
        finally:
            engine.dispose()

    def _engine(self) -> sa.Engine:
        if self.url.drivername == "sqlite":
            path = Path(self.url.database or "").expanduser()
            if not path.is_file():
                there = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
                raise InputError(
                    f"there is no file {path}{near(path.name, there)}",
                    hint="An absolute path has four slashes: sqlite:////...",
                )
            return sa.create_engine(self.url, creator=lambda: sqlite_connect(path), poolclass=sa.NullPool)
        try:
            return sa.create_engine(
                self.url, poolclass=sa.NullPool, connect_args=postgres_connect(self.url.query, _CONNECT_SECONDS)
            )
        except ImportError:
            raise MissingExtraError("psycopg", "postgres", "reading from PostgreSQL") from None

    @contextlib.contextmanager
    def read(self, connection: sa.Connection, query: str) -> Iterator[Reading]:
        """What the query gives."""
        reader = read_sqlite if self.url.drivername == "sqlite" else read_postgres
        with reader(connection, query) as reading:
            yield reading

    @contextlib.contextmanager
    def told(self, connection: sa.Connection) -> Iterator[None]:
        """Turn errors of the database into those of evenshelf."""
        try:
            yield
        except (sa.exc.DBAPIError, connection.dialect.loaded_dbapi.Error) as error:
            raise self._failed(connection, getattr(error, "orig", error)) from None

    def _failed(self, connection: sa.Connection, error: BaseException) -> SettingError | InputError:
        said = self._scrubbed(str(error))
        if missing := _NO_TABLE.search(said):
            connection.connection.rollback()  # of the driver, whose transaction failed
            return _no_table(connection, missing[1])
        if self.url.drivername == "sqlite":
            lost = _BAD_FILE.search(said) is not None
        else:
            lost = isinstance(error, connection.dialect.loaded_dbapi.OperationalError)
        if lost:
            return InputError(f"{self.name} cannot be read: {said}")
        hint = "Only a single statement that reads is run." if "read-only" in said or "multiple" in said else None
        return SettingError(f"{self.name} refuses the query: {said}", hint=hint)

    def _unreachable(self, error: sa.exc.DBAPIError) -> InputError:
        said = self._scrubbed(str(error.orig))
        if "password" in said or "authentication" in said:
            hint = "Check user and password: in the URL, percent-encoded, or in the environment as PGPASSWORD."
        else:
            hint = "Check host, port and the name of the database, and whether it is running."
        return InputError(f"{self.name} cannot be opened: {said}", hint=hint)

    def _scrubbed(self, text: str) -> str:
        """The text on one line, without a password in any spelling."""
        for secret in (self.url.password, *(self.url.query.get(option) for option in _HIDDEN_OPTIONS)):
            if isinstance(secret, str) and secret:
                for spelling in {secret, quote(secret, safe=""), quote_plus(secret)}:
                    text = text.replace(spelling, "***")
        return " ".join(text.split())


def _query_of(connection: sa.Connection, given: str) -> tuple[str, str]:
    """The query that was given or that reads the table, and how to call it."""
    text = given.strip()
    if not text:
        raise SettingError("neither a table nor a query is given")
    bare = _COMMENTS.sub(" ", text).strip()
    if _READS.match(bare):
        shown = " ".join(text.split())
        return text.rstrip("; \t\n\r"), shown if len(shown) <= 80 else f"{shown[:77]}..."
    inspector, quoted = sa.inspect(connection), connection.dialect.identifier_preparer.quote_identifier
    schema, dot, table = text.rpartition(".")
    if inspector.has_table(text):
        return f"SELECT * FROM {quoted(text)}", text  # noqa: S608 - the name exists
    if dot and schema in inspector.get_schema_names() and inspector.has_table(table, schema):
        return f"SELECT * FROM {quoted(schema)}.{quoted(table)}", text  # noqa: S608
    if " " in bare:
        raise SettingError(
            f"{' '.join(bare.split())[:80]!r} is no table and no query", hint="A query begins with SELECT or WITH."
        )
    raise _no_table(connection, text)


def _no_table(connection: sa.Connection, name: str) -> SettingError:
    inspector = sa.inspect(connection)
    schema, _, table = name.rpartition(".")
    there = schema if schema in inspector.get_schema_names() else None
    tables = [*inspector.get_table_names(there), *inspector.get_view_names(there)]
    if tables:
        hint = f"There are {', '.join(sorted(tables)[:8])}" + (", ..." if len(tables) > 8 else "") + "."
    else:
        hint = "There are no tables at all."
    return SettingError(f"there is no table {name!r}{near(table, tables)}", hint=hint)


def _check_columns(names: list[str], name: str) -> None:
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise SettingError(
            f"{name} has several columns named {', '.join(map(repr, repeated))}", hint="Name them with AS in the query."
        )
    if not names:
        raise SettingError(f"{name} has no columns")


def _write(reading: Reading, name: str, folder: Path, progress: Progress | None, batch: int) -> Spooled:
    """Write all rows to a file that gets its name when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{uuid.uuid4().hex}.part"
    try:
        while True:
            digest, rows = ContentDigest(reading.schema), 0
            try:
                with pq.ParquetWriter(unfinished, reading.schema, compression="zstd") as writer:
                    for table in _groups(reading.batches(), batch):
                        for part in table.to_batches():
                            digest.update(part)
                        writer.write_table(table, row_group_size=batch)
                        rows += table.num_rows
                        if progress is not None:
                            progress(f"reading {name}", rows, None)
                break
            except WidenedError:
                continue
        sha256 = digest.hexdigest()
        path = unfinished.replace(folder / f"{sha256[:16]}.parquet")
    finally:
        unfinished.unlink(missing_ok=True)
    return Spooled(path, name, sha256, rows)


def _groups(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Batches put together to row groups of so many rows, or of as many bytes as memory should hold."""
    waiting: list[pa.RecordBatch] = []
    count = size = 0
    for found in batches:
        waiting.append(found)
        count, size = count + found.num_rows, size + found.nbytes
        if count >= rows or size >= _GROUP_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting, count, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)

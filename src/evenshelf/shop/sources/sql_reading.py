"""Batches of typed rows out of PostgreSQL and SQLite.

Both are read past SQLAlchemy's rows, which cost more than all else: PostgreSQL by COPY into Arrow's CSV reader, SQLite
by its own cursor.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv

from evenshelf.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

TEXT, INTEGER, REAL, BOOLEAN = pa.large_string(), pa.int64(), pa.float64(), pa.bool_()

_BLOCK = 1 << 23
_POSTGRES_TYPES = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), INTEGER),
    **dict.fromkeys(("float4", "float8"), REAL),
    "bool": BOOLEAN,
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}
_POSTGRES_SETTINGS = (
    "timezone = 'UTC'",
    "datestyle = 'ISO, YMD'",
    "intervalstyle = 'iso_8601'",
    "extra_float_digits = 1",
    "client_encoding = 'UTF8'",
)

_ROWS = 10_000
_VIEW = "evenshelf_result"
# A value of SQLite fits into a column of its own rank and of all ranks above.
_RANKS = (pa.null(), BOOLEAN, INTEGER, REAL, TEXT)
_RANK_OF = {type(None): 0, int: 2, float: 3, str: 4}


@dataclass
class Reading:
    """What a query gives.

    Attributes
    ----------
    schema
        Names and types of the columns.
    batches
        Reads the rows, from the first on.
    """

    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]


class WidenedError(Exception):
    """A value did not fit the types of :attr:`Reading.schema`, which are others now: read again from the first row."""


# PostgreSQL


def postgres_connect(options: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    """Return arguments for the driver: a bounded wait for the server, and a session that cannot write."""
    timeout = {} if "connect_timeout" in options or "PGCONNECT_TIMEOUT" in os.environ else {"connect_timeout": seconds}
    given = options.get("options") or os.environ.get("PGOPTIONS", "")
    return {**timeout, "options": f"{given} -c default_transaction_read_only=on".strip()}


@contextlib.contextmanager
def read_postgres(connection: sa.Connection, query: str) -> Iterator[Reading]:
    """Read from PostgreSQL.

    Raises
    ------
    InputError
        If a column holds bytes.
    """
    with _driver(connection).cursor() as cursor:
        for setting in _POSTGRES_SETTINGS:
            cursor.execute(f"SET LOCAL {setting}")
        inner = f"(\n{query}\n)"  # on lines of its own: it may end with a comment
        # A prepared statement is a single one, which COPY, sent as plain text, would not see to.
        cursor.execute(f"SELECT * FROM {inner} AS result LIMIT 0", prepare=True)  # noqa: S608
        columns = [(column.name, column.type_code) for column in cursor.description]
        cursor.execute(
            "SELECT oid, typname, typcategory, (SELECT typname FROM pg_type AS e WHERE e.oid = t.typelem) "
            "FROM pg_type AS t WHERE oid = ANY(%s)",
            [[oid for _, oid in columns]],
        )
        types = {oid: (name, category, element) for oid, name, category, element in cursor.fetchall()}
        fields, picked = [], []
        for k, (name, oid) in enumerate(columns):
            kind, category, element = types[oid]
            is_list = category == "A"
            if "bytea" in {kind, element if is_list else None}:
                raise _bytes_error(name)
            fields.append(pa.field(name, TEXT if is_list else _POSTGRES_TYPES.get(kind, TEXT)))
            picked.append(f"array_to_string(c{k}, '|') AS c{k}" if is_list else f"c{k}")
        schema = pa.schema(fields)
        names = ", ".join(f"c{k}" for k in range(len(columns)))
        copy = (
            f"COPY (SELECT {', '.join(picked)} FROM {inner} AS result ({names})) "  # noqa: S608
            "TO STDOUT (FORMAT csv, FORCE_QUOTE *)"
        )

        def batches() -> Iterator[pa.RecordBatch]:
            with cursor.copy(copy) as stream:
                for batch in _parsed(stream, schema):
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)

        yield Reading(schema, batches)


def _parsed(stream: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows out of what COPY sends, parsed in blocks of whole rows.

    Arrow's own reader of streams would fetch many blocks ahead of those that are asked for.
    """
    rows: list[bytes] = []
    size = 0
    for row in stream:  # the client library gives one row at a time
        rows.append(bytes(row))
        size += len(row)
        if size >= _BLOCK:
            yield from _batches(b"".join(rows), schema)
            rows, size = [], 0
    if rows:
        yield from _batches(b"".join(rows), schema)


def _batches(block: bytes, schema: pa.Schema) -> list[pa.RecordBatch]:
    """Parse rows of CSV in which values are quoted and nothing at all stands for NULL."""
    names = [f"c{k}" for k in range(len(schema))]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(block),
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=len(block) + 1),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict(zip(names, schema.types, strict=True)),
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        place = re.search(r"column #(\d+)", str(error))
        raise _value_error(schema.names[int(place[1])] if place else None, error) from error
    found: list[pa.RecordBatch] = table.to_batches()
    return found


# SQLite


def sqlite_connect(path: Path) -> sqlite3.Connection:
    """Open a file to read it only; it is not made if it does not exist."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


@contextlib.contextmanager
def read_sqlite(connection: sa.Connection, query: str) -> Iterator[Reading]:
    """Read from SQLite.

    A column begins with the type that it was declared with, or else that of its first values, and is widened to the
    first of boolean, integer, real and text that all of its values fit.
    """
    driver = _driver(connection)
    driver.execute("BEGIN")
    # A view tells the types that columns were declared with, and takes nothing but a single statement that reads.
    driver.execute(f"CREATE TEMP VIEW {_VIEW} AS {query}")
    driver.execute("PRAGMA query_only = ON")
    ranks = [_declared(row[2]) for row in driver.execute(f"PRAGMA table_info({_VIEW})")]
    first = driver.execute(query)
    begun = [(first, first.fetchmany(_ROWS))]
    names = [column[0] for column in first.description]
    _widen(ranks, begun[0][1], names)

    def batches() -> Iterator[pa.RecordBatch]:
        cursor, rows = begun.pop() if begun else (driver.execute(query), [])
        with contextlib.closing(cursor):
            while rows := rows or cursor.fetchmany(_ROWS):
                if _widen(ranks, rows, names):
                    reading.schema = schema()
                    raise WidenedError
                columns = zip(*rows, strict=True)
                arrays = [_array(column, field) for column, field in zip(columns, reading.schema, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=reading.schema)
                rows = []

    def schema() -> pa.Schema:
        return pa.schema([pa.field(n, _RANKS[r] if r else TEXT) for n, r in zip(names, ranks, strict=True)])

    reading = Reading(schema(), batches)
    yield reading


def _declared(text: str) -> int:
    """The rank that a declared type begins with, by the rules of SQLite for affinity; 0 if the values are to tell."""
    upper = text.upper()
    if "BOOL" in upper:
        return 1
    if "INT" in upper:
        return 2
    if any(part in upper for part in ("CHAR", "CLOB", "TEXT")):
        return 4
    return 3 if any(part in upper for part in ("REAL", "FLOA", "DOUB", "DEC", "NUMERIC")) else 0


def _widen(ranks: list[int], rows: list[tuple[Any, ...]], names: list[str]) -> bool:
    """Raise the ranks so that the rows fit; return whether any was too low."""
    widened = False
    for k, column in enumerate(zip(*rows, strict=True)):
        found = set(map(type, column))
        if bytes in found:
            raise _bytes_error(names[k])
        needed = max(_RANK_OF[kind] for kind in found)
        if needed == 2 and ranks[k] == 1 and set(column) <= {0, 1, None}:
            continue
        if needed > ranks[k]:
            ranks[k], widened = needed, True
    return widened


def _array(column: tuple[Any, ...], field: pa.Field) -> pa.Array:
    if field.type == BOOLEAN:
        return pa.array(column, INTEGER).cast(BOOLEAN)
    if field.type == TEXT:
        return pa.array([v if v is None or isinstance(v, str) else repr(v) for v in column], TEXT)
    try:
        return pa.array(column, field.type)
    except pa.ArrowInvalid as error:
        raise _value_error(field.name, error) from error


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _value_error(name: str | None, error: Exception) -> InputError:
    said = str(error).rpartition("error to ")[2]
    return InputError(
        (f"column {name!r}" if name else "the result") + f" holds a value that cannot be kept: {said}",
        hint="Turn the column into text with CAST, or leave such rows out.",
    )


def _bytes_error(name: str) -> InputError:
    return InputError(
        f"column {name!r} holds bytes, which are no data of a shop",
        hint="Leave it out, or turn it into text: name the columns in a query.",
    )

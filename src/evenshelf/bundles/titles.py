"""Titles out of files, a block after another; rows without one are handed on with the reason."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from evenshelf.errors import InputError, SettingError, near
from evenshelf.shop.frames import text_of
from evenshelf.shop.sources.read import read_batches

if TYPE_CHECKING:
    from evenshelf.shop.sources.records import Records

BLOCK = 4096
"""Titles that are labelled at once."""
LINES, TABLES = (".txt",), (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
EMPTY = "the title is empty"


@dataclass(frozen=True)
class Given:
    """A row of a file.

    Attributes
    ----------
    line
        Where it begins, from 1; of Parquet and JSON arrays its number.
    title
        As it stands there; of a row that cannot be read, the row.
    item_id
        Of a table that has such a column.
    refused
        Why it cannot be labelled, or ``None``.
    """

    line: int
    title: str
    item_id: str | None = None
    refused: str | None = None


def given(titles: Iterable[str]) -> list[Given]:
    """Titles as rows, numbered from 1."""
    return [_row(number, title) for number, title in enumerate(titles, start=1)]


def titles_of(
    name: str, stream: BinaryIO, *, column: str | None = None, encoding: str = "utf-8"
) -> Iterator[list[Given]]:
    """Read a file, at most :data:`BLOCK` rows at a time.

    Parameters
    ----------
    name
        Its name; the ending tells whether it is lines of titles (``.txt``, or no ending) or a table.
    stream
        Its bytes.
    column
        Of a table, the one that holds the titles; by default ``title``, or the only one there is.
    encoding
        Of text.

    Raises
    ------
    InputError
        If there is no such column, or the file cannot be read.
    SettingError
        If the ending is unknown, or a column is named of a file of lines.
    """
    suffix = Path(name).suffix.lower()
    if suffix in TABLES:
        with _cannot_read(name):
            batches = read_batches(name, stream, encoding=encoding)
            yield from _blocks(row for batch in batches for row in _rows(name, batch, column))
        return
    if suffix not in ("", *LINES):
        raise SettingError(
            f"{name} ends in {suffix}, and no titles are read from such files.",
            hint=f"Give one of {', '.join((*TABLES, *LINES))}, or - for lines from standard input.",
        )
    if column is not None:
        raise SettingError(f"{name} holds a title a line and no column {column!r}.", hint="Leave --column away.")
    with _cannot_read(name):
        yield from _blocks(_lines(stream, encoding))


@contextmanager
def _cannot_read(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{name or 'standard input'} cannot be read: {error.strerror or error}.", hint="Check the disk or the pipe."
        ) from error


def _blocks(rows: Iterable[Given]) -> Iterator[list[Given]]:
    block: list[Given] = []
    for row in rows:
        block.append(row)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def _row(line: int, title: str | None, item_id: str | None = None) -> Given:
    text = "" if title is None else title.strip()
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return Given(line, ascii(text), item_id, "the title holds half a character (a lone surrogate)")
    return Given(line, text, item_id, None if text else EMPTY)


def _lines(stream: BinaryIO, encoding: str) -> Iterator[Given]:
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise SettingError(f"there is no encoding {encoding!r}", hint="Try utf-8 or gb18030.") from error
    for number, raw in enumerate(stream, start=1):
        data = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        try:
            yield _row(number, data.decode(encoding))
        except UnicodeDecodeError as error:
            shown = data.decode(encoding, "backslashreplace").strip()
            yield Given(number, shown, None, f"byte {error.start + 1} of the line is not {encoding}")


def _rows(name: str, batch: Records, column: str | None) -> list[Given]:
    bad = [Given(r.line, r.raw.strip(), None, f"{r.reason}: {r.detail}") for r in batch.rejected]
    if not batch.frame.height:
        return bad
    wanted = _column(name, batch.frame.columns, column)
    frame = batch.frame.select(
        title=text_of(wanted, batch.frame.schema[wanted]),
        item_id=pl.col("item_id").cast(pl.String) if "item_id" in batch.frame.columns else pl.lit(None, pl.String),
    )
    rows = [
        _row(line, title, item) for line, title, item in zip(batch.lines, frame["title"], frame["item_id"], strict=True)
    ]
    return sorted([*rows, *bad], key=lambda row: row.line) if bad else rows


def _column(name: str, columns: Sequence[str], column: str | None) -> str:
    wanted = column or ("title" if "title" in columns or len(columns) != 1 else columns[0])
    if wanted not in columns:
        raise InputError(
            f"{name} has no column {wanted!r}{near(wanted, columns)}.",
            hint=f"Say which holds the titles with --column: {', '.join(columns)}.",
        )
    return wanted

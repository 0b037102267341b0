"""Sheets that come back, as spreadsheet programs write them.

Encodings, delimiters, quotes and line ends are understood by what reads a shop's files
(:mod:`evenshelf.shop.sources.read`). What is known here is what a sheet is: its columns, rows that lost their last
cells, and the line ``sep=;`` that some programs put before the first one.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.sources.delimited import split
from evenshelf.shop.sources.read import read_batches
from evenshelf.shop.sources.records import Records

SURPLUS = "surplus"
"""Column of refused rows for what fits into no column; a row that has any is refused until it is cleared."""

_SEPARATOR = re.compile(r'\s*"?sep=(.)"?[,;\t|]*\s*', re.IGNORECASE)
_DELIMITED = (".csv", ".tsv", ".txt")
_DELIMITERS = (",", "\t", ";", "|")
_NOT_IN_TEXT = "\x1f"
_HEAD = 1 << 20


@dataclass(frozen=True)
class Row:
    """One row of a sheet that came back.

    Attributes
    ----------
    line
        Line of the file it begins at, from 1.
    cells
        By column; missing cells are empty.
    fault
        Why the row cannot be read, or "".
    """

    line: int
    cells: dict[str, str]
    fault: str = ""


@dataclass(frozen=True)
class Sheet:
    """A sheet that came back.

    Attributes
    ----------
    file
        Where it is.
    source_id
        First 12 digits of the sha256 of its bytes.
    columns
        As they stand in its first line.
    rows
        All rows that are not blank.
    """

    file: Path
    source_id: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_sheet(file: Path, *, encoding: str = "utf-8") -> Sheet:
    """Read a sheet.

    Parameters
    ----------
    encoding
        Of its text; a byte order mark wins.

    Raises
    ------
    InputError
        If it cannot be read, or lacks the columns item_id and label.
    SettingError
        If there is no such encoding.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    reader = _Reader(file, data, encoding)
    columns, delimiter, line = reader.header()
    missing = [name for name in ("item_id", "label") if name not in columns]
    repeated = sorted({name for name in columns if name and columns.count(name) > 1})
    if missing or repeated:
        problems = [f"the column {name!r} is missing" for name in missing]
        problems += [f"the column {name!r} stands there twice" for name in repeated]
        raise InputError(
            f"{file}, line {line}: {'; '.join(problems)}.",
            hint=f"It has: {', '.join(columns)}. Leave the first line as it was exported.",
        )
    rows = sorted(reader.rows(columns, delimiter, line), key=lambda row: row.line)
    return Sheet(file, hashlib.sha256(data).hexdigest()[:12], columns, tuple(rows))


class _Reader:
    """One file, read by what reads a shop's files."""

    def __init__(self, file: Path, data: bytes, encoding: str) -> None:
        self._file, self._data, self._encoding = file, data, encoding
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise SettingError(
                f"There is no encoding {encoding!r}.", hint="Such as utf-8, utf-16 or gb18030."
            ) from error
        wide = encoding.lower().startswith(("utf-16", "utf_16", "utf16", "utf-32", "utf_32", "utf32"))
        marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if wide and (not marked or data.startswith(codecs.BOM_UTF32_LE)):
            try:
                self._data, self._encoding = data.decode(encoding).encode(), "utf-8"
            except UnicodeError as error:
                raise InputError(f"{file} is not {encoding}: {error}.") from error

    def _batches(
        self,
        *,
        columns: Sequence[str] | None = None,
        header: bool | None = None,
        delimiter: str | None = None,
        block: int = _HEAD,
    ) -> Iterator[Records]:
        known = self._file.suffix.lower() in _DELIMITED
        name = str(self._file) if known else f"{self._file}.csv"
        for records in read_batches(
            name,
            io.BytesIO(self._data),
            columns=columns,
            header=header,
            delimiter=delimiter,
            encoding=self._encoding,
            block=block,
        ):
            for rejected in records.rejected:
                if rejected.reason == "undecodable":
                    raise InputError(
                        f"{self._file}, line {rejected.line}: this is not {self._encoding}.",
                        hint="Save it as CSV UTF-8, or say what it is, such as: --encoding gb18030 (Excel in China), "
                        "cp1252 (in western Europe)",
                    )
            yield records

    def header(self) -> tuple[tuple[str, ...], str, int]:
        """Names of the columns, the delimiter, and the line they stand in."""
        # whole lines: a delimiter that no sheet holds leaves each as one cell
        lines = next(self._batches(columns=["line"], header=False, delimiter=_NOT_IN_TEXT))
        found = [(line, str(text)) for line, text in zip(lines.lines, lines.frame["line"], strict=True) if text.strip()]
        if not found:
            raise InputError(f"{self._file} is empty.", hint="A sheet has the columns item_id and label.")
        line, text = found[0]
        declared = _SEPARATOR.fullmatch(text)
        if declared is not None and len(found) > 1:
            line, text = found[1]
            return _names(text, declared[1]), declared[1], line
        width = len(next(self._batches()).frame.columns)
        # which delimiter was found is told by the number of columns
        delimiter = next((d for d in _DELIMITERS if len(_names(text, d)) == width), _DELIMITERS[0])
        return _names(text, delimiter), delimiter, line

    def rows(self, columns: Sequence[str], delimiter: str, header: int) -> Iterator[Row]:
        """All rows after the line of the header that are not blank."""
        places = [str(place) for place in range(len(columns))]
        for records in self._batches(columns=places, header=False, delimiter=delimiter):
            for line, cells in zip(records.lines, records.frame.iter_rows(), strict=True):
                if line > header and any(cell.strip() for cell in cells):
                    yield _row(columns, line, cells)
            for rejected in records.rejected:
                fields = split(rejected.raw, delimiter)[0]
                if rejected.line <= header or (fields is not None and not any(cell.strip() for cell in fields)):
                    continue
                if fields is None:
                    yield Row(rejected.line, {**dict.fromkeys(columns, ""), SURPLUS: rejected.raw}, rejected.detail)
                else:
                    yield _row(columns, rejected.line, fields)


def _names(text: str, delimiter: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in split(text, delimiter)[0] or text.split(delimiter))


def _row(columns: Sequence[str], line: int, cells: Sequence[str]) -> Row:
    values = [cell.strip() for cell in cells] + [""] * (len(columns) - len(cells))
    found = dict(zip(columns, values, strict=False))
    more = [cell for cell in values[len(columns) :] if cell]
    if more:
        found[SURPLUS] = " | ".join(more)
    fault = f"the row has more cells than columns ({found[SURPLUS]})" if found.get(SURPLUS) else ""
    return Row(line, found, fault)

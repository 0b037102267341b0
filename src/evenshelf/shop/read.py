"""Rows out of CSV, TSV, JSON lines, JSON and Parquet; what is no row is handed back with its reason.

Nothing is repaired and nothing is dropped: each record of a file comes back either as a row or as a
:class:`Rejected`, and blank lines are counted.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError, SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

QUOTE = '"'
MAX_RECORD_LINES = 1000
"""A quote that does not close within so many lines is a stray one."""

_DELIMITERS = (",", "\t", ";", "|")
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Rejected:
    """A record that is no row: where it began, why, and how it read."""

    line: int
    reason: str
    detail: str
    raw: str


@dataclass
class Records:
    """All records of one file.

    `literal_quotes` counts rows whose quotes do not follow the rules of CSV and were therefore read as part of
    the text, because only so the row has the right number of fields.
    """

    frame: pl.DataFrame
    lines: list[int]
    rejected: list[Rejected] = field(default_factory=list)
    blank: int = 0
    literal_quotes: int = 0

    @property
    def rows_in(self) -> int:
        """Number of records in the file: rows and rejected ones, without blank lines."""
        return self.frame.height + len(self.rejected)


def read_records(
    name: str,
    data: bytes,
    *,
    columns: Sequence[str] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
) -> Records:
    r"""Read one file of rows.

    Parameters
    ----------
    name
        Name of the file; its ending tells the format.
    data
        Its bytes.
    columns
        Names of the columns of a delimited file without header (or instead of its header).
    header
        Whether the first line of a delimited file names the columns. None: it does, unless `columns` are given
        and differ from it.
    delimiter
        One character. None: the one of ``, \t ; |`` that fits the first lines.
    encoding
        Of text files; any in which the byte of a line feed stands for nothing else. A byte order mark wins.

    Returns
    -------
    Records
        Text columns for delimited files and JSON (lists are joined by ``|``), the file's own types for Parquet.

    Raises
    ------
    InputError
        If the file as a whole cannot be read.
    SettingError
        If encoding, delimiter or columns make no sense.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(name, data)
    try:
        lines, undecodable = _decode(name, data, encoding)
    except LookupError as error:
        raise SettingError(f"there is no encoding {encoding!r}", hint="Try utf-8 or gb18030.") from error
    if suffix == ".json" and (whole := _read_json_array(name, lines, undecodable)) is not None:
        return whole
    if suffix in {".json", ".jsonl", ".ndjson"}:
        return _read_json_lines(lines, undecodable)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise SettingError(f"a delimiter is one character and no quote or line end, not {delimiter!r}")
    if columns is not None and len(set(columns)) != len(columns):
        raise SettingError(f"a column is named twice in {', '.join(columns)}")
    if delimiter is None:
        delimiter = "\t" if suffix == ".tsv" else _sniff(lines, columns)
    return _read_delimited(lines, undecodable, columns, header, delimiter)


def _decode(name: str, data: bytes, encoding: str) -> tuple[list[str], dict[int, str]]:
    """Return lines of text, and for each undecodable line (counted from 0) what is wrong with it."""
    if data.startswith(_UTF16_BOMS):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise InputError(f"{name} begins like UTF-16, but is none: {error}") from error
        encoding = "utf-8"
    data = data.removeprefix(_UTF8_BOM)
    raw = data.split(b"\n")
    if raw[-1] == b"":
        raw.pop()
    try:
        return [line.removesuffix("\r") for line in data.decode(encoding).split("\n")[: len(raw)]], {}
    except UnicodeDecodeError:
        pass
    lines: list[str] = []
    bad: dict[int, str] = {}
    for index, line in enumerate(raw):
        try:
            lines.append(line.decode(encoding).removesuffix("\r"))
        except UnicodeDecodeError as error:
            bad[index] = f"byte {error.start + 1} of the line is not {encoding}"
            lines.append(line.decode(encoding, "backslashreplace").removesuffix("\r"))
    return lines, bad


def _sniff(lines: list[str], columns: Sequence[str] | None) -> str:
    sample = [line for line in lines[:50] if line.strip()][:20]
    if not sample:
        return ","
    if columns is not None:
        return max(_DELIMITERS, key=lambda d: sum(line.count(d) == len(columns) - 1 for line in sample))
    return max(_DELIMITERS, key=sample[0].count)


def _split(text: str, delimiter: str) -> tuple[list[str] | None, bool]:
    """Split one record by the rules of RFC 4180: its fields or None, and whether a quote is still open."""
    fields: list[str] = []
    at = 0
    while True:
        if text.startswith(QUOTE, at):
            end = at + 1
            while True:
                end = text.find(QUOTE, end)
                if end < 0:
                    return None, True
                if not text.startswith(QUOTE, end + 1):
                    break
                end += 2
            fields.append(text[at + 1 : end].replace(QUOTE * 2, QUOTE))
            at = end + 1
            if at < len(text) and text[at] != delimiter:
                return None, False
        else:
            end = text.find(delimiter, at)
            fields.append(text[at : end if end >= 0 else len(text)])
            at = end if end >= 0 else len(text)
        if at >= len(text):
            return fields, False
        at += 1
        if at == len(text):
            return [*fields, ""], False


def _take(lines: list[str], bad: dict[int, str], start: int, delimiter: str) -> tuple[list[str] | None, int]:
    """Split the record that begins at line `start`: its fields (None: stray quotes) and its number of lines."""
    text = lines[start]
    if QUOTE not in text:
        return text.split(delimiter), 1
    fields, is_open = _split(text, delimiter)
    if not is_open:
        return fields, 1
    parts = [text]
    for index in range(start + 1, min(len(lines), start + MAX_RECORD_LINES)):
        if index in bad:
            break
        parts.append(lines[index])
        if QUOTE in lines[index]:
            fields, is_open = _split("\n".join(parts), delimiter)
            if not is_open:
                return fields, len(parts)
    return None, 1


def _read_delimited(
    lines: list[str], bad: dict[int, str], columns: Sequence[str] | None, header: bool | None, delimiter: str
) -> Records:
    start = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    out = Records(pl.DataFrame(), [], blank=start)
    names = list(columns) if columns is not None else None
    if start < len(lines) and header is not False and start not in bad:
        first, taken = _take(lines, bad, start, delimiter)
        found = _column_names(first or lines[start].split(delimiter))
        if names is None:
            names = found
            start += taken
        elif header or [n.strip().casefold() for n in names] == [n.casefold() for n in found]:
            start += taken
    if names is None:
        width = len(lines[start].split(delimiter)) if start < len(lines) else 0
        names = [f"column_{i}" for i in range(1, width + 1)]
    rows: list[list[str]] = []
    width = len(names)
    while start < len(lines):
        line = lines[start]
        if not line.strip() and start not in bad:
            out.blank += 1
            start += 1
            continue
        if start in bad:
            out.rejected.append(Rejected(start + 1, "undecodable", bad[start], line))
            start += 1
            continue
        fields, taken = _take(lines, bad, start, delimiter)
        if fields is None or len(fields) != width:
            literal = line.split(delimiter)
            swallows = taken > 1 and any(
                len(lines[i].split(delimiter)) == width for i in range(start + 1, start + taken)
            )
            if QUOTE in line and len(literal) == width:
                fields, taken = literal, 1
                out.literal_quotes += 1
            elif fields is None or swallows:
                detail = f"a quote opens and does not close; {len(literal)} fields, {width} expected"
                out.rejected.append(Rejected(start + 1, "stray_quote", detail, line))
                start += 1
                continue
            else:
                raw = "\n".join(lines[start : start + taken])
                detail = f"{len(fields)} fields, {width} expected"
                out.rejected.append(Rejected(start + 1, "wrong_field_count", detail, raw))
                start += taken
                continue
        rows.append(fields)
        out.lines.append(start + 1)
        start += taken
    out.frame = pl.DataFrame(
        {name: [row[i] for row in rows] for i, name in enumerate(names)},
        schema=dict.fromkeys(names, pl.String),
    )
    return out


def _column_names(cells: Sequence[str]) -> list[str]:
    """Names of columns as in the header; empty ones are numbered, repeated ones get a suffix."""
    names: list[str] = []
    for index, cell in enumerate(cells, start=1):
        base = name = cell.strip() or f"column_{index}"
        again = 2
        while name in names:
            name = f"{base}_{again}"
            again += 1
        names.append(name)
    return names


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
        return "|".join(v if isinstance(v, str) else json.dumps(v) for v in value)
    return json.dumps(value, ensure_ascii=False)


def _object(value: Any) -> dict[str, str | None]:
    """Flatten a parsed JSON value to texts, or raise ValueError with the reason that it is no row."""
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object is expected, not {type(value).__name__}")
    if not value:
        raise ValueError("the JSON object is empty")
    row = {key: _as_text(cell) for key, cell in value.items()}
    "".join([*row, *(cell for cell in row.values() if cell)]).encode()  # half a surrogate pair is no text
    return row


def _frame_of(rows: list[dict[str, str | None]]) -> pl.DataFrame:
    names = list(dict.fromkeys(key for row in rows for key in row))
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names}, schema=dict.fromkeys(names, pl.String)
    )


def _read_json_lines(lines: list[str], bad: dict[int, str]) -> Records:
    rows: list[dict[str, str | None]] = []
    out = Records(pl.DataFrame(), [])
    for index, line in enumerate(lines):
        if index in bad:
            out.rejected.append(Rejected(index + 1, "undecodable", bad[index], line))
        elif not line.strip():
            out.blank += 1
        else:
            try:
                rows.append(_object(json.loads(line)))
                out.lines.append(index + 1)
            except (ValueError, RecursionError) as error:
                out.rejected.append(Rejected(index + 1, "bad_json", str(error), line))
    out.frame = _frame_of(rows)
    return out


def _read_json_array(name: str, lines: list[str], bad: dict[int, str]) -> Records | None:
    """Read a file that is one JSON array of objects; None if it does not begin like one."""
    text = "\n".join(lines).strip()
    if not text.startswith("["):
        return None
    if bad:
        raise InputError(f"{name}, line {min(bad) + 1}: {bad[min(bad)]}")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} begins like a JSON array, but is none: {error}") from error
    rows: list[dict[str, str | None]] = []
    out = Records(pl.DataFrame(), [])
    for number, value in enumerate(values, start=1):
        try:
            rows.append(_object(value))
            out.lines.append(number)
        except ValueError as error:
            raw = json.dumps(value)
            out.rejected.append(Rejected(number, "bad_json", f"element {number}: {error}", raw))
    out.frame = _frame_of(rows)
    return out


def _read_parquet(name: str, data: bytes) -> Records:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{name} is not a Parquet file: {error}") from error
    return Records(frame, list(range(1, frame.height + 1)))

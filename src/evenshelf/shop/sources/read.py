"""Rows out of CSV, TSV, JSON lines, JSON and Parquet; what is no row is handed back with its reason.

Nothing is repaired and nothing is dropped: each record of a file comes back either as a row or as a
:class:`~evenshelf.shop.sources.records.Rejected`, and blank lines are counted. Files are read in batches, so that
memory does not grow with them (a JSON array excepted).
"""

from __future__ import annotations

import codecs
import json
import shutil
import tempfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

import polars as pl
import pyarrow
from pyarrow import parquet

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.sources.delimited import Delimited, Lines, take
from evenshelf.shop.sources.records import Records, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOCK = 1 << 24
"""Bytes read at a time."""

PARQUET_ROWS = 1 << 17
"""Rows of a Parquet file read at a time."""

_DELIMITERS = (",", "\t", ";", "|")
_UTF8_BOM = b"\xef\xbb\xbf"
_ZEROS = 10
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def read_batches(
    name: str,
    stream: BinaryIO,
    *,
    columns: Sequence[str] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    block: int = BLOCK,
) -> Iterator[Records]:
    r"""Read one file of rows, a batch after another.

    Parameters
    ----------
    name
        Name of the file; its ending tells the format.
    stream
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
    block
        Bytes read at a time.

    Yields
    ------
    Records
        Text columns for delimited files and JSON (lists are joined by ``|``), the file's own types for Parquet. All
        batches of a delimited file have the same columns. There is at least one.

    Raises
    ------
    InputError
        If the file as a whole cannot be read.
    SettingError
        If encoding, delimiter or columns make no sense.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".parquet":
        yield from _read_parquet(name, stream)
        return
    try:
        codecs.lookup(encoding)
        "a".encode(encoding)  # base64 and its like are no encodings of text
    except LookupError as error:
        raise SettingError(f"there is no encoding {encoding!r}", hint="Try utf-8 or gb18030.") from error
    blocks = _Blocks(name, stream, encoding, block)
    if suffix in {".json", ".jsonl", ".ndjson"}:
        yield from _read_json(name, suffix, blocks)
        return
    if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
        raise SettingError(f"a delimiter is one ASCII character and no quote or line end, not {delimiter!r}")
    if columns is not None and len(set(columns)) != len(columns):
        raise SettingError(f"a column is named twice in {', '.join(columns)}")
    yield from _read_delimited(suffix, blocks, columns, header, delimiter)


_LONGEST_LINE = 1 << 20


class _Blocks:
    """Blocks of whole lines of a text file, without byte order mark, each line ended by a line feed.

    UTF-16 is turned into UTF-8 on the way.
    """

    def __init__(self, name: str, stream: BinaryIO, encoding: str, size: int) -> None:
        self._name, self._stream, self._size = name, stream, size
        self.encoding = "utf-8" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
        first = stream.read(size)
        self._decoder: codecs.IncrementalDecoder | None = None
        if first.startswith(_UTF16_BOMS):
            self._decoder, self.encoding = codecs.getincrementaldecoder("utf-16")(), "utf-8"
        elif (order := _utf16_of(first, encoding)) is not None:
            self._decoder, self.encoding = codecs.getincrementaldecoder(order)(), "utf-8"
        elif first.startswith(_UTF8_BOM):
            first, self.encoding = first.removeprefix(_UTF8_BOM), "utf-8"
        # Line ends of old: a file without a single line feed, as far as a line may reach.
        self._returns = b"\r" in first and b"\n" not in first and (len(first) < size or size >= _LONGEST_LINE)
        self._next = first
        self._rest = b""
        self.done = False

    def read(self) -> Lines:
        """The next lines; at the end of the file :attr:`done` is set."""
        block = self._next
        self._next = self._stream.read(self._size) if block else b""
        self.done = not self._next
        if self._decoder is not None:
            try:
                block = self._decoder.decode(block, final=self.done).encode()
            except UnicodeDecodeError as error:
                raise InputError(f"{self._name} begins like UTF-16, but is none: {error}") from error
        if self._returns:
            block = block.replace(b"\r", b"\n")
        block = self._rest + block
        if self.done:
            block += b"" if not block or block.endswith(b"\n") else b"\n"
        else:
            whole = block.rfind(b"\n") + 1
            self._rest, block = block[whole:], block[:whole]
        return Lines.of(block, self.encoding)

    def first(self) -> Lines:
        """The first lines, up to some that are not blank."""
        lines = self.read()
        while not self.done and not lines.data.strip():
            lines += self.read()
        return lines

    def all(self, lines: Lines) -> Lines:
        """These lines and all that follow."""
        while not self.done:
            lines += self.read()
        return lines


def _utf16_of(first: bytes, encoding: str) -> str | None:
    """Name UTF-16 where it has no byte order mark: as told, or as the zeros beside commas and line ends tell."""
    told = codecs.lookup(encoding).name
    if told in {"utf-16-le", "utf-16-be"}:
        return told
    sample = first[:4096]
    zeros = [sample[at::2].count(0) for at in (0, 1)]
    # Damaged text may hold a few zeros, but not all at odd or all at even places.
    if told == "utf-16" or (min(zeros) == 0 and max(zeros) >= _ZEROS):
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return None


def _sniff(lines: Sequence[str], columns: Sequence[str] | None) -> str:
    sample = [line for line in lines[:50] if line.strip()][:20]
    if not sample:
        return ","
    if columns is not None:
        return max(_DELIMITERS, key=lambda d: sum(line.count(d) == len(columns) - 1 for line in sample))
    return max(_DELIMITERS, key=sample[0].count)


def _read_delimited(
    suffix: str, blocks: _Blocks, columns: Sequence[str] | None, header: bool | None, delimiter: str | None
) -> Iterator[Records]:
    lines = blocks.first()
    if delimiter is None:
        delimiter = "\t" if suffix == ".tsv" else _sniff([lines[i] for i in range(min(50, len(lines)))], columns)
    start = next((i for i in range(len(lines)) if lines[i].strip()), len(lines))
    names = list(columns) if columns is not None else None
    begin = start
    if start < len(lines) and header is not False and start not in lines.bad:
        first, taken, _ = take(lines, start, delimiter)
        found = _column_names(first or lines[start].split(delimiter))
        if names is None:
            names = found
            begin += taken
        elif header or [n.strip().casefold() for n in names] == [n.casefold() for n in found]:
            begin += taken
    if names is None:
        width = len(lines[start].split(delimiter)) if start < len(lines) else 0
        names = [f"column_{i}" for i in range(1, width + 1)]
    reader = Delimited(names, delimiter, line=begin + 1)
    batch = reader.feed(lines.after(begin), last=blocks.done)
    batch.blank += start
    yield batch
    while not blocks.done:
        yield reader.feed(blocks.read(), last=blocks.done)


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
    columns: dict[str, list[str | None]] = {}
    for number, row in enumerate(rows):  # by what is there: shops with thousands of attributes give each item a few
        for name, value in row.items():
            if name not in columns:
                columns[name] = [None] * len(rows)
            columns[name][number] = value
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _read_json(name: str, suffix: str, blocks: _Blocks) -> Iterator[Records]:
    """JSON lines; or, in a file that begins like one, a JSON array of objects."""
    lines = blocks.first()
    if suffix == ".json" and lines.data.lstrip().startswith(b"["):
        yield _read_json_array(name, blocks.all(lines))
        return
    number = 1
    while True:
        yield _read_json_lines(lines, number)
        if blocks.done:
            return
        number += len(lines)
        lines = blocks.read()


def _read_json_lines(lines: Lines, number: int) -> Records:
    rows: list[dict[str, str | None]] = []
    out = Records(pl.DataFrame(), [])
    for index, line in enumerate(lines):
        if index in lines.bad:
            out.rejected.append(Rejected(number + index, "undecodable", lines.bad[index], line))
        elif not line.strip():
            out.blank += 1
        else:
            try:
                rows.append(_object(json.loads(line)))
                out.lines.append(number + index)
            except (ValueError, RecursionError) as error:
                out.rejected.append(Rejected(number + index, "bad_json", str(error), line))
    out.frame = _frame_of(rows)
    return out


def _read_json_array(name: str, lines: Lines) -> Records:
    if lines.bad:
        raise InputError(f"{name}, line {min(lines.bad) + 1}: {lines.bad[min(lines.bad)]}")
    text = "\n".join(lines).strip()
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


def _read_parquet(name: str, stream: BinaryIO) -> Iterator[Records]:
    if not stream.seekable():  # the end of the file says where its columns are
        with tempfile.TemporaryFile() as whole:
            shutil.copyfileobj(stream, whole)
            yield from _read_parquet(name, whole)
        return
    line = 1
    try:
        file = parquet.ParquetFile(stream)
        batches = file.iter_batches(batch_size=PARQUET_ROWS)
        empty = pl.from_arrow(file.schema_arrow.empty_table())
        assert isinstance(empty, pl.DataFrame)
        if held := [column for column, dtype in empty.schema.items() if dtype == pl.Binary]:
            raise InputError(
                f"{name}: {', '.join(held)} holds bytes, which cannot be kept",
                hint="Leave such columns out when you write the file, or write them as text.",
            )
        for frame in map(_plain, map(pl.from_arrow, batches)):
            yield Records(frame, list(range(line, line + frame.height)))
            line += frame.height
        if line == 1:
            yield Records(_plain(empty), [])
    except (pyarrow.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{name} is not a Parquet file: {error}") from error


def _plain(frame: pl.DataFrame | pl.Series) -> pl.DataFrame:
    """Categories as text: those of different batches are not the same."""
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))

"""Rows out of delimited text, a chunk of lines at a time: regular lines all at once, the others one by one.

A line is regular if it is one record whatever stands around it: as many delimiters outside of quotes as there should
be, and quotes only as RFC 4180 puts them. Which lines are is found by counting bytes; polars then reads them in one go.
What is left (stray quotes, records over several lines, wrong numbers of fields, blank lines) is looked at line by line.
The result is that of looking at every line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.shop.sources.records import Records, Rejected

QUOTE = '"'
MAX_RECORD_LINES = 1000
"""A quote that does not close within so many lines is a stray one."""

Bytes = NDArray[np.uint8]
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34

# A line that holds one of these is not blank: above the blank itself, and no part of a blank in UTF-8.
_SOLID = np.zeros(256, bool)
_SOLID[33:] = True
_SOLID[[0xC2, 0xE1, 0xE2, 0xE3, 0x81, 0x85, 0x9A, 0x9F, 0xA0, 0xA8, 0xA9, 0xAF, *range(0x80, 0x8B)]] = False


def split(text: str, delimiter: str) -> tuple[list[str] | None, bool]:
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


def split_escaped(text: str, delimiter: str) -> list[str] | None:
    r"""Split a record in which ``\"`` stands for a quote and ``\\`` for a backslash; None if it is none."""
    if f"\\{QUOTE}" not in text:
        return None
    doubled = re.sub(r'\\(["\\])', lambda found: QUOTE * 2 if found[1] == QUOTE else "\\", text)
    return split(doubled, delimiter)[0]


class Lines(Sequence[str]):
    """Lines of UTF-8, made into text one at a time.

    Parameters
    ----------
    data
        Ends with a line feed, or is empty.
    bad
        By line (from 0), what makes it no text.
    """

    def __init__(self, data: bytes, bad: dict[int, str] | None = None) -> None:
        self.data, self.bad = data, bad or {}
        self.bytes: Bytes = np.frombuffer(data, np.uint8)
        self.ends = np.flatnonzero(self.bytes == _NEWLINE)
        self.starts = np.concatenate([[0], self.ends[:-1] + 1]) if len(self.ends) else self.ends

    @classmethod
    def of(cls, data: bytes, encoding: str) -> Lines:
        """Lines in another encoding, in which the byte of a line feed stands for nothing else."""
        try:
            return cls(data.decode(encoding).encode())
        except UnicodeError:
            pass
        kept: list[bytes] = []
        bad: dict[int, str] = {}
        for index, line in enumerate(data.split(b"\n")[:-1]):
            try:
                kept.append(line.decode(encoding).encode())
            except UnicodeDecodeError as error:
                bad[index] = f"byte {error.start + 1} of the line is not {encoding}"
                kept.append(line.decode(encoding, "backslashreplace").encode(errors="backslashreplace"))
        return cls(b"".join(line + b"\n" for line in kept), bad)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return self.data[self.starts[index] : self.ends[index]].decode().removesuffix("\r")

    def __add__(self, more: Lines) -> Lines:
        return Lines(self.data + more.data, self.bad | {len(self) + line: why for line, why in more.bad.items()})

    def after(self, start: int) -> Lines:
        """The lines from `start` on."""
        if start >= len(self):
            return Lines(b"")
        bad = {line - start: why for line, why in self.bad.items() if line >= start}
        return Lines(self.data[self.starts[start] :], bad)


def take(lines: Lines, start: int, delimiter: str) -> tuple[list[str] | None, int, bool]:
    """Split the record that begins at line `start`.

    Returns
    -------
    Its fields (None: stray quotes), its number of lines, and whether it may go on after the last line.
    """
    text = lines[start]
    if QUOTE not in text:
        return text.split(delimiter), 1, False
    fields, is_open = split(text, delimiter)
    if not is_open:
        return fields, 1, False
    parts = [text]
    for index in range(start + 1, min(len(lines), start + MAX_RECORD_LINES)):
        if index in lines.bad:
            return None, 1, False
        parts.append(lines[index])
        if QUOTE in parts[-1]:
            fields, is_open = split("\n".join(parts), delimiter)
            if not is_open:
                return fields, len(parts), False
    return None, 1, len(lines) < start + MAX_RECORD_LINES


@dataclass
class Delimited:
    """Reads one file whose columns are known, some lines after others.

    Parameters
    ----------
    names
        Of the columns.
    delimiter
        One ASCII character.
    line
        Number (from 1) of the first line that is fed.
    """

    names: Sequence[str]
    delimiter: str
    line: int = 1
    _rest: Lines = field(default_factory=lambda: Lines(b""), repr=False)

    def feed(self, lines: Lines, *, last: bool) -> Records:
        """Records that end in what was fed so far; one that does not waits for more, unless there is no more."""
        if len(self._rest):
            lines = self._rest + lines
        out = Records(pl.DataFrame(), [])
        regular, quoted = self._regular(lines)
        width = len(self.names)
        rows: list[list[str]] = []
        numbers: list[int] = []
        free = 0
        stop = len(lines)
        for start in np.flatnonzero(~regular).tolist():
            if start < free:
                continue
            line = lines[start]
            free = start + 1
            if start in lines.bad:
                out.rejected.append(Rejected(self.line + start, "undecodable", lines.bad[start], line))
                continue
            if not line.strip():
                out.blank += 1
                continue
            fields, taken, more = take(lines, start, self.delimiter)
            if more and not last:
                stop = start
                break
            if fields is None or len(fields) != width:
                literal = line.split(self.delimiter)
                swallows = taken > 1 and any(
                    len(lines[i].split(self.delimiter)) == width for i in range(start + 1, start + taken)
                )
                escaped = split_escaped(line, self.delimiter)
                if escaped is not None and len(escaped) == width:
                    fields, taken = escaped, 1
                    out.literal_quotes += 1
                elif QUOTE in line and len(literal) == width:
                    fields, taken = literal, 1
                    out.literal_quotes += 1
                elif fields is None or swallows:
                    detail = f"a quote opens and does not close; {len(literal)} fields, {width} expected"
                    out.rejected.append(Rejected(self.line + start, "stray_quote", detail, line))
                    continue
                else:
                    raw = "\n".join(lines[i] for i in range(start, start + taken))
                    detail = f"{len(fields)} fields, {width} expected"
                    out.rejected.append(Rejected(self.line + start, "wrong_field_count", detail, raw))
                    regular[start : start + taken] = False
                    free = start + taken
                    continue
            rows.append(fields)
            numbers.append(start)
            regular[start : start + taken] = False
            free = start + taken
        regular[stop:] = False
        at_once = np.flatnonzero(regular)
        frame = self._read(lines, regular, len(at_once), quote=bool((quoted & regular).any()))
        if rows:
            singly = pl.DataFrame(
                {name: [row[i] for row in rows] for i, name in enumerate(self.names)},
                schema=dict.fromkeys(self.names, pl.String),
            )
            places = np.concatenate([at_once, numbers])
            order = np.argsort(places)
            frame = pl.concat([frame, singly])[order]
            at_once = places[order]
        out.frame = frame
        out.lines = (at_once + self.line).tolist()
        self.line += stop
        self._rest = lines.after(stop)
        return out

    def _read(self, lines: Lines, regular: NDArray[np.bool_], count: int, *, quote: bool) -> pl.DataFrame:
        schema = dict.fromkeys(self.names, pl.String)
        if not count:
            return pl.DataFrame(schema=schema)
        kept = lines.data
        if count < len(lines):
            kept = lines.bytes[np.repeat(regular, lines.ends - lines.starts + 1)].tobytes()
        # with a header of our own: polars would take text that begins like a packed file for one
        letter = "k" if self.delimiter == "c" else "c"
        header = self.delimiter.join(letter * (i + 1) for i in range(len(self.names))) + "\n"
        frame = pl.read_csv(
            header.encode() + kept,
            separator=self.delimiter,
            quote_char=QUOTE if quote else None,
            infer_schema=False,
            empty_string_is_null=False,
        )
        frame.columns = list(self.names)
        if frame.height != count:
            raise RuntimeError(f"{count} regular lines were read as {frame.height} rows")
        return frame

    def _regular(self, lines: Lines) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which lines are a record each, and which of these hold quotes."""
        data, edges = lines.bytes, np.append(lines.starts, len(lines.bytes))
        nothing = np.zeros(len(lines), bool)
        if not len(lines):
            return nothing, nothing

        def places(byte: int) -> NDArray[np.int64]:
            return np.flatnonzero(data == byte)

        def per_line(found: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.diff(np.searchsorted(found, edges))

        quotes, delimiters, returns = places(_QUOTE), places(ord(self.delimiter)), places(_RETURN)
        count = per_line(quotes)
        ordinal = np.arange(len(quotes)) - np.repeat(np.cumsum(count) - count, count)
        opens = ordinal % 2 == 0
        before = np.where(quotes > 0, data[quotes - 1], _NEWLINE)
        after = data[quotes + 1] if len(quotes) else before
        wrong = np.where(
            opens,
            ~np.isin(before, (_NEWLINE, ord(self.delimiter), _QUOTE)),
            ~np.isin(after, (_NEWLINE, _RETURN, ord(self.delimiter), _QUOTE)),
        )
        line_of = np.searchsorted(lines.ends, delimiters)
        inside = (np.searchsorted(quotes, delimiters) - (np.cumsum(count) - count)[line_of]) % 2 == 1
        stray = returns[data[returns + 1] != _NEWLINE] if len(returns) else returns
        regular = (
            (count % 2 == 0)
            & (per_line(quotes[wrong]) == 0)
            & (per_line(delimiters[~inside]) == len(self.names) - 1)
            & (per_line(np.flatnonzero(_SOLID[data])) > 0)
            & (per_line(stray) == 0)
        )
        if lines.bad:
            regular[list(lines.bad)] = False
        return regular, count > 0

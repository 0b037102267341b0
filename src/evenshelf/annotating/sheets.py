"""Sheets: the CSV files that go to annotators and come back, through spreadsheet programs and their habits.

They are UTF-8 with a byte order mark, without which such programs show Chinese as rubbish. A text that begins as a
formula does gets an apostrophe in front, which is taken off again when the sheet comes back. Sheets may come back with
semicolons or tabs for commas, which some programs write.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from evenshelf.errors import InputError, SettingError

COLUMNS = (
    "item_id",
    "title",
    "suggestion",
    "confidence",
    "second_suggestion",
    "second_confidence",
    "why",
    "label",
    "annotator",
)
"""Columns of a sheet, in order; the last two are for the annotator."""
BLIND = ("item_id", "title", "label", "annotator")
"""Columns of a sheet that suggests nothing."""
REFUSED = "refused"
"""Column added to rows that were refused."""

SURPLUS = "surplus"
"""Column of refused rows for cells beyond the last column; a row that has any is refused until they are cleared."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DELIMITERS = (",", ";", "\t")
_LARGEST_FIELD = 1 << 24


def write_sheets(
    rows: pl.DataFrame,
    out: str | Path,
    *,
    annotators: Sequence[str] = (),
    overlap: int = 1,
    blind: bool = False,
    seed: int = 0,
) -> list[Path]:
    """Write rows as sheets: one, or one for each annotator.

    Parameters
    ----------
    rows
        :attr:`evenshelf.annotating.select.Selection.rows`, or any table with item_id and title.
    out
        The file. With annotators ``sheet.csv`` becomes ``sheet-ann.csv``, ``sheet-bob.csv``, ...
    annotators
        Names, all different.
    overlap
        How many annotators get each row, from 1 to their number. Their sheets differ in length by one row at most.
    blind
        Whether to leave suggestions and reasons out, so that they sway nobody.
    seed
        Of who gets which row.

    Returns
    -------
    The files, in the order of the annotators.

    Raises
    ------
    SettingError
        If names repeat or lead to one file, or the overlap cannot be; no file is written then.
    InputError
        If a file cannot be written.
    """
    out = Path(out)
    columns = BLIND if blind else COLUMNS
    files = check_sheets(out, annotators, overlap)
    names = list(files)
    table = rows.with_columns(
        pl.lit(None, dtype=pl.String).alias(name) for name in columns if name not in rows.columns
    ).select(columns)
    if not names:
        _write(out, columns, table)
        return [out]
    shares = deal(table.height, len(names), overlap, seed)
    for name, share in zip(names, shares, strict=True):
        _write(files[name], columns, table[share].with_columns(pl.lit(name).alias("annotator")))
    return list(files.values())


def check_sheets(out: Path, annotators: Sequence[str], overlap: int) -> dict[str, Path]:
    """The file of each annotator; takes no time.

    Raises
    ------
    SettingError
        If names repeat or lead to one file, the overlap cannot be, or a file holds labels.
    """
    names = [name.strip() for name in annotators]
    files = {name: out.with_name(f"{out.stem}-{_file_part(name)}{out.suffix}") for name in names}
    faults = []
    if any(not name for name in names):
        faults.append("a name of an annotator is empty")
    if len(files) < len(names) or len({str(file).casefold() for file in files.values()}) < len(files):
        faults.append(f"the annotators {', '.join(names)} do not all lead to files of their own")
    if not 1 <= overlap <= max(len(names), 1):
        faults.append(f"each row cannot go to {overlap} of {len(names)} annotators")
    if faults:
        raise SettingError("; ".join(faults) + ".", hint="Give different names, such as: --per-annotator ann,bob")
    if not out.name:
        raise SettingError(f"{out} is no name of a file.", hint="Such as: sheet.csv")
    if filled := [str(file) for file in files.values() or [out] if _has_labels(file)]:
        raise SettingError(
            f"{', '.join(filled)} holds labels already, and is not written over.",
            hint="Import it, then take another name or remove the file.",
        )
    return files


def _has_labels(file: Path) -> bool:
    if not file.is_file():
        return False
    try:
        return any(row.cells.get("label", "").strip() for row in read_sheet(file).rows)
    except (InputError, SettingError):
        return True  # whatever it is, it is not ours to lose


def deal(rows: int, annotators: int, overlap: int, seed: int) -> list[list[int]]:
    """Rows of each annotator: every row goes to `overlap` of them, who change, and all get equally many but for one."""
    rng = np.random.default_rng(seed)
    load = np.zeros(annotators, np.int64)
    shares: list[list[int]] = [[] for _ in range(annotators)]
    for row in range(rows):
        for who in np.lexsort((rng.random(annotators), load))[:overlap]:
            shares[who].append(row)
            load[who] += 1
    return shares


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
        Of its text; a byte order mark is taken off.

    Raises
    ------
    InputError
        If it cannot be read, or lacks the columns item_id and label.
    SettingError
        If there is no such encoding.
    """
    try:
        codec = codecs.lookup(encoding).name
        "a".encode(codec)  # base64 and its like are no encodings of text
    except LookupError:
        raise SettingError(f"There is no encoding {encoding!r}.", hint="Such as utf-8 or gb18030.") from None
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{file}, line {line}: this is not {encoding}.",
            hint="Save it as CSV UTF-8, or say what it is, such as: --encoding gb18030 (Excel in China), cp1252 (in "
            "western Europe)",
        ) from error
    text = text.removeprefix("\ufeff")
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=lambda d: (head.count(d), -_DELIMITERS.index(d)))
    rows = _records(file, text, delimiter)
    if not rows:
        raise InputError(f"{file} is empty.", hint="A sheet has the columns item_id and label.")
    columns = tuple(name.strip() for name in rows[0][1])
    missing = [name for name in ("item_id", "label") if name not in columns]
    repeated = sorted({name for name in columns if name and columns.count(name) > 1})
    if missing or repeated:
        problems = [f"the column {name!r} is missing" for name in missing]
        problems += [f"the column {name!r} stands there twice" for name in repeated]
        raise InputError(
            f"{file}, line 1: {'; '.join(problems)}.",
            hint=f"It has: {', '.join(columns)}. Leave the first line as it was exported.",
        )
    return Sheet(file, hashlib.sha256(data).hexdigest()[:12], columns, tuple(_row(columns, r) for r in rows[1:]))


def write_refused(file: Path, columns: Sequence[str], rows: Sequence[tuple[Row, str]]) -> None:
    """Write refused rows as a sheet with the reason, to be corrected and imported again."""
    surplus = [SURPLUS] if any(row.cells.get(SURPLUS) for row, _ in rows) else []
    wide = [*(name for name in columns if name and name not in (REFUSED, SURPLUS)), *surplus, REFUSED]
    cells = [{**row.cells, REFUSED: reason} for row, reason in rows]
    frame = pl.DataFrame(
        {name: [c.get(name, "") for c in cells] for name in wide}, schema=dict.fromkeys(wide, pl.String)
    )
    _write(file, wide, frame, guard=False)


def unguarded(text: str) -> str:
    """A cell without the apostrophe that :func:`write_sheets` puts before what looks like a formula."""
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA and len(text) > 1 else text


def _write(file: Path, columns: Sequence[str], table: pl.DataFrame, *, guard: bool = True) -> None:
    texts = [name for name, dtype in table.schema.items() if dtype == pl.String]
    if guard:
        table = table.with_columns(pl.col(name).str.replace(r"^([=+\-@\t\r])", "'$1") for name in texts)
    partial = file.with_name(f"{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        table.select(columns).write_csv(partial, include_bom=True, line_terminator="\r\n", null_value="")
        partial.replace(file)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror or error}.") from error


def _records(file: Path, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Records that are not blank, each with the line it begins at."""
    before = csv.field_size_limit(_LARGEST_FIELD)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        found, line = [], 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{file}, line {reader.line_num}: {error}.", hint="Export it again as CSV.") from error
    finally:
        csv.field_size_limit(before)
    return found


def _row(columns: Sequence[str], record: tuple[int, list[str]]) -> Row:
    line, cells = record
    values = [cell.strip() for cell in cells] + [""] * (len(columns) - len(cells))
    found = dict(zip(columns, values, strict=False))
    more = [cell for cell in values[len(columns) :] if cell]
    if more:
        found[SURPLUS] = " | ".join(more)
    fault = f"the row has more cells than columns ({found[SURPLUS]})" if found.get(SURPLUS) else ""
    return Row(line, found, fault)


def _file_part(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "_"

"""Sheets: the CSV files that go to annotators, and those of rows that were refused.

They are UTF-8 with a byte order mark, without which spreadsheet programs show Chinese as rubbish. A text that begins as
a formula does gets an apostrophe in front, which is taken off again when the sheet comes back.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from evenshelf.annotating.annotators import identity
from evenshelf.annotating.reading import SURPLUS, Row, read_sheet
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

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


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
        _write(out, _csv(columns, _guarded(table)))
        return [out]
    shares = deal(table.height, len(names), overlap, seed)
    for name, share in zip(names, shares, strict=True):
        mine = table[share].with_columns(pl.lit(name).alias("annotator"))
        _write(files[name], _csv(columns, _guarded(mine)))
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
    faults, hints = [], []
    if any(not name for name in names):
        faults.append("a name of an annotator is empty")
        hints.append("Give different names, such as: --per-annotator ann,bob")
    people = {identity(name) for name in names}
    if len(people) < len(names) or len({str(file).casefold() for file in files.values()}) < len(files):
        faults.append(f"the annotators {', '.join(names)} do not all lead to files of their own")
        hints.append("Give different names, such as: --per-annotator ann,bob")
    if overlap < 1:
        faults.append(f"overlap is {overlap}, and each row must go to one annotator at least")
        hints.append("--overlap 1 gives each row to one.")
    elif overlap > max(len(names), 1):
        there = f"only {len(names)} {'is' if len(names) == 1 else 'are'} named ({', '.join(names)})"
        faults.append(
            f"overlap is {overlap}, so each row goes to {overlap} annotators, and {there if names else 'none is named'}"
        )
        hints.append(f"Name at least {overlap} with --per-annotator, such as: --per-annotator {_people(overlap)}")
    if faults:
        raise SettingError(f"{_sentence('; '.join(faults))}.", hint=" ".join(dict.fromkeys(hints)))
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


def write_refused(sheet: Path, columns: Sequence[str], rows: Sequence[tuple[Row, str]]) -> Path:
    """Write refused rows beside their sheet with the reason, to be corrected and imported again.

    Returns
    -------
    The file, ``refused-NAME.csv``, also if the sheet is such a file itself. One that is there and holds the same is it
    already; one that holds anything else is left alone, since somebody may be correcting it, and the next free name is
    taken: ``refused-NAME.2.csv``.
    """
    surplus = [SURPLUS] if any(row.cells.get(SURPLUS) for row, _ in rows) else []
    wide = [*(name for name in columns if name and name not in (REFUSED, SURPLUS)), *surplus, REFUSED]
    cells = [{**row.cells, REFUSED: reason} for row, reason in rows]
    frame = pl.DataFrame(
        {name: [c.get(name, "") for c in cells] for name in wide}, schema=dict.fromkeys(wide, pl.String)
    )
    text = _csv(wide, frame)
    name = re.sub(rf"^{REFUSED}-(.+?)(\.\d+)?$", r"\1", sheet.name.removesuffix(".csv"))
    stem = f"{REFUSED}-{name}"  # no pattern for sheets fits that
    number = 1
    while (out := sheet.with_name(f"{stem}{'' if number == 1 else f'.{number}'}.csv")).exists():
        if out.is_file() and out.read_bytes() == text:
            return out
        number += 1
    _write(out, text)
    return out


def unguarded(text: str) -> str:
    """A cell without the apostrophe that :func:`write_sheets` puts before what looks like a formula."""
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA and len(text) > 1 else text


def _csv(columns: Sequence[str], table: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    table.select(columns).write_csv(stream, include_bom=True, line_terminator="\r\n", null_value="")
    return stream.getvalue()


def _guarded(table: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name, dtype in table.schema.items() if dtype == pl.String]
    return table.with_columns(pl.col(name).str.replace(r"^([=+\-@\t\r])", "'$1") for name in texts)


def _write(file: Path, text: bytes) -> None:
    partial = file.with_name(f"{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(text)
        partial.replace(file)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror or error}.") from error


def _people(n: int) -> str:
    return ",".join(("ann", "bob", "eve")[:n] if n <= 3 else ("ann", "bob", "eve", "..."))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _file_part(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "_"

"""Weights of classes, read from a file of a user."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from evenshelf.errors import SettingError, near

USAGE = 'Name a CSV with the columns class and weight, or a JSON object such as {"tea": 2.0}.'
COLUMNS = ("class", "weight")
LEAST, MOST = 1e-6, 1e6
"""Range of a weight: ratios beyond it leave float32 nothing of the lighter classes."""


@dataclass(frozen=True)
class WeightFile:
    """What a table says.

    Attributes
    ----------
    weights
        By class.
    places
        Where each stands, such as ``"row 3"``.
    sha256
        Hex digest of the file.
    """

    weights: dict[str, float]
    places: dict[str, str]
    sha256: str

    @classmethod
    def read(cls, file: str) -> WeightFile:
        """Read a table.

        Raises
        ------
        SettingError
            If it cannot be read: no such file, a column missing, a weight that is no number or out of range, a class
            that stands in it twice; with file, row and column.
        """
        path = Path(file).expanduser()
        try:
            content = path.read_bytes()
            text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        except (OSError, UnicodeDecodeError) as error:
            why = "there is no such file" if isinstance(error, FileNotFoundError) else f"it cannot be read ({error})"
            raise SettingError(f"file={file!r}: {why} ({path.resolve()}).", hint=USAGE) from None
        weights: dict[str, float] = {}
        places: dict[str, str] = {}
        for label, value, place in _json(file, text) if path.suffix.lower() == ".json" else _csv(file, text):
            if label in weights:
                raise SettingError(
                    f"{file}, {place}: the class {label!r} was given a weight before, in {places[label]}."
                )
            weights[label], places[label] = _weight(file, place, label, value), place
        if not weights:
            raise SettingError(f"{file} holds no weight.", hint=USAGE)
        return cls(weights, places, sha256(content).hexdigest())


def _csv(file: str, text: str) -> Iterator[tuple[str, Any, str]]:
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [column.strip() for column in next(reader, [])]
        missing = [column for column in COLUMNS if column not in columns]
        if missing:
            meant = near(missing[0], columns)
            there = ", ".join(map(repr, columns)) or "none"
            raise SettingError(f"{file} has no column {missing[0]!r}{meant} (its columns are {there}).", hint=USAGE)
        label, weight = (columns.index(column) for column in COLUMNS)
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            place = f"row {reader.line_num}"
            if len(row) != len(columns):
                raise SettingError(
                    f"{file}, {place}: {len(row)} cells, where the header has {len(columns)}.",
                    hint="Put a class that holds the delimiter into double quotes.",
                )
            yield row[label].strip(), row[weight], place
    except csv.Error as error:
        raise SettingError(f"{file}, row {reader.line_num}: {error}.", hint=USAGE) from None


def _json(file: str, text: str) -> Iterator[tuple[str, Any, str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)  # a dictionary would hide a class that stands there twice
    except ValueError as error:
        raise SettingError(f"{file} is not JSON: {error}.", hint=USAGE) from None
    if text.lstrip()[:1] != "{":
        raise SettingError(f"{file} does not hold a JSON object.", hint=USAGE)
    for number, (label, value) in enumerate(pairs, start=1):
        yield label, value, f"entry {number}"


def _weight(file: str, place: str, label: str, value: Any) -> float:
    column = "column 'weight'" if isinstance(value, str) else "weight"
    try:
        if isinstance(value, bool):
            raise ValueError
        weight = float(value)
    except (TypeError, ValueError, OverflowError):
        raise SettingError(f"{file}, {place}, {column}: {value!r} of {label!r} is not a number.") from None
    if not LEAST <= weight <= MOST:
        raise SettingError(f"{file}, {place}, {column}: {value!r} of {label!r} is outside [{LEAST:f}, {MOST:.0f}].")
    return weight

"""Files of a user that say something of each class: a CSV with a column of classes, or a JSON object."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from evenshelf.errors import SettingError, near
from evenshelf.plurals import counted

CLASS = "class"
"""The column of classes."""


@dataclass(frozen=True)
class Said:
    """What a file says of a class.

    Attributes
    ----------
    value
        Text of a CSV; of JSON whatever stands there.
    place
        Where, such as ``"row 3"``.
    """

    value: Any
    place: str


@dataclass(frozen=True)
class ClassFile:
    """A file that says something of classes.

    Attributes
    ----------
    file, column
        Its path, as it was given, and what it says.
    said
        By class.
    sha256
        Hex digest of its content.
    """

    file: str
    column: str
    said: dict[str, Said]
    sha256: str

    @classmethod
    def read(cls, file: str, column: str, usage: str) -> ClassFile:
        """Read what a file says, by class.

        Parameters
        ----------
        file
            Path from the current folder: JSON if it ends so, otherwise CSV with ``,``, ``;`` or tabs.
        column
            Of a CSV, the one that is read beside ``class``.
        usage
            What to write, for messages.

        Raises
        ------
        SettingError
            If it cannot be read: no such file, a column missing, a class that stands in it twice, nothing in it; with
            file, row and column.
        """
        path = Path(file)
        try:
            path = path.expanduser()
            content = path.read_bytes()
            text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        except FileNotFoundError:
            raise SettingError(f"file={file!r}: there is no such file ({path.resolve()}).", hint=usage) from None
        except (
            OSError,
            RuntimeError,
            ValueError,
        ) as error:  # no such home, a path that cannot be, bytes that are no text
            raise SettingError(f"file={file!r}: it cannot be read ({error}).", hint=usage) from None
        said: dict[str, Said] = {}
        lines = _json(file, text, usage) if path.suffix.lower() == ".json" else _csv(file, text, column, usage)
        for label, value, place in lines:
            if label in said:
                raise SettingError(
                    f"{file}, {place}: the class {label!r} was given a {column} before, in {said[label].place}."
                )
            said[label] = Said(value, place)
        if not said:
            raise SettingError(f"{file} holds no {column}.", hint=usage)
        return cls(file, column, said, sha256(content).hexdigest())

    def left_over(self, classes: Sequence[str], fate: str) -> tuple[str, ...]:
        """Sentences on classes of which it says nothing, and on those that it knows and are not here.

        A text of blanks says nothing.

        Parameters
        ----------
        classes
            Those that are here.
        fate
            What becomes of a class of which nothing is said.

        Raises
        ------
        SettingError
            If one that is not here has nearly the name of one of which nothing is said: that is a slip.
        """
        here = set(classes)
        lacking = [label for label in classes if label not in self.said]
        foreign = [label for label in self.said if label not in here]
        slips = [f"{label!r} ({self.said[label].place}){meant}" for label in foreign if (meant := near(label, lacking))]
        if slips:
            raise SettingError(
                f"{self.file} gives a {self.column} to what is no class: {'; '.join(slips)}.",
                hint=f"Correct the names, or give each class that is meant a {self.column} of its own.",
            )
        lacking += [label for label in classes if label in self.said and not str(self.said[label].value).strip()]
        notes = []
        if lacking:
            shown = ", ".join(map(repr, lacking[:3])) + (", ..." if len(lacking) > 3 else "")
            have = counted(len(lacking), "class has", "classes have")
            notes.append(f"{have} no {self.column} in the table, {fate}: {shown}")
        if foreign:
            have = counted(len(foreign), "line of the table is", "lines of the table are")
            notes.append(f"{have} of classes that are not here")
        return tuple(notes)


def _csv(file: str, text: str, column: str, usage: str) -> Iterator[tuple[str, Any, str]]:
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        if twice := next((name for name in (CLASS, column) if columns.count(name) > 1), None):
            raise SettingError(f"{file} has {columns.count(twice)} columns {twice!r}.", hint=usage)
        missing = [name for name in (CLASS, column) if name not in columns]
        if missing:
            meant = near(missing[0], columns)
            there = ", ".join(map(repr, columns)) or "none"
            raise SettingError(f"{file} has no column {missing[0]!r}{meant} (its columns are {there}).", hint=usage)
        label, value = (columns.index(name) for name in (CLASS, column))
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            place = f"row {reader.line_num}"
            if len(row) != len(columns):
                raise SettingError(
                    f"{file}, {place}: {len(row)} cells, where the header has {len(columns)}.",
                    hint="Put what holds the delimiter into double quotes.",
                )
            yield row[label].strip(), row[value], place
    except csv.Error as error:
        raise SettingError(f"{file}, row {reader.line_num}: {error}.", hint=usage) from None


def _json(file: str, text: str, usage: str) -> Iterator[tuple[str, Any, str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)  # a dictionary would hide a class that stands there twice
    except (ValueError, RecursionError) as error:
        raise SettingError(f"{file} is not JSON: {error}.", hint=usage) from None
    if text.lstrip()[:1] != "{":
        raise SettingError(f"{file} does not hold a JSON object.", hint=usage)
    for number, (label, value) in enumerate(pairs, start=1):
        if any("\ud800" <= letter <= "\udfff" for said in (label, value) if isinstance(said, str) for letter in said):
            raise SettingError(f"{file}, entry {number}: half of a pair of \\u escapes is no letter.", hint=usage)
        yield label, value, f"entry {number}"

"""Weights of classes, read from a file of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evenshelf.class_file import ClassFile
from evenshelf.errors import SettingError

USAGE = 'Name a CSV with the columns class and weight, or a JSON object such as {"tea": 2.0}.'
COLUMN = "weight"
LEAST, MOST = 1e-6, 1e6
"""Range of a weight: ratios beyond it leave float32 nothing of the lighter classes."""


@dataclass(frozen=True)
class WeightFile:
    """What a table says.

    Attributes
    ----------
    weights
        By class.
    file
        The same as it stands there.
    """

    weights: dict[str, float]
    file: ClassFile

    @classmethod
    def read(cls, file: str) -> WeightFile:
        """Read a table.

        Raises
        ------
        SettingError
            If it cannot be read (see :class:`ClassFile`), or a weight is no number or out of range; with file, row
            and column.
        """
        found = ClassFile.read(file, COLUMN, USAGE)
        return cls({label: _weight(file, one.place, label, one.value) for label, one in found.said.items()}, found)


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

"""What reading a file of rows gives back: rows, and what is no row, with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class Rejected:
    """A record that is no row: where it began, why, and how it read."""

    line: int
    reason: str
    detail: str
    raw: str


@dataclass
class Records:
    """Records of one file, or of a part of it.

    `literal_quotes` counts rows whose quotes do not follow the rules of CSV and were therefore read as part of
    the text (those after a backslash, or all), because only so the row has the right number of fields.
    """

    frame: pl.DataFrame
    lines: list[int]
    rejected: list[Rejected] = field(default_factory=list)
    blank: int = 0
    literal_quotes: int = 0

    @property
    def rows_in(self) -> int:
        """Number of records: rows and rejected ones, without blank lines."""
        return self.frame.height + len(self.rejected)

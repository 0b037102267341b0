"""Which rows of a source are in a table already, so that a file that grew adds just what is new.

Rows are compared by a 64-bit hash of their typed values: that two different rows among n have the same one happens with
a chance of n² / 2^65, which is one in ten million for two million rows and one in 15,000 for fifty million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.frames import text_of
from evenshelf.shop.schema import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from evenshelf.shop.schema import TableSchema

    Hashes = NDArray[np.uint64]
    Mask = NDArray[np.bool_]

NAMED = ("event_id", "kind", "item_id", "time")
"""What says that two events with ids are one."""
_MADE_HERE = ("returned", "purchase_time", "session_derived", "minority_label", "title_group")


class KnownRows:
    """Rows of a table that may repeat, such as events.

    A row is known if other sources brought it at least as often as this one has so far.

    Parameters
    ----------
    schema
        The table.
    existing
        Its rows as they are, portion by portion, each time it is gone through, with the columns of PROVENANCE if they
        came from files.
    names
        Further columns of the table; those that a source has as well count.
    """

    def __init__(
        self,
        schema: TableSchema,
        existing: Iterable[pl.DataFrame],
        names: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._schema, self._existing, self._names = schema, existing, names
        self._columns: dict[str, pl.DataType] = {}
        self._new: list[Hashes] = []
        self._counts = _Counts()
        self._there: set[str] = set()
        self._accepted, self._whole = True, True
        # Of this source, which rows are known; by the columns that its files have, in the order of the files.
        self._used: list[tuple[dict[str, pl.DataType], list[Hashes]]] = []

    def accept(self) -> None:
        """Begin with another source; the rows of the last one are in the table now."""
        # Nothing is sorted before another source comes: for one log of fifty million rows that would take gigabytes.
        self._accepted = True

    def _begin(self, frame: pl.DataFrame) -> None:
        """Get ready for another source, or for a file of this one that has other columns."""
        fresh, self._accepted = self._accepted, False
        if fresh:
            self._there, self._used = set(self._names()), []
        columns = self._compared(frame)
        if columns != self._columns or not self._whole:
            self._columns, self._counts = columns, _Counts()
            self._new = list(self._rows(None if fresh else frame["source_id"][0]))
            self._whole = fresh  # or this source's rows from before are missing, which the next one has to know
        self._counts.add(self._new)
        self._new = []
        self._used.append((columns, []))

    def _compared(self, frame: pl.DataFrame) -> dict[str, pl.DataType]:
        # A source that tells no sessions is not to be held against one that does.
        without = () if "session_id" in frame.columns else ("session_id",)
        shared = set(frame.columns) & self._there - {*self._schema.names, *PROVENANCE}
        further = {name: pl.String() for name in sorted(shared)}
        return {**compared(self._schema, without), **further}

    def _rows(self, source: str | None) -> Iterator[Hashes]:
        """All rows; or those of other sources, without those that a source has brought as well by now."""
        used = [(columns, _Counts(hashes)) for columns, hashes in self._used if hashes]
        for part in self._existing:
            mine = source is not None and "source_id" in part.columns
            rows = part.filter(pl.col("source_id").ne_missing(source)) if mine else part
            for columns, counts in used:
                rows = rows.filter(pl.Series(~counts.take(row_hashes(rows, columns)), dtype=pl.Boolean))
            yield row_hashes(rows, self._columns)

    def find(self, frame: pl.DataFrame) -> Mask:
        """Mark the known rows; each row of a source must be asked about once."""
        if self._accepted or (frame.height and self._compared(frame) != self._columns):
            self._begin(frame)
        hashes = row_hashes(frame, self._columns)
        out = self._counts.take(hashes)
        self._new.append(hashes[~out])
        if out.any():
            self._used[-1][1].append(hashes[out])
        return out


class _Counts:
    """Hashes with how often each can still be taken."""

    def __init__(self, hashes: Sequence[Hashes] = ()) -> None:
        self._hashes, self._counts = np.zeros(0, np.uint64), np.zeros(0, np.int32)
        self.add(hashes)

    def add(self, more: Sequence[Hashes]) -> None:
        """Add hashes, and let all be taken anew."""
        hashes, counts = np.unique(np.concatenate([np.zeros(0, np.uint64), *more]), return_counts=True)
        if not len(self._hashes):
            self._hashes, self._counts = hashes, counts.astype(np.int32)
        else:
            new = ~np.isin(hashes, self._hashes, assume_unique=True)
            self._counts[np.searchsorted(self._hashes, hashes[~new])] += counts[~new].astype(np.int32)
            order = np.argsort(np.concatenate([self._hashes, hashes[new]]), kind="stable")
            self._hashes = np.concatenate([self._hashes, hashes[new]])[order]
            self._counts = np.concatenate([self._counts, counts[new].astype(np.int32)])[order]
        self._left = self._counts.copy()

    def take(self, hashes: Hashes) -> Mask:
        """Take each hash as often as it is left; mark those that were."""
        out = np.zeros(len(hashes), np.bool_)
        if not len(self._hashes):
            return out
        place = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        candidates = np.flatnonzero(self._hashes[place] == hashes)
        place = place[candidates]
        # The k-th of equal ones is taken if more than k are left.
        order = np.argsort(place, kind="stable")
        ordered = place[order]
        first = np.searchsorted(ordered, ordered)
        known = np.empty(len(ordered), np.bool_)
        known[order] = np.arange(len(ordered)) - first < self._left[ordered]
        out[candidates[known]] = True
        np.subtract.at(self._left, place[known], 1)
        return out


def compared(schema: TableSchema, without: Sequence[str] = ()) -> dict[str, pl.DataType]:
    """Columns of a table by which two of its rows are compared, with their types; those made here tell nothing."""
    left_out = {*PROVENANCE, *_MADE_HERE, *without}
    return {c.name: c.dtype for c in schema.columns if c.name not in left_out}  # type: ignore[misc]


def row_hashes(frame: pl.DataFrame, columns: dict[str, pl.DataType]) -> Hashes:
    """Return a hash of each row by some of its columns; a column that it lacks is null."""
    values = [
        pl.lit(None, dtype).alias(name)
        if name not in frame.columns
        else text_of(name, frame.schema[name])
        if dtype == pl.String
        else pl.col(name).cast(dtype)
        for name, dtype in columns.items()
    ]
    named = frame.select(values) if frame.width else frame
    hashes = named.hash_rows(seed=0)
    if "event_id" in columns and "event_id" in frame.columns:
        # What the source itself names is the same if the name is, for the same thing done at the same time: other
        # files count from 1 as well.
        by_name = named.select(NAMED).hash_rows(seed=1)
        hashes = pl.select(pl.when(frame["event_id"].is_not_null()).then(by_name).otherwise(hashes)).to_series()
    return hashes.to_numpy()

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
        return {**_compared(self._schema, without), **further}

    def _rows(self, source: str | None) -> Iterator[Hashes]:
        """All rows; or those of other sources, without those that a source has brought as well by now."""
        used = [(columns, _Counts(hashes)) for columns, hashes in self._used if hashes]
        for part in self._existing:
            mine = source is not None and "source_id" in part.columns
            rows = part.filter(pl.col("source_id").ne_missing(source)) if mine else part
            for columns, counts in used:
                rows = rows.filter(pl.Series(~counts.take(_hash(rows, columns)), dtype=pl.Boolean))
            yield _hash(rows, self._columns)

    def find(self, frame: pl.DataFrame) -> Mask:
        """Mark the known rows; each row of a source must be asked about once."""
        if self._accepted or (frame.height and self._compared(frame) != self._columns):
            self._begin(frame)
        hashes = _hash(frame, self._columns)
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


class KnownKeys:
    """Rows of a table in which each key stands once.

    Parameters
    ----------
    schema
        The table; it has a key.
    existing
        Its rows, portion by portion.
    newer
        Whether rows of a source take the place of those that others brought with the same key.

    Attributes
    ----------
    replaced
        Keys of rows of the table whose place those of the source take, portion by portion.
    """

    def __init__(self, schema: TableSchema, existing: Iterable[pl.DataFrame], *, newer: bool = False) -> None:
        self._key, self._newer = schema.key, newer
        self.replaced: list[pl.DataFrame] = []
        self._columns = _compared(schema, ())
        self._seen: list[pl.DataFrame] = [self._hashed(frame, there=True) for frame in existing]

    def _hashed(self, frame: pl.DataFrame, *, there: bool) -> pl.DataFrame:
        key = _hash(frame, {name: self._columns[name] for name in self._key})
        content = _hash(frame, self._columns)
        return pl.DataFrame({"key": key, "content": content}).with_columns(there=pl.lit(there))

    def accept(self) -> None:
        """Begin with another source; the rows of the last one are in the table now."""
        self._seen = [seen.with_columns(there=pl.lit(value=True)) for seen in self._seen]
        self.replaced = []

    def find(self, frame: pl.DataFrame) -> tuple[Mask, Mask]:
        """Mark rows that the table has with equal content, and rows whose key another row has.

        Each row of a source must be asked about once; the first row with a key counts, later ones have it twice.
        """
        mine = self._hashed(frame, there=False)
        seen = pl.concat([mine.clear(), *self._seen]).rename({"content": "other", "there": "was_there"})
        found = mine.join(seen, on="key", how="left", maintain_order="left")
        known = found.select((pl.col("content") == pl.col("other")) & pl.col("was_there"))
        repeats = ~mine["key"].is_first_distinct()
        mask = known.to_series().fill_null(value=False).to_numpy()
        clash = (found["other"].is_not_null() | repeats).to_numpy() & ~mask
        if self._newer:
            new = clash & found["was_there"].fill_null(value=False).to_numpy() & ~repeats.to_numpy()
            clash &= ~new
            if new.any():
                self.replaced.append(frame.filter(new).select(self._key))
                self._seen = [seen.join(mine.filter(new), on="key", how="anti") for seen in self._seen]
        self._seen.append(mine.filter(~(mask | clash)))
        return mask, clash


def same_key(schema: TableSchema) -> str:
    """Say what is wrong with a row whose key another row has."""
    return f"another row has the same {' and '.join(schema.key)}"


def _compared(schema: TableSchema, without: Sequence[str]) -> dict[str, pl.DataType]:
    left_out = {*PROVENANCE, *_MADE_HERE, *without}
    return {c.name: c.dtype for c in schema.columns if c.name not in left_out}  # type: ignore[misc]


def _hash(frame: pl.DataFrame, columns: dict[str, pl.DataType]) -> Hashes:
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

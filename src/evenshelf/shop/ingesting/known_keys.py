"""Which keys of a table are taken, and by whom: of a table in which each key stands once.

Keys and rows are compared by 64-bit hashes, as in :mod:`evenshelf.shop.ingesting.known`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from evenshelf.shop.ingesting.known import compared, row_hashes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from evenshelf.shop.ingesting.known import Hashes, Mask
    from evenshelf.shop.schema import TableSchema


class Found(NamedTuple):
    """What is known of rows: masks over them, of which at most one is true for a row.

    Attributes
    ----------
    known
        The table has it from another source, with equal content.
    clash
        Its key is taken.
    newer
        It takes the place of the row with its key that another source brought.
    """

    known: Mask
    clash: Mask
    newer: Mask


class KnownKeys:
    """The keys of a table.

    Parameters
    ----------
    schema
        The table; it has a key.
    existing
        Its rows, portion by portion, with the columns of PROVENANCE if they came from files.
    """

    def __init__(self, schema: TableSchema, existing: Iterable[pl.DataFrame]) -> None:
        self._columns = compared(schema)
        self._key = {name: self._columns[name] for name in schema.key}
        parts = [self._hashed(frame) for frame in existing]
        self._chunks = [_Chunk.of(*map(np.concatenate, zip(*parts, strict=True)))] if parts else []

    def _hashed(self, frame: pl.DataFrame) -> tuple[Hashes, Hashes, Hashes]:
        """Key, content and source of rows."""
        nobody = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
        source = frame.get_column("source_id", default=nobody).hash(seed=2).to_numpy()
        return row_hashes(frame, self._key), row_hashes(frame, self._columns), source

    def find(self, frame: pl.DataFrame, *, newer: bool = False) -> Found:
        """Say what is known of rows of one source, which are in the table from now on unless they are known or clash.

        Each row must be asked about once. Of rows of a source with one key, the first counts; if rows are not to take
        the place of others, one that the table has with equal content comes before.

        Parameters
        ----------
        frame
            The rows.
        newer
            Whether they take the place of those that other sources brought.
        """
        key, content, source = self._hashed(frame)
        held = np.zeros(len(key), np.bool_)
        same, mine = held.copy(), held.copy()
        places: list[tuple[_Chunk, NDArray[np.intp], NDArray[np.intp]]] = []
        for chunk in self._chunks:
            rows, at = chunk.find(key)
            held[rows] = True
            same[rows] = chunk.content[at] == content[rows]
            mine[rows] = (chunk.source[at] == source[rows]) | (chunk.asked[at] == source[rows])
            places.append((chunk, rows, at))
        first = _is_first(key)
        known = same & ~mine & (first if newer else _is_first(content))
        new = held & ~known & ~mine & first & newer
        for chunk, rows, at in places:
            hit, taken = known[rows], new[rows]
            chunk.asked[at[hit]] = source[rows[hit]]
            chunk.content[at[taken]], chunk.source[at[taken]] = content[rows[taken]], source[rows[taken]]
        added = ~held & first
        self._add(_Chunk.of(key[added], content[added], source[added]))
        return Found(known, ~(known | new | added), new)

    def _add(self, chunk: _Chunk) -> None:
        # Chunks at least double in size, so that there are few to look into, and each row is moved a few times.
        while self._chunks and len(self._chunks[-1].key) < 2 * len(chunk.key):
            chunk = self._chunks.pop().merged(chunk)
        if len(chunk.key):
            self._chunks.append(chunk)


@dataclass
class _Chunk:
    """Rows of the table, by rising key: hashes of key, content and source, and who asked last and found it known."""

    key: Hashes
    content: Hashes
    source: Hashes
    asked: Hashes

    @classmethod
    def of(cls, key: Hashes, content: Hashes, source: Hashes, asked: Hashes | None = None) -> _Chunk:
        order = np.argsort(key, kind="stable")
        asked = np.zeros(len(key), np.uint64) if asked is None else asked[order]
        return cls(key[order], content[order], source[order], asked)

    def merged(self, other: _Chunk) -> _Chunk:
        both = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Chunk.of(*map(np.concatenate, both))

    def find(self, key: Hashes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return which of the keys are here, and where."""
        at = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        rows = np.flatnonzero(self.key[at] == key)
        return rows, at[rows]


def _is_first(values: Hashes) -> Mask:
    return pl.Series(values, dtype=pl.UInt64).is_first_distinct().to_numpy()


def same_key(schema: TableSchema) -> str:
    """Say what is wrong with a row whose key another row has."""
    return f"another row has the same {' and '.join(schema.key)}"

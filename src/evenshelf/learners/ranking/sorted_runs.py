"""Sparse matrices too large for memory: sums of many, each written to disk in the order of its rows, read by blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array


@dataclass(eq=False)
class SortedRuns:
    """Summands on disk.

    Attributes
    ----------
    folder
        Where they are written.
    size
        Rows and columns of each.
    count, bytes
        Of those that were written.
    """

    folder: Path
    size: int
    count: int = 0
    bytes: int = 0
    _entries: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self._entries = np.zeros(self.size, np.int64)

    def write(self, matrix: csr_array) -> None:
        """Add a summand ``[I, I]``; one without entries is none."""
        if not matrix.nnz:
            return
        lengths = np.diff(matrix.indptr)
        self._entries += lengths
        parts = {"lengths": lengths.astype(np.int32), "columns": matrix.indices.astype(np.int32, copy=False)}
        for name, part in {**parts, "values": matrix.data.astype(np.float32, copy=False)}.items():
            part.tofile(self._file(self.count, name))
            self.bytes += part.nbytes
        self.count += 1

    def merged(self, most: int) -> Iterator[csr_array]:
        """The sum in blocks of rows, ``[I, I]`` each with zeros elsewhere, in order.

        Values are added up in float64, and given as float32.

        Parameters
        ----------
        most
            Entries of summands that are read at once, but at least those of a row.
        """
        place = np.zeros(self.count, np.int64)
        first = 0
        while first < self.size:
            total = np.cumsum(self._entries[first:])
            last = first + max(1, int(np.searchsorted(total, most, side="right")))
            amount = int(total[last - first - 1])
            if amount:
                yield self._block(first, last, amount, place)
            first = last

    def _block(self, first: int, last: int, amount: int, place: NDArray[np.int64]) -> csr_array:
        """Rows from `first` to `last`, of whose entries those of each run begin at `place`, which goes on."""
        row, column = np.empty(amount, np.int32), np.empty(amount, np.int32)
        value = np.empty(amount, np.float64)
        done = 0
        for run in range(self.count):
            lengths = self._read(run, "lengths", np.int32, first, last - first)
            size = int(lengths.sum(dtype=np.int64))
            own = slice(done, done + size)
            row[own] = np.repeat(np.arange(first, last, dtype=np.int32), lengths)
            column[own] = self._read(run, "columns", np.int32, int(place[run]), size)
            value[own] = self._read(run, "values", np.float32, int(place[run]), size)
            place[run] += size
            done += size
        # entries at the same place are added up here
        summed = coo_array((value, (row, column)), shape=(self.size, self.size)).tocsr()
        return csr_array(summed, dtype=np.float32)

    def _read(self, run: int, name: str, kind: Any, first: int, size: int) -> NDArray[Any]:
        # read and not mapped: pages of a map stay resident
        return np.fromfile(self._file(run, name), kind, count=size, offset=first * np.dtype(kind).itemsize)

    def _file(self, run: int, name: str) -> Path:
        return self.folder / f"run-{run}.{name}"

"""Rows that came after the index was built, in memory that older and newer values of the index share."""

from __future__ import annotations

import threading

import numpy as np

from evenshelf.encoders.base import Vectors
from evenshelf.index.dense_codes import Codes, Exact, coarse_step, coarsened, encoded

ROOM = 256
"""Rows that there is room for at first."""


class _Room:
    """Space for rows; those that are used never change."""

    def __init__(self, rows: int, dimension: int) -> None:
        self.lock = threading.Lock()
        self.used = 0
        self.fine = np.empty((rows, dimension), np.int16)
        self.coarse = np.empty((rows, dimension), np.int8)
        self.scale = np.empty(rows, np.float32)
        self.step = np.empty(rows, np.float32)

    def write(self, rows: Exact) -> None:
        """Put rows behind those that are used; the caller holds the lock, or nobody else knows of this room."""
        new = slice(self.used, self.used + len(rows))
        self.fine[new], self.scale[new] = rows.fine, rows.scale
        self.coarse[new], self.step[new] = coarsened(rows.fine), coarse_step(rows.scale)
        self.used = new.stop


class Tail:
    """The first so many rows of a room.

    To add rows takes time for these rows alone, but now and then, when the room is full, for a copy of all.
    """

    def __init__(self, dimension: int) -> None:
        self._room = _Room(0, dimension)
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    @property
    def exact(self) -> Exact:
        """The rows in 16 bits."""
        return Exact(self._room.fine[: self._rows], self._room.scale[: self._rows])

    @property
    def codes(self) -> Codes:
        """The rows in 8 bits."""
        return Codes(self._room.coarse[: self._rows], self._room.step[: self._rows])

    def extended(self, vectors: Vectors) -> Tail:
        """Return a tail with ``[m, d]`` more rows; this one stays as it is."""
        rows = encoded(vectors)
        longer = Tail.__new__(Tail)
        longer._rows = self._rows + len(rows)
        with self._room.lock:
            # what lies behind our rows belongs to another value that was made of this one
            if self._room.used == self._rows and longer._rows <= len(self._room.scale):
                self._room.write(rows)
                longer._room = self._room
                return longer
        longer._room = _Room(max(ROOM, 2 * longer._rows), vectors.shape[1])
        longer._room.write(self.exact)
        longer._room.write(rows)
        return longer

"""What changed since a generation was built: written before it is acknowledged, read again on opening."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_ANEW = "Make the index anew: evenshelf index SHOP --anew"
_ROOM = "Make room on the disk."
_TABLE = """
CREATE TABLE IF NOT EXISTS batches (
    seq INTEGER PRIMARY KEY,
    documents BLOB NOT NULL,
    vectors BLOB NOT NULL,
    deleted TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True)
class Batch:
    """Items that were put and deleted together.

    Attributes
    ----------
    documents
        Items that were added, or took the place of those with the same ids.
    vectors
        ``[len(documents), d]``, what the encoder made of them.
    deleted
        Ids of items that were deleted.
    """

    documents: pl.DataFrame
    vectors: NDArray[np.float32]
    deleted: tuple[str, ...]


class Journal:
    """Batches of changes in an SQLite file, in the order they were made; a batch is there whole or not at all.

    Parameters
    ----------
    path
        The file; made if it is not there.

    Raises
    ------
    InputError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # Acknowledged is on the disk, not in the system's memory.
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_TABLE)
        except sqlite3.Error as error:
            raise InputError(f"The journal {path} cannot be opened: {error}", hint=_ANEW) from error

    @property
    def last(self) -> int:
        """Number of the last batch, 0 if there was none."""
        return int(self._connection.execute("SELECT COALESCE(MAX(seq), 0) FROM batches").fetchone()[0])

    def append(self, batch: Batch) -> int:
        """Write a batch; returns its number once it is on the disk.

        Raises
        ------
        InputError
            If it cannot be written; then none of it is.
        """
        documents = io.BytesIO()
        batch.documents.write_ipc(documents, compression="zstd")
        vectors = np.ascontiguousarray(batch.vectors, "<f4").tobytes()
        deleted = json.dumps(batch.deleted, ensure_ascii=False)
        try:
            with self._transaction():
                seq = self.last + 1
                record = (seq, documents.getvalue(), vectors, deleted)
                self._connection.execute("INSERT INTO batches VALUES (?, ?, ?, ?)", record)
        except sqlite3.Error as error:
            raise InputError(
                f"The changes cannot be written to {self._path}: {error}",
                hint="None was made; make room on the disk.",
            ) from error
        return seq

    def withdraw(self, seq: int) -> None:
        """Take a batch back that nobody was shown.

        Raises
        ------
        InputError
            If it cannot be; then it stays.
        """
        try:
            with self._transaction():
                self._connection.execute("DELETE FROM batches WHERE seq = ?", (seq,))
        except sqlite3.Error as error:
            raise InputError(f"A change cannot be taken back from {self._path}: {error}", hint=_ROOM) from error

    def after(self, seq: int) -> list[tuple[int, Batch]]:
        """Return the batches after one, with their numbers, in their order.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        asked = "SELECT seq, documents, vectors, deleted FROM batches WHERE seq > ? ORDER BY seq"
        try:
            return [_read(*record) for record in self._connection.execute(asked, (seq,)).fetchall()]
        except (sqlite3.Error, ValueError, pl.exceptions.PolarsError) as error:
            raise InputError(f"The journal {self._path} is damaged: {error}", hint=_ANEW) from error

    def copy_to(self, path: Path) -> None:
        """Write the batches to another file, as they are at this moment."""
        with contextlib.closing(sqlite3.connect(path)) as other:
            self._connection.backup(other)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # Of a full disk SQLite may have rolled back itself.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _read(seq: int, documents: bytes, vectors: bytes, deleted: str) -> tuple[int, Batch]:
    frame = pl.read_ipc(io.BytesIO(documents))
    numbers = np.frombuffer(vectors, "<f4").astype(np.float32).reshape(frame.height, -1) if frame.height else None
    return seq, Batch(
        documents=frame,
        vectors=np.zeros((0, 0), np.float32) if numbers is None else numbers,
        deleted=tuple(json.loads(deleted)),
    )

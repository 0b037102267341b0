"""Vectors of one encoder in two append-only files, safe for several processes and for a kill at any moment.

``vectors.f32`` holds the rows, one after another. ``keys.log`` holds one record of 20 bytes for each row, in
the same order: the key of the text (16 bytes) and the CRC-32 of key and row. A row is committed once its
record is whole; the record is written after the row. Whatever lies beyond the last committed row (a torn
tail) is ignored by readers and cut off by the next writer, who holds a lock.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.base import Vectors
from evenshelf.errors import InputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

KEY = 16
RECORD = np.dtype([("key", np.void, KEY), ("crc", np.uint32)])


class VectorStore:
    """The vectors that one encoder has made, by key.

    Keys are looked up in a dict in memory (about 150 bytes a text: a million texts take about 150 MB and a
    second to read); vectors are read through a memory map.

    Parameters
    ----------
    folder
        Where the files are; made when first written to.
    dimension
        Length of a row.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        self.folder = folder
        self.dimension = dimension
        self._rows: dict[bytes, int] = {}
        self._crc: list[NDArray[np.uint32]] = []
        self._count = 0
        self._damaged: set[bytes] = set()

    def __len__(self) -> int:
        """Return the number of committed rows that were seen at the last look."""
        return self._count

    @property
    def _vectors_path(self) -> Path:
        return self.folder / "vectors.f32"

    @property
    def _keys_path(self) -> Path:
        return self.folder / "keys.log"

    def _committed(self) -> int:
        """How many rows are whole in both files."""
        keys, vectors = (p.stat().st_size if p.exists() else 0 for p in (self._keys_path, self._vectors_path))
        return min(keys // RECORD.itemsize, vectors // (4 * self.dimension))

    def refresh(self) -> None:
        """Take in what other processes have committed since the last look."""
        count = self._committed()
        if count < self._count:
            # The files were deleted or replaced under us: start again from what is there.
            self._rows, self._crc, self._count = {}, [], 0
        if count == self._count:
            return
        with self._keys_path.open("rb") as file:
            file.seek(self._count * RECORD.itemsize)
            content = file.read((count - self._count) * RECORD.itemsize)
        records = np.frombuffer(content[: len(content) // RECORD.itemsize * RECORD.itemsize], RECORD)
        blob = np.ascontiguousarray(records["key"]).tobytes()
        keys = (blob[i : i + KEY] for i in range(0, len(blob), KEY))
        # A later row of the same key counts: it was written because the earlier one was damaged.
        self._rows.update(zip(keys, range(self._count, self._count + len(records)), strict=True))
        self._crc.append(records["crc"].copy())
        self._count += len(records)

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Return the positions of the keys that have no sound row."""
        return [i for i, key in enumerate(keys) if key not in self._rows or key in self._damaged]

    def read(self, keys: Sequence[bytes]) -> tuple[Vectors, list[int]]:
        """Read the rows of keys that are all known.

        Returns
        -------
        vectors
            ``[len(keys), dimension]``, a copy.
        damaged
            Positions whose row does not fit its checksum; from now on they count as missing.
        """
        if not keys:
            return np.zeros((0, self.dimension), np.float32), []
        rows = np.fromiter((self._rows[key] for key in keys), np.int64, len(keys))
        stored = np.memmap(self._vectors_path, np.float32, "r", shape=(self._count, self.dimension))
        vectors: Vectors = np.asarray(stored[rows])
        expected = np.concatenate(self._crc)
        self._crc = [expected]
        damaged = [
            i
            for i, (key, vector, crc) in enumerate(zip(keys, vectors, expected[rows].tolist(), strict=True))
            if _checksum(key, vector) != crc
        ]
        self._damaged.update(keys[i] for i in damaged)
        return vectors, damaged

    def append(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Commit rows; keys that another process has committed meanwhile are left out.

        Raises
        ------
        InputError
            If the folder cannot be written to.
        """
        # As stored, so that the checksums are of the bytes that are read back.
        vectors = np.ascontiguousarray(vectors, np.float32).reshape(len(keys), self.dimension)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(self.folder / "lock"):
                self.refresh()
                new = self.missing(keys)
                if not new:
                    return
                with self._vectors_path.open("ab") as file:
                    file.truncate(self._count * 4 * self.dimension)
                    file.write(vectors[new].tobytes())
                    file.flush()
                    os.fsync(file.fileno())
                records = np.zeros(len(new), RECORD)
                records["key"] = np.frombuffer(b"".join(keys[i] for i in new), np.dtype((np.void, KEY)))
                records["crc"] = [_checksum(keys[i], vectors[i]) for i in new]
                with self._keys_path.open("ab") as file:
                    file.truncate(self._count * RECORD.itemsize)
                    file.write(records.tobytes())
                self._damaged.difference_update(keys[i] for i in new)
                self.refresh()
        except OSError as error:
            raise InputError(
                f"cannot write vectors to {self.folder}: {error.strerror}.",
                hint="Set EVENSHELF_CACHE to a folder with room that can be written to.",
            ) from error


def _checksum(key: bytes, vector: Vectors) -> int:
    return zlib.crc32(vector.data, zlib.crc32(key))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; the system frees it when a process dies."""
    with path.open("a+b") as file:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

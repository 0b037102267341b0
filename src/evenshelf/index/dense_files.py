"""Arrays in files that are whole or not there, named by a manifest that knows their checksums.

Each file is written under a temporary name, forced to the disk and renamed; the manifest comes last. A folder without
one holds nothing, whatever else lies in it.
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError

MANIFEST = "dense.json"


@dataclass(frozen=True)
class Stored:
    """What the manifest says of an array.

    Attributes
    ----------
    dtype, shape
        Of the array.
    crc
        CRC-32 of its bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    crc: int


class Writing:
    """An array that is written a block of rows at a time.

    Parameters
    ----------
    path
        Where it will be once it is whole. Use it in a ``with`` block; an exception leaves nothing behind.
    dtype
        What rows are turned into, with its order of bytes, such as ``"<f4"``.
    """

    def __init__(self, path: Path, dtype: str) -> None:
        self._path = path
        self._dtype = dtype
        self._crc = 0
        self._rows = 0

    def __enter__(self) -> Writing:
        with _writing_to(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")
        return self

    def append(self, block: NDArray[Any]) -> None:
        """Write the next rows."""
        content = np.ascontiguousarray(block, self._dtype).reshape(-1).view(np.uint8)
        with _writing_to(self._path.parent):
            self._file.write(content.data)
        self._crc = zlib.crc32(content.data, self._crc)
        self._rows += len(block)

    def finish(self, *columns: int) -> Stored:
        """Put the file in its place."""
        with _writing_to(self._path.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._temporary.replace(self._path)
        return Stored(self._dtype, (self._rows, *columns), self._crc)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def write_array(path: Path, array: NDArray[Any], dtype: str) -> Stored:
    """Write a whole array."""
    with Writing(path, dtype) as file:
        file.append(array)
        return file.finish(*array.shape[1:])


def read_array(path: Path, stored: Stored) -> NDArray[Any]:
    """Map an array into memory, read only.

    Raises
    ------
    InputError
        If the file is missing or not what was written.
    """
    dtype = np.dtype(stored.dtype)
    try:
        content = np.memmap(path, np.uint8, "r").view(np.ndarray) if path.stat().st_size else np.zeros(0, np.uint8)
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from error
    expected = int(np.prod(stored.shape, dtype=np.int64)) * dtype.itemsize
    if content.nbytes != expected:
        raise damaged(path, f"has {content.nbytes:,} bytes and not {expected:,}")
    if zlib.crc32(content.data) != stored.crc:
        raise damaged(path, "does not match its checksum")
    return content.view(dtype).reshape(stored.shape)


def write_manifest(folder: Path, facts: dict[str, Any], arrays: dict[str, Stored]) -> None:
    """Say what the folder holds; from now on it does."""
    body = facts | {"arrays": {name: [one.dtype, list(one.shape), one.crc] for name, one in arrays.items()}}
    text = json.dumps(body | {"check": _check(body)}, indent=1)
    write_array(folder / MANIFEST, np.frombuffer(text.encode(), np.uint8), "|u1")
    if os.name == "posix":
        with _writing_to(folder):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def read_manifest(folder: Path) -> tuple[dict[str, Any], dict[str, Stored]]:
    """What the folder holds.

    Raises
    ------
    InputError
        If there is no manifest, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        body = json.loads(path.read_bytes())
        check = body.pop("check")
        arrays = {name: Stored(dtype, tuple(shape), crc) for name, (dtype, shape, crc) in body["arrays"].items()}
    except FileNotFoundError as error:
        raise InputError(f"{folder} holds no vectors.", hint="Build the index there first.") from error
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(path, "is not what was written") from error
    if check != _check(body):
        raise damaged(path, "does not match its checksum")
    return body, arrays


def damaged(path: Path, why: str) -> InputError:
    """What to raise for a file that cannot be used."""
    return InputError(f"{path} {why}.", hint="The file was damaged after it was written: build the index again.")


def _check(body: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(body, sort_keys=True).encode())


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot write vectors to {folder}: {error.strerror}.",
            hint="Choose a folder with room that can be written to.",
        ) from error

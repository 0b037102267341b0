"""One process at a time changes an index."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from evenshelf.errors import InputError

try:
    import fcntl
except ImportError:  # Windows has no flock; tantivy's own lock and SQLite's remain
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK = ".lock"


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Let nobody else change the index at `path` while the block runs.

    Parameters
    ----------
    wait
        For another process that changes it, until it ends.

    Raises
    ------
    InputError
        If somebody does and is not waited for, or the folder cannot be written to.
    """
    try:
        lock = (path / _LOCK).open("w")
    except OSError as error:
        raise InputError(f"The index {path} cannot be changed: {error}") from error
    with lock:
        if fcntl is not None:
            # Let go by the system when the process ends, however it ends.
            try:
                fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(f"Another process is changing the index {path}.") from error
        yield

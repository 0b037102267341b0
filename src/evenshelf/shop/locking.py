"""One process at a time changes what is in a folder; others may read meanwhile."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from evenshelf.errors import InputError

try:
    import fcntl
except ImportError:  # Windows has no flock; what else its users check, such as a revision, remains
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LockedError(InputError):
    """Another process is writing, and was not waited for."""


LOCK = ".lock"
"""Name of the file in the folder."""


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Let nobody else write to the folder `path` while the block runs.

    Parameters
    ----------
    wait
        For another process that writes to it, until it ends.

    Raises
    ------
    InputError
        If somebody does and is not waited for, or the folder cannot be written to.
    """
    try:
        lock = (path / LOCK).open("w")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written to: {error}", hint="Choose a folder that is there and can be written to."
        ) from error
    with lock:
        if fcntl is not None:
            # Let go by the system when the process ends, however it ends.
            try:
                fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LockedError(
                    f"another process is writing to {path}", hint="Wait until it has ended, or choose another folder."
                ) from error
        yield

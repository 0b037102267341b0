"""Tuned models on disk, by all that decides them, so that one tuning serves all that comes after it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from evenshelf.encoders.folders import default_cache_dir
from evenshelf.shop.locking import locked

MOST = 4 * 2**30
"""Bytes that are kept; beyond these the models that were not used for longest go."""
MODEL = "model.safetensors"


class Timed(Protocol):
    """What took a while to tune."""

    @property
    def seconds(self) -> float:
        """CPU time of the tuning."""


M = TypeVar("M", bound=Timed)


@dataclass
class Borrowed:
    """CPU seconds of tunings that were done before, of models that were read back since :func:`borrowing` began."""

    seconds: float = 0.0


_open: ContextVar[Borrowed | None] = ContextVar("borrowed", default=None)


@contextmanager
def borrowing() -> Iterator[Borrowed]:
    """Count what a fit rests on that was tuned for another one before: who is told its cost is told of that too."""
    found = Borrowed()
    token = _open.set(found)
    try:
        yield found
    finally:
        _open.reset(token)


def stored(
    address: str,
    *,
    make: Callable[[Path], M],
    write: Callable[[M, Path], None],
    read: Callable[[Path], M],
    folder: Path | None = None,
) -> tuple[M, bool]:
    """A tuned model: that on disk, or one that is made now, by one process while others that want it wait.

    Parameters
    ----------
    address
        Hex digest of all that decides it.
    make
        Tunes it, and may keep what it needs to go on after an interruption in the folder that it is given.
    write, read
        To a file and from it.
    folder
        Of all that are kept; below the cache of this person by default.

    Returns
    -------
    tuple
        The model, and whether it was there already.
    """
    place = (default_cache_dir() / "tunings") if folder is None else folder
    own = place / address
    own.mkdir(parents=True, exist_ok=True)
    file = own / MODEL
    with locked(own):
        if file.is_file():
            os.utime(file)
            known = read(file)
            if (lender := _open.get()) is not None:
                lender.seconds += known.seconds
            return known, True
        found = make(own / "run")
        partial = file.with_suffix(f".{os.getpid()}.partial")
        write(found, partial)
        partial.replace(file)
        _tidy(place, but=file)
        return found, False


def _tidy(place: Path, *, but: Path) -> None:
    files = sorted(place.glob(f"*/{MODEL}"), key=lambda file: file.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > MOST and file != but:
            file.unlink(missing_ok=True)

"""Where encoders keep what they compute once: the cache folder, and writes that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from evenshelf.errors import InputError


def default_cache_dir() -> Path:
    """Return the folder for computed models and vectors (not created here).

    It is ``$EVENSHELF_CACHE`` if that is set, else the user's cache folder for evenshelf. Everything in it
    can be deleted at any time: it is computed again when needed.
    """
    chosen = os.environ.get("EVENSHELF_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("evenshelf", appauthor=False))


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file, then put it in the place of ``path`` in one step.

    Another process sees the old file, the whole new one, or none; never a part.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(
            f"cannot write to the cache folder {path.parent}: {error.strerror}.",
            hint="Set EVENSHELF_CACHE to a folder that can be written to.",
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

"""Arrays on disk, for the processes that fit learners: folders whose names are of their content."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evenshelf.study.trials import digest_of


def keep(place: Path, arrays: Mapping[str, Any]) -> None:
    """Put arrays into the folder `place`, whole, unless they are there."""
    if place.is_dir():
        return
    partial = place.with_name(f"{place.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, values in arrays.items():
        np.save(partial / f"{name}.npy", values)
    try:
        partial.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        shutil.rmtree(partial)  # another process was first, with the same content


def lay_out(folder: Path, kind: str, arrays: Mapping[str, Any]) -> str:
    """Put arrays into a folder for their kind, ``exams`` or ``facts``; returns the name, which is of their content."""
    name = named_digest(arrays)
    keep(folder / kind / name, arrays)
    return name


def named_digest(arrays: Mapping[str, Any]) -> str:
    """Hex digest of arrays and of what they are called."""
    names = np.frombuffer("\n".join(sorted(arrays)).encode(), np.uint8)
    return digest_of(names, *(arrays[name] for name in sorted(arrays)))

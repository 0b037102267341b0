"""Exams and facts on disk, for the processes that fit learners; items and users are numbers there."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.learners.ranking.base import ItemFacts
from evenshelf.tasks.exams import Exam
from evenshelf.tasks.histories import Histories

_OPTIONAL = ("time", "strength", "basket")
"""Columns of histories that may be missing."""
_LINES = "-lines"
"""Behind the name of texts: their bytes, with a zero between any two."""
_SPARSE = ("data", "indices", "indptr", "shape")


def exam_arrays(exam: Exam, bucket: NDArray[np.str_]) -> dict[str, NDArray[Any]]:
    """All that an exam holds but ids, and the bucket of each item; names by which :func:`exam_of` finds them."""
    rows = {"user": exam.user, "item": exam.item, "group": exam.group, "bucket": bucket}
    rows |= {} if exam.allowed is None else {"allowed": exam.allowed}
    return {**_columns("known", exam.known), **_columns("asked", exam.asked), **rows}


def fact_arrays(facts: ItemFacts) -> dict[str, NDArray[Any]]:
    """All that is known of items; names by which :func:`facts_of` finds them."""
    arrays: dict[str, Any] = {}
    for name, value in vars(facts).items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value, tuple):
            arrays |= {f"{name}{_LINES}": np.frombuffer("\0".join(value).encode(), np.uint8)}
        elif value is not None:
            arrays |= {f"{name}.{part}": np.asarray(getattr(value, part)) for part in _SPARSE}
    return arrays


@lru_cache(maxsize=4)
def exam_of(place: Path) -> tuple[Exam, NDArray[np.str_]]:
    """The exam in a folder, with numbers for ids, and ``[I]`` the bucket of each item."""
    read = _reader(place)
    rows = {name: read(name) for name in ("user", "item", "group", "allowed")}
    exam = Exam(_histories("known", read), _histories("asked", read), **rows)
    return exam, read("bucket")


@lru_cache(maxsize=2)
def facts_of(place: Path) -> ItemFacts:
    """The facts in a folder."""
    there = {file.stem for file in place.glob("*.npy")}
    read = _reader(place)
    found: dict[str, Any] = {name: read(name) for name in there if "." not in name and not name.endswith(_LINES)}
    for name in (name for name in there if name.endswith(_LINES)):
        found[name.removesuffix(_LINES)] = tuple(read(name).tobytes().decode().split("\0"))
    for name in {name.partition(".")[0] for name in there if "." in name}:
        data, indices, indptr, shape = (read(f"{name}.{part}") for part in _SPARSE)
        found[name] = csr_array((data, indices, indptr), shape=tuple(shape))
    return ItemFacts(**found)


def _columns(side: str, histories: Histories) -> dict[str, NDArray[Any]]:
    found = {"start": histories.start, "item": histories.item, "sizes": np.array([len(histories.items)])}
    for name in _OPTIONAL:
        if (column := getattr(histories, name)) is not None:
            found[name] = column
    return {f"{side}-{name}": values for name, values in found.items()}


def _histories(side: str, read: Callable[[str], Any]) -> Histories:
    start, item = read(f"{side}-start"), read(f"{side}-item")
    items = tuple(map(str, range(int(read(f"{side}-sizes")[0]))))
    users = tuple(map(str, range(len(start) - 1)))
    return Histories(items, users, start, item, **{name: read(f"{side}-{name}") for name in _OPTIONAL})


def _reader(place: Path) -> Callable[[str], Any]:
    def read(name: str) -> Any:
        file = place / f"{name}.npy"
        return np.load(file) if file.is_file() else None

    return read

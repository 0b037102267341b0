"""Pools and exams of search on disk, for the processes that fit learners; items are numbers there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.search.base import ItemSide, Pool
from evenshelf.learners.search.texts import Texts

_SEPARATOR = "--"
POOL, ITEMS, MADE = "pool", "items", "made"


@dataclass(frozen=True, eq=False)
class Known:
    """All that fits of a study read.

    Attributes
    ----------
    pool
        All queries of the task.
    items
        All items.
    made
        By the spec of a remedy, the queries that it made.
    bucket
        ``[Q]`` head, torso or tail.
    kind
        ``[I]`` head, torso, tail or cold.
    """

    pool: Pool
    items: ItemSide
    made: Mapping[str, Pool]
    bucket: NDArray[np.str_]
    kind: NDArray[np.str_]

    @property
    def taught_by_clicks(self) -> bool:
        """Whether clicks are learned from, and not the grades."""
        return bool(self.pool.clicked.any())


@dataclass(frozen=True, eq=False)
class Exam:
    """Which queries are learned from, and which are asked, as codes, ascending."""

    learned: NDArray[np.int64]
    asked: NDArray[np.int64]


def known_arrays(known: Known) -> dict[str, NDArray[Any]]:
    """All of it; names by which :func:`known_of` finds them."""
    specs = sorted(known.made)
    arrays: dict[str, NDArray[Any]] = {"bucket": known.bucket, "kind": known.kind, "specs": np.array(specs, str)}
    arrays |= _columns(POOL, known.pool) | _columns(ITEMS, known.items)
    for number, spec in enumerate(specs):
        arrays |= _columns(f"{MADE}{number}", known.made[spec])
    return arrays


@lru_cache(maxsize=2)
def known_of(place: Path) -> Known:
    """What is known, from its folder."""
    specs = np.load(place / "specs.npy").tolist()
    made = {spec: _pool(place, f"{MADE}{number}") for number, spec in enumerate(specs)}
    return Known(_pool(place, POOL), _items(place), made, np.load(place / "bucket.npy"), np.load(place / "kind.npy"))


def exam_arrays(exam: Exam) -> dict[str, NDArray[Any]]:
    """Names and columns of an exam."""
    return {"learned": exam.learned, "asked": exam.asked}


def exam_of(place: Path) -> Exam:
    """The exam in a folder."""
    return Exam(np.load(place / "learned.npy"), np.load(place / "asked.npy"))


def _columns(side: str, value: Pool | ItemSide | Texts) -> dict[str, NDArray[Any]]:
    """Each field, and each field of texts."""
    found: dict[str, NDArray[Any]] = {}
    for field in fields(value):
        name, held = f"{side}{_SEPARATOR}{field.name}", getattr(value, field.name)
        found |= _columns(name, held) if isinstance(held, Texts) else {name: held}
    return found


def _pool(place: Path, side: str) -> Pool:
    return Pool(**{field.name: _read(place, side, field.name) for field in fields(Pool)})


def _items(place: Path) -> ItemSide:
    vectors, count = (_read(place, ITEMS, name) for name in ("vectors", "count"))
    return ItemSide(_texts(place, "titles"), _texts(place, "texts"), vectors, count)


def _texts(place: Path, name: str) -> Texts:
    side = f"{ITEMS}{_SEPARATOR}{name}"
    return Texts(**{field.name: _read(place, side, field.name) for field in fields(Texts)})


def _read(place: Path, side: str, name: str) -> Any:
    # A process holds no more of them than it reads.
    return np.asarray(np.load(place / f"{side}{_SEPARATOR}{name}.npy", mmap_mode="r"))

"""What a peer in an environment of its own is asked and answers, as files that both sides read and write.

Nothing but NumPy is imported: it is all that the environments share.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

TASK, ANSWER = "task", "answer"
"""Names of the files, of which each has a part in JSON and one with arrays."""


@dataclass(frozen=True, eq=False)
class Steps:
    """What users took, in order of time.

    Attributes
    ----------
    start
        ``[U + 1]`` where each user's steps begin, and the number of all.
    item
        ``[N]`` codes of items, users one after another.
    """

    start: NDArray[np.int64]
    item: NDArray[np.int64]

    @property
    def user(self) -> NDArray[np.int64]:
        """``[N]`` user of each step."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @property
    def number(self) -> NDArray[np.int64]:
        """``[N]`` number of each step in its user's history, from 0."""
        return np.arange(len(self.item)) - self.start[self.user]


@dataclass(frozen=True, eq=False)
class Task:
    """Lists that are asked for.

    Attributes
    ----------
    model
        Of those that the peer has.
    settings
        That it is to be fitted with, one after another.
    length
        Of a list.
    seed
        Of all that is drawn at random.
    items
        How many there are.
    known
        To fit on.
    asked
        Histories that lists are asked for.
    """

    model: str
    settings: list[dict[str, Any]]
    length: int
    seed: int
    items: int
    known: Steps
    asked: Steps

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        said = {"model": self.model, "settings": self.settings, "length": self.length, "seed": self.seed}
        (folder / f"{TASK}.json").write_text(json.dumps({**said, "items": self.items}), encoding="utf-8")
        np.savez(
            folder / f"{TASK}.npz",
            known_start=self.known.start,
            known_item=self.known.item,
            asked_start=self.asked.start,
            asked_item=self.asked.item,
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it from a folder."""
        said = json.loads((folder / f"{TASK}.json").read_text(encoding="utf-8"))
        with np.load(folder / f"{TASK}.npz") as arrays:
            known = Steps(arrays["known_start"], arrays["known_item"])
            asked = Steps(arrays["asked_start"], arrays["asked_item"])
        return cls(**said, known=known, asked=asked)


@dataclass(frozen=True, eq=False)
class Answer:
    """Lists by each setting.

    Attributes
    ----------
    lists
        ``[settings, U, length]`` codes, best first; -1 where a list ends.
    seconds
        That the fit with each setting took.
    bytes
        Of each model.
    """

    lists: NDArray[np.int64]
    seconds: list[float]
    bytes: list[int]

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        np.savez(folder / f"{ANSWER}.npz", lists=self.lists)
        said = {"seconds": self.seconds, "bytes": self.bytes}
        (folder / f"{ANSWER}.json").write_text(json.dumps(said), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it from a folder."""
        with np.load(folder / f"{ANSWER}.npz") as arrays:
            return cls(arrays["lists"], **json.loads((folder / f"{ANSWER}.json").read_text(encoding="utf-8")))

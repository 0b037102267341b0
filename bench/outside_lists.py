"""Peers that live in environments of their own, tuned and asked for lists: our metrics judge what they list."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.outside_task import Answer, Steps, Task
from bench.recommend_data import Shop
from evenshelf.errors import InputError
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import ranking_metrics

ROOT = Path(__file__).resolve().parents[1]
CHILD = Path(__file__).with_name("outside_child.py")
LENGTH = 20
"""Places of a list: as many as any metric looks at."""


@dataclass(frozen=True)
class Peer:
    """A package in an environment of its own.

    Attributes
    ----------
    name
        How it is called.
    target
        ``make TARGET`` makes its environment in ``.venv-TARGET``, and ``bench.peer_TARGET`` answers there.
    models
        That it has.
    """

    name: str
    target: str
    models: tuple[Model, ...]

    @property
    def environment(self) -> Path:
        """Its folder."""
        return ROOT / f".venv-{self.target}"

    @property
    def made(self) -> bool:
        """Whether its environment was made, and wholly."""
        return (self.environment / ".made").exists()

    @property
    def flag(self) -> str:
        """Of the command line, that leaves it out."""
        return f"--without-{self.target}"

    def check(self) -> None:
        """Raise an error if its environment was not made.

        Raises
        ------
        InputError
            That says how to make it.
        """
        if not self.made:
            raise InputError(
                f"{self.name} is not installed: there is no whole {self.environment.name}.",
                hint=f"Make its environment with `make {self.target}`, or leave it out: {self.flag}.",
            )


@dataclass(frozen=True)
class Model:
    """A model of a peer.

    Attributes
    ----------
    name
        By which the peer is asked for it.
    title
        How it is called.
    settings
        That are tried.
    directed
        Whether it reads which of two steps came first.
    """

    name: str
    title: str
    settings: tuple[dict[str, Any], ...]
    directed: bool = False


@dataclass(frozen=True, eq=False)
class Listed:
    """Lists of one setting.

    Attributes
    ----------
    lists
        ``[U, LENGTH]`` codes, best first; -1 where a list ends.
    seconds
        That the fit took.
    bytes
        Of the model.
    """

    lists: NDArray[np.int64]
    seconds: float
    bytes: int

    def places(self, wanted: NDArray[np.integer]) -> NDArray[np.float64]:
        """``[U]`` place of what each user wants, from 0; infinity where it is not on the list."""
        there = self.lists == wanted[:, None]
        return np.where(there.any(axis=1), there.argmax(axis=1), np.inf)


@dataclass(frozen=True, eq=False)
class Chosen:
    """A model with the setting that is best on the validation step.

    Attributes
    ----------
    setting
        That was chosen.
    listed
        For the test.
    """

    setting: dict[str, Any]
    listed: Listed


def lists_of(
    peer: Peer, model: Model, settings: list[dict[str, Any]], known: Histories, asked: Histories, *, seed: int
) -> list[Listed]:
    """Lists for some histories by each setting of a model that is fitted on what is known.

    Raises
    ------
    InputError
        If the peer is not installed.
    RuntimeError
        If it fails.
    """
    peer.check()
    steps = (Steps(known.start, known.item), Steps(asked.start, asked.item))
    with TemporaryDirectory(prefix=f"evenshelf-{peer.target}-") as name:
        folder = Path(name)
        Task(model.name, settings, LENGTH, seed, len(known.items), *steps).write(folder)
        # -I: it must see its own packages only, whatever PYTHONPATH says. It runs in the folder and writes no bytecode:
        # what it leaves behind goes with the folder
        command = [peer.environment / "bin" / "python", "-IB", CHILD, f"peer_{peer.target}", folder]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
        if done.returncode:
            raise RuntimeError(f"{peer.name} failed:\n{done.stderr[-2000:]}")
        answer = Answer.read(folder)
    return [Listed(*one) for one in zip(answer.lists, answer.seconds, answer.bytes, strict=True)]


def tuned(peer: Peer, model: Model, shop: Shop, users: NDArray[np.int64], seed: int) -> Chosen:
    """A model with the setting of the highest NDCG at 10 on the validation step of some users, asked for the test.

    Parameters
    ----------
    users
        ``[n]`` codes of those who are asked for the validation step.
    """
    wanted, settings = shop.before.last(1)[users], list(model.settings)
    tried = lists_of(peer, model, settings, shop.counted, shop.counted.of_users(users), seed=seed)
    worth = [ranking_metrics(one.places(wanted))["ndcg_at_10"] for one in tried]
    setting = settings[int(np.argmax(worth))]
    (found,) = lists_of(peer, model, [setting], shop.counted, shop.before, seed=seed)
    return Chosen(setting, found)

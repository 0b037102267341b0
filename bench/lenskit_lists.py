"""LensKit, tuned and asked for lists: its own interpreter runs it, and our metrics judge what it lists."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.peer_lenskit import RECENT
from bench.recommend_data import Shop
from evenshelf.errors import InputError
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import ranking_metrics

ROOT = Path(__file__).resolve().parents[1]
INTERPRETER = ROOT / ".venv-lenskit" / "bin" / "python"
SCRIPT = Path(__file__).with_name("peer_lenskit.py")
HOW = "Make its environment with `make lenskit`, or leave it out: --without-lenskit."
TITLES = {"item_knn": "item kNN of LensKit", "als": "ALS of LensKit"}
LENGTH = 20
"""Places of a list: as many as any metric looks at."""
RECENTS = (0, 3)
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "item_knn": [{"max_nbrs": nbrs, RECENT: recent} for nbrs, recent in itertools.product((20, 100), RECENTS)],
    "als": [
        {"embedding_size": 128, "weight": weight, "regularization": penalty, RECENT: recent}
        for weight, penalty, recent in itertools.product((10.0, 40.0), (0.1, 10.0), RECENTS)
    ],
}
"""What is tried of each model."""


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
    title
        How it is called.
    setting
        That was chosen.
    listed
        For the test.
    """

    title: str
    setting: dict[str, Any]
    listed: Listed


def check() -> None:
    """Raise an error if there is no environment of LensKit.

    Raises
    ------
    InputError
        That says how to make it.
    """
    if not INTERPRETER.exists():
        raise InputError(f"LensKit is not installed: there is no {INTERPRETER.relative_to(ROOT)}.", hint=HOW)


def asked(
    model: str, settings: Sequence[dict[str, Any]], known: Histories, histories: Histories, seed: int
) -> list[Listed]:
    """Lists for some histories by each setting of a model that is fitted on what is known.

    Raises
    ------
    InputError
        If LensKit is not installed.
    RuntimeError
        If it fails.
    """
    check()
    with TemporaryDirectory(prefix="evenshelf-lenskit-") as name:
        folder = Path(name)
        np.savez(
            folder / "task.npz",
            known_start=known.start,
            known_item=known.item,
            asked_start=histories.start,
            asked_item=histories.item,
            items=np.array([len(known.items)]),
        )
        task = {"model": model, "settings": list(settings), "length": LENGTH, "seed": seed}
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        # -I: it must see its own packages only, whatever PYTHONPATH says
        done = subprocess.run([INTERPRETER, "-I", SCRIPT, folder], check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"LensKit failed:\n{done.stderr[-2000:]}")
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
        with np.load(folder / "lists.npz") as arrays:
            lists = arrays["lists"]
    return [Listed(*one) for one in zip(lists, told["seconds"], told["bytes"], strict=True)]


def tuned(model: str, shop: Shop, users: NDArray[np.int64], seed: int) -> Chosen:
    """A model with the setting of the highest NDCG at 10 on the validation step of some users, asked for the test.

    Parameters
    ----------
    users
        ``[n]`` codes of those who are asked for the validation step.
    """
    wanted = shop.before.last(1)[users]
    tried = asked(model, SETTINGS[model], shop.counted, shop.counted.of_users(users), seed)
    worth = [ranking_metrics(one.places(wanted))["ndcg_at_10"] for one in tried]
    setting = SETTINGS[model][int(np.argmax(worth))]
    (found,) = asked(model, [setting], shop.counted, shop.before, seed)
    return Chosen(TITLES[model], setting, found)

"""LensKit, run by the interpreter of an environment of its own: ``make lenskit`` makes it.

    python bench/peer_lenskit.py FOLDER

reads ``task.npz`` and ``task.json`` of the folder and writes ``lists.npz`` and ``told.json``. Nothing of evenshelf or
of the other benchmarks is imported, as they are not installed there.

task.npz
    ``known_start``, ``known_item``: where each user's steps begin, and codes of items, to fit on; ``asked_start``,
    ``asked_item``: histories that lists are asked for; ``items``: ``[1]`` how many items there are.
task.json
    ``model``: of :data:`MODELS`; ``settings``: a list of settings; ``length``: of lists; ``seed``.
lists.npz
    ``lists``: ``[settings, users, length]`` codes, -1 where a list ends.
told.json
    ``seconds`` that each fit took, ``bytes`` of each model, and LensKit's ``version``.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

MODELS = ("item_knn", "als")
RECENT = "recent"
"""A setting of ours: how many of the latest items of a history LensKit is shown when it is asked; 0 for all."""


def main(folder: Path) -> None:
    """Make the lists of every setting; fit anew where it differs in more than what is shown of a history."""
    import lenskit  # noqa: PLC0415 - only there
    from lenskit.data import from_interactions_df  # noqa: PLC0415
    from pandas import DataFrame  # noqa: PLC0415

    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    with np.load(folder / "task.npz") as arrays:
        known_start, known_item = arrays["known_start"], arrays["known_item"]
        histories = np.split(arrays["asked_item"], arrays["asked_start"][1:-1])
        items = int(arrays["items"][0])
    user = np.repeat(np.arange(len(known_start) - 1), np.diff(known_start))
    frame = DataFrame({"user_id": user, "item_id": known_item}).drop_duplicates()
    data = from_interactions_df(frame, items=np.arange(items), class_name="taken")
    lists, seconds, held = [], [], []
    model, fit = None, None
    for setting in task["settings"]:
        own = dict(setting)
        recent = int(own.pop(RECENT, 0))
        if own != fit:  # of settings that differ in what is asked alone, the first one fits
            began = time.perf_counter()
            model, fit = fitted(task["model"], own, data, task["seed"]), own
            took = time.perf_counter() - began
        seconds.append(took)
        held.append(size_of(model))
        lists.append(listed(model, histories, items, recent, task["length"]))
    np.savez(folder / "lists.npz", lists=np.stack(lists))
    told = {"seconds": seconds, "bytes": held, "version": lenskit.__version__}
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")


def fitted(name: str, setting: dict[str, Any], data: Any, seed: int) -> Any:
    """A scorer of LensKit."""
    from lenskit.als import ImplicitMFScorer  # noqa: PLC0415
    from lenskit.knn import ItemKNNScorer  # noqa: PLC0415
    from lenskit.training import TrainingOptions  # noqa: PLC0415

    if name not in MODELS:
        raise SystemExit(f"There is no model {name!r}: {', '.join(MODELS)}.")
    model = ItemKNNScorer(feedback="implicit", **setting) if name == "item_knn" else ImplicitMFScorer(**setting)
    model.train(data, TrainingOptions(rng=seed))
    return model


def listed(model: Any, histories: list[np.ndarray], items: int, recent: int, length: int) -> np.ndarray:
    """``[users, length]`` best items of each user but those of the history."""
    from lenskit.data import ItemList, RecQuery, Vocabulary  # noqa: PLC0415

    vocabulary = Vocabulary(np.arange(items))
    every = ItemList(item_nums=np.arange(items, dtype=np.int32), vocabulary=vocabulary)
    found = np.full((len(histories), length), -1, np.int64)
    for user, own in enumerate(histories):
        shown = np.unique(own[-recent:] if recent else own)
        query = RecQuery(user_items=ItemList(item_nums=shown.astype(np.int32), vocabulary=vocabulary))
        scores = np.array(model(query, every).scores(), np.float64)
        scores[~np.isfinite(scores)] = -np.inf
        scores[own] = -np.inf
        best = np.argsort(-scores, kind="stable")[:length]
        best = best[np.isfinite(scores[best])]
        found[user, : len(best)] = best
    return found


def size_of(model: Any) -> int:
    """Bytes of what a query is answered with."""
    if hasattr(model, "sim_matrix"):
        matrix = model.sim_matrix
        return int(matrix.nbytes if hasattr(matrix, "nbytes") else matrix.storage.nbytes)
    return int(model.item_embeddings.nbytes)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main(Path(sys.argv[1]))

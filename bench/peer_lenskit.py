"""LensKit, in an environment of its own: ``make lenskit`` makes it, and ``bench.outside_child`` runs this there."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench.outside_task import Answer, Task

MODELS = ("item_knn", "als")
RECENT = "recent"
"""A setting of ours: how many of the latest items of a history LensKit is shown when it is asked; 0 for all."""


def answer(task: Task) -> Answer:
    """Make the lists of every setting; fit anew where it differs in more than what is shown of a history."""
    from lenskit.data import from_interactions_df  # noqa: PLC0415 - only there
    from pandas import DataFrame  # noqa: PLC0415

    frame = DataFrame({"user_id": task.known.user, "item_id": task.known.item}).drop_duplicates()
    data = from_interactions_df(frame, items=np.arange(task.items), class_name="taken")
    histories = np.split(task.asked.item, task.asked.start[1:-1])
    lists, seconds, held = [], [], []
    model, fit = None, None
    for setting in task.settings:
        own = dict(setting)
        recent = int(own.pop(RECENT, 0))
        if own != fit:  # of settings that differ in what is asked alone, the first one fits
            began = time.perf_counter()
            model, fit = fitted(task.model, own, data, task.seed), own
            took = time.perf_counter() - began
        seconds.append(took)
        held.append(size_of(model))
        lists.append(listed(model, histories, task.items, recent, task.length))
    return Answer(np.stack(lists), seconds, held)


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

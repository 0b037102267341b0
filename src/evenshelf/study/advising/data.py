"""What only the texts and vectors of a study can tell; measured while it runs, since its folder keeps neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.shop.label_words import label_held

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.tasks.label import LabelTask

DATA = "data"
"""Where a study's record keeps this."""
ASKED = 400
"""Examples, at most, whose nearest neighbour is looked for."""
BLOCK = 1 << 24
"""Products of vectors held at a time."""


def data_facts(task: LabelTask, vectors: NDArray[np.float32], seed: int = 0) -> dict[str, Any]:
    """Measure texts and vectors of a task.

    Parameters
    ----------
    task
        The question.
    vectors
        ``[n, d]`` float32, one row per example.
    seed
        Of the draw of examples whose neighbours are looked for.

    Returns
    -------
    dict
        JSON-able. ``named``: share of the texts that hold their whole label; ``conflicting``: share of the examples
        whose very text has another label too; ``near``: share of examples of classes below the head whose nearest
        example of another title group is of their class; ``near_by_chance``: the same for a neighbour drawn at random;
        ``near_asked``: how many were looked at. ``None`` where something cannot be had, with the reason under
        ``unknown``.
    """
    found: dict[str, Any] = {"named": None, "conflicting": None, "near": None, "near_by_chance": None}
    unknown = {}
    if task.texts is None:
        unknown["named"] = unknown["conflicting"] = "the study was given vectors, not texts"
    else:
        found["named"] = float(label_held(task.texts, [task.classes[code] for code in task.target]).mean())
    if task.several:
        unknown["conflicting"] = unknown["near"] = "a text may have several labels"
    else:
        if task.texts is not None:
            found["conflicting"] = _conflicting(task.same, task.target)
        asked = _below_the_head(task, seed)
        if len(asked):
            found |= _neighbours(task, vectors, asked)
        else:
            unknown["near"] = "no class below the head has examples in two title groups"
    return {**found, "unknown": unknown}


def _conflicting(same: NDArray[np.int64], target: NDArray[np.int64]) -> float:
    """Share of examples with a text that has another label as well."""
    pairs = np.unique(np.stack([same, target], axis=1), axis=0)
    labels = np.bincount(pairs[:, 0], minlength=int(same.max()) + 1)
    return float((labels[same] > 1).mean())


def _below_the_head(task: LabelTask, seed: int) -> NDArray[np.int64]:
    """A seeded draw of examples of torso and tail that have an example of their class in another title group."""
    pairs = np.unique(np.stack([task.target, task.group], axis=1), axis=0)
    groups = np.bincount(pairs[:, 0], minlength=len(task.classes))
    wanted = np.flatnonzero(((task.bucket != "head") & (groups > 1))[task.target])
    return np.sort(np.random.default_rng([seed, 0x6E656172]).permutation(wanted)[:ASKED])


def _neighbours(task: LabelTask, vectors: NDArray[np.float32], asked: NDArray[np.int64]) -> dict[str, Any]:
    """How many of the examples have a nearest neighbour of their class, in Euclidean distance."""
    best = np.full(len(asked), -np.inf, np.float32)
    nearest = np.zeros(len(asked), np.int64)
    step = max(1, BLOCK // len(asked))
    rows = np.arange(len(asked))
    for start in range(0, len(vectors), step):
        some = vectors[start : start + step]
        # the squared distance but for what is the same for all neighbours, with its sign turned
        closeness = 2 * vectors[asked] @ some.T - np.einsum("ij,ij->i", some, some)
        closeness[task.group[asked][:, None] == task.group[None, start : start + step]] = -np.inf
        here = closeness.argmax(axis=1)
        nearer = closeness[rows, here] > best
        best[nearer], nearest[nearer] = closeness[rows, here][nearer], start + here[nearer]
    share = task.counts / len(task.target)
    return {
        "near": float((task.target[nearest] == task.target[asked]).mean()),
        "near_by_chance": float(share[task.target[asked]].mean()),
        "near_asked": len(asked),
    }

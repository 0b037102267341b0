"""What remedies retrieve from training rows: memories made once, and rows looked up once for all heads."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.training import Training
from evenshelf.remedies import Remedy, Retrieved, Stage

Floats = NDArray[np.float32]
Block: TypeAlias = Any  # float32 matrix, dense (ndarray) or sparse (csr_array)


class Memories:
    """Memories of the training rows of some folds, by remedy.

    Parameters
    ----------
    training
        The rows; those of the folds that new rows are in are not among them.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        self._made: dict[str, Retrieved | None] = {}
        self._found: dict[tuple[str, Hashable], Any] = {}

    def mixed(self, remedy: Remedy, scores: Floats, rows: Block, key: Hashable) -> Floats:
        """Scores of rows ``[m, d + 1]`` after what the remedy retrieves for them.

        Parameters
        ----------
        key
            Names the rows: what was found for them is kept.

        Raises
        ------
        SettingError
            If the remedy retrieves and the rows are sparse.
        """
        part = _retrieving(remedy)
        memory = None if part is None else self._memory(part)
        if part is None or memory is None:
            return scores
        known = (part.spec, key)
        if known not in self._found:
            self._found[known] = memory.look_up(rows[:, 1:])
        return memory(scores, self._found[known])

    def notes(self, remedy: Remedy) -> tuple[str, ...]:
        """What the remedy's memory could not do."""
        part = _retrieving(remedy)
        memory = None if part is None else self._memory(part)
        return () if memory is None else memory.notes

    def _memory(self, part: Remedy) -> Retrieved | None:
        if part.spec not in self._made:
            self._made[part.spec] = memory_of(part, self._training)
        return self._made[part.spec]


def memory_of(remedy: Remedy, training: Training, same: NDArray[np.integer] | None = None) -> Retrieved | None:
    """What a remedy retrieves from training rows, or ``None``.

    Parameters
    ----------
    same
        ``[n]`` equal numbers for equal rows, which become one for each class; ``None`` where they are that already.

    Raises
    ------
    SettingError
        If the rows are sparse.
    """
    if Stage.RETRIEVE not in remedy.stages:
        return None
    if not all(isinstance(block, np.ndarray) for block in training.blocks):
        raise SettingError(
            f"{remedy} looks for near rows, and sparse vectors lie in too many dimensions for that.",
            hint="Use an encoder with dense vectors, or leave the remedy out.",
        )
    vectors = np.concatenate([block[:, 1:] for block in training.blocks])
    target, count = training.target, training.count
    if same is not None:
        key = np.stack([same.astype(np.int64), target], axis=1)
        _, first, row_of = np.unique(key, axis=0, return_index=True, return_inverse=True)
        merged = np.bincount(row_of.reshape(-1), count).astype(np.float32)
        order = np.argsort(first)
        first, count = first[order], merged[order]
        vectors, target = vectors[first], target[first]
    return remedy.retrieve(vectors, target, count, training.prior)


def _retrieving(remedy: Remedy) -> Remedy | None:
    """The part that retrieves: remedies that have it in common share what is found."""
    return next((part for part in remedy.parts if Stage.RETRIEVE in part.stages), None)

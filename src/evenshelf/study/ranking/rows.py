"""What was wanted in a study of recommendation, row by row, and what was shown first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.study.contests.rows import Answer, Rows
from evenshelf.study.exposure import HISTORY
from evenshelf.study.order_free import ORDER
from evenshelf.study.ranking.order import directions
from evenshelf.tasks.exams import Exam

LONG = (0, 2, 5)
"""Histories of at most so many steps are told of together; and those that are longer."""


class RankingRows(Rows):
    """What was wanted, in all folds: rows of the result.

    Parameters
    ----------
    exams
        By fold, those that judge.

    Attributes
    ----------
    traits
        How long the history was at that moment, and which way ids go from its last step.
    """

    def __init__(self, exams: Mapping[int, Exam]) -> None:
        self._exams = list(exams.values())
        self.asked = {number: len(exam.group) for number, exam in exams.items()}
        self.item = np.concatenate([exam.item for exam in self._exams])
        self.asker = np.concatenate([exam.group[exam.user] for exam in self._exams])
        self.fold = np.concatenate([np.full(len(exam.item), n, np.int16) for n, exam in exams.items()])
        steps = np.concatenate([exam.asked.lengths[exam.user] for exam in self._exams])
        self.traits = pl.DataFrame({HISTORY: [_length(n) for n in steps.tolist()], ORDER: directions(self._exams)})

    def first(self, found: Sequence[Answer]) -> NDArray[np.int32]:
        """``[n]`` the item that the user was shown first."""
        return np.concatenate([one.array("first")[e.user] for one, e in zip(found, self._exams, strict=True)])

    def shown(self, found: Sequence[Answer]) -> NDArray[np.int32]:
        """``[I]`` in how many lists each item is among the first ten."""
        return np.asarray(np.sum([one.array("shown") for one in found], axis=0), np.int32)


def _length(steps: int) -> str:
    """What histories of such a length are called."""
    low = 0
    for high in LONG:
        if steps <= high:
            return f"{low} to {high} steps" if high > low else "no history"
        low = high + 1
    return f"{low} steps and more"

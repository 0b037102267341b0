"""What was asked in a study, row by row, and what the fits of a remedy answered to it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.study import trials
from evenshelf.study.contests.plan import Job, Setting
from evenshelf.study.results import Outcome


@dataclass(frozen=True, eq=False)
class Answer:
    """What one fit answered under one remedy at one setting.

    Attributes
    ----------
    number
        Which of the asks of the fit it is.
    facts, arrays
        Of the fit, as its job kept them.
    """

    number: int
    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def rank(self) -> NDArray[np.float32]:
        """Places of what was wanted."""
        return self.array("rank")

    @property
    def lists(self) -> Mapping[str, float | None]:
        """What was measured of whole lists."""
        found: Mapping[str, float | None] = self.facts["asks"][self.number]["lists"]
        return found

    @property
    def seconds(self) -> float:
        """CPU time of the fit and of this answer."""
        return float(self.facts["fitted"] + self.facts["asks"][self.number]["seconds"])

    def array(self, part: str) -> NDArray[Any]:
        """One of the arrays of this answer."""
        return self.arrays[f"{self.number}.{part}"]


class Rows(ABC):
    """What was asked, in all folds: rows of the result. Subclasses set the attributes.

    Attributes
    ----------
    item, asker, fold
        ``[n]`` codes of what was wanted, of the user or the query that wanted it, and the fold in which it was asked.
    traits
        One row each.
    asked
        By fold, how many users or queries were asked.
    """

    item: NDArray[np.integer]
    asker: NDArray[np.int64]
    fold: NDArray[np.int16]
    traits: pl.DataFrame
    asked: Mapping[int, int]

    def ranks(
        self, folder: Path, finals: Mapping[int, Sequence[Job]], name: str, by_fold: Mapping[int, Setting]
    ) -> NDArray[np.float32]:
        """``[n]`` places of what was wanted under a remedy at the settings of each fold."""
        return np.concatenate([one.rank for one in self._answers(folder, finals, name, by_fold)])

    def outcome(
        self,
        folder: Path,
        finals: Mapping[int, Sequence[Job]],
        name: str,
        by_fold: Mapping[int, Setting],
        searched: float,
    ) -> Outcome:
        """Of a remedy at the settings of each fold; `searched` is the CPU time in which they were chosen."""
        found = self._answers(folder, finals, name, by_fold)
        nothing = np.full(len(self.item), np.nan, np.float32)
        return Outcome(
            self.first(found),
            nothing,
            nothing,
            tuple(setting.describe() for setting in by_fold.values()),
            searched + sum(one.seconds for one in found),
            max(int(one.facts["bytes"]) for one in found),
            {metric: self._mean([one.lists[metric] for one in found]) for metric in found[0].lists},
            np.concatenate([one.rank for one in found]),
            self.shown(found),
        )

    def first(self, found: Sequence[Answer]) -> NDArray[np.int32]:
        """``[n]`` the item that is shown first, by the answers of all folds; -1 where that is not kept."""
        del found
        return np.full(len(self.item), -1, np.int32)

    def shown(self, found: Sequence[Answer]) -> NDArray[np.int32] | None:
        """``[I]`` in how many lists each item is among the first ten; ``None`` where that is not kept."""
        del found
        return None

    def _answers(
        self, folder: Path, finals: Mapping[int, Sequence[Job]], name: str, by_fold: Mapping[int, Setting]
    ) -> list[Answer]:
        return [_answer(folder, finals[number], name, by_fold[number]) for number in self.asked]

    def _mean(self, values: Sequence[float | None]) -> float:
        """Over folds, by how many were asked; NaN where none has a value."""
        known = [(value, n) for value, n in zip(values, self.asked.values(), strict=True) if value is not None]
        return sum(v * n for v, n in known) / sum(n for _, n in known) if known else float("nan")


def _answer(folder: Path, finals: Sequence[Job], name: str, setting: Setting) -> Answer:
    for job in finals:
        for number, (asked, own) in enumerate(job.asks):
            if asked == name and own.describe() == setting.describe():
                return Answer(number, *trials.read(folder, job.address))
    raise SettingError(f"{name} was not fitted.", hint="Run the study again.")

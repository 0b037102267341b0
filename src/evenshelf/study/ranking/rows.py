"""What was wanted in a study of recommendation, row by row, and what the fits of a remedy answered to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.study import trials
from evenshelf.study.exposure import HISTORY
from evenshelf.study.order_free import ORDER
from evenshelf.study.ranking.order import directions
from evenshelf.study.ranking.plan import Job, Setting
from evenshelf.study.results import Outcome
from evenshelf.tasks.exams import Exam, Sitting

LONG = (0, 2, 5)
"""Histories of at most so many steps are told of together; and those that are longer."""


class Rows:
    """What was wanted, in all folds: rows of the result.

    Attributes
    ----------
    item, user, fold
        ``[n]`` codes of items and users, and the fold in which they were asked.
    traits
        One row each: how long the history was at that moment, and which way ids go from its last step.
    """

    def __init__(self, found: Sequence[Sitting]) -> None:
        self.exams: dict[int, Exam] = {s.fold: s.judging for s in found}
        exams = self.exams.values()
        self.item = np.concatenate([exam.item for exam in exams])
        self.user = np.concatenate([exam.group[exam.user] for exam in exams])
        self.fold = np.concatenate([np.full(len(exam.item), n, np.int16) for n, exam in self.exams.items()])
        steps = np.concatenate([exam.asked.lengths[exam.user] for exam in exams])
        self.traits = pl.DataFrame(
            {HISTORY: [_length(n) for n in steps.tolist()], ORDER: directions(list(self.exams.values()))}
        )

    def outcome(
        self,
        folder: Path,
        finals: Mapping[int, Sequence[Job]],
        name: str,
        by_fold: Mapping[int, Setting],
        searched: float,
    ) -> Outcome:
        """Of a remedy at the settings of each fold."""
        found = [_answer(folder, finals[number], name, by_fold[number]) for number in self.exams]
        nothing = np.full(len(self.item), np.nan, np.float32)
        asked = np.array([len(exam.group) for exam in self.exams.values()])
        return Outcome(
            np.concatenate([one.first[exam.user] for one, exam in zip(found, self.exams.values(), strict=True)]),
            nothing,
            nothing,
            tuple(setting.describe() for setting in by_fold.values()),
            searched + sum(one.seconds for one in found),
            max(one.bytes for one in found),
            {name: mean_of_folds([one.lists[name] for one in found], asked) for name in found[0].lists},
            np.concatenate([one.rank for one in found]),
            np.sum([one.shown for one in found], axis=0, dtype=np.int32),
        )

    def ranks(
        self, folder: Path, finals: Mapping[int, Sequence[Job]], name: str, by_fold: Mapping[int, Setting]
    ) -> NDArray[np.float32]:
        """``[n]`` places of what was wanted under a remedy at the settings of each fold."""
        return np.concatenate([_answer(folder, finals[n], name, by_fold[n]).rank for n in self.exams])


@dataclass(frozen=True, eq=False)
class _Answer:
    """What one fit showed under one remedy: places of what was wanted, ``[U]`` first items, ``[I]`` times shown."""

    rank: NDArray[np.float32]
    first: NDArray[np.int32]
    shown: NDArray[np.int32]
    lists: Mapping[str, float | None]
    seconds: float
    bytes: int


def _answer(folder: Path, finals: Sequence[Job], name: str, setting: Setting) -> _Answer:
    number, facts, arrays = answered(folder, finals, name, setting)
    fact = facts["asks"][number]
    rank, first, shown = (arrays[f"{number}.{part}"] for part in ("rank", "first", "shown"))
    return _Answer(rank, first, shown, fact["lists"], facts["fitted"] + fact["seconds"], facts["bytes"])


def answered(
    folder: Path, finals: Sequence[Job], name: str, setting: Setting
) -> tuple[int, dict[str, Any], dict[str, NDArray[Any]]]:
    """Which of the asks of a job was of a remedy at a setting, and the facts and arrays of that job.

    Raises
    ------
    SettingError
        If none was.
    """
    for job in finals:
        for number, (asked, own) in enumerate(job.asks):
            if asked == name and own.describe() == setting.describe():
                return number, *trials.read(folder, job.address)
    raise SettingError(f"{name} was not fitted.", hint="Run the study again.")


def mean_of_folds(values: Sequence[float | None], asked: NDArray[np.int64]) -> float:
    """Mean over folds, by how many users or queries were asked; NaN where none has a value."""
    known = [(value, count) for value, count in zip(values, asked, strict=True) if value is not None]
    return sum(v * n for v, n in known) / sum(n for _, n in known) if known else float("nan")


def _length(steps: int) -> str:
    """What histories of such a length are called."""
    low = 0
    for high in LONG:
        if steps <= high:
            return f"{low} to {high} steps" if high > low else "no history"
        low = high + 1
    return f"{low} steps and more"

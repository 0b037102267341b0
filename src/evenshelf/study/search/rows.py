"""What answers queries in a study of search, row by row, and where the fits of a remedy put it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.study.ranking.plan import Job, Setting
from evenshelf.study.ranking.rows import answered, mean_of_folds
from evenshelf.study.results import Outcome
from evenshelf.study.search.stored import Exam, Known
from evenshelf.study.search.trials import wanted_of
from evenshelf.study.search_judge import KIND, SCRIPT
from evenshelf.tasks.search import SearchTask
from evenshelf.tasks.search_measures import BESIDE


class Rows:
    """Items that answer, in all folds: rows of the result.

    Parameters
    ----------
    known
        Queries and items.
    exams
        By fold.

    Attributes
    ----------
    query, item, fold
        ``[n]`` codes of queries and items, and the fold in which they were asked.
    worth
        ``[n]`` gains.
    """

    def __init__(self, known: Known, exams: Mapping[int, Exam]) -> None:
        self._known, self._exams = known, exams
        pools = {number: known.pool.of(exam.asked) for number, exam in exams.items()}
        rows = {number: wanted_of(pool) for number, pool in pools.items()}
        self.query = np.concatenate([exams[n].asked[pool.query[rows[n]]] for n, pool in pools.items()])
        self.item = np.concatenate([pool.item[rows[n]] for n, pool in pools.items()])
        self.worth = np.concatenate([pool.grade[rows[n]] for n, pool in pools.items()]).astype(np.float32)
        self.fold = np.concatenate([np.full(len(rows[n]), n, np.int16) for n in pools])

    def traits(self, task: SearchTask) -> pl.DataFrame:
        """Whether the item is head, torso, tail or cold, and the script of the query."""
        kind, script = self._known.kind[self.item], task.script[self.query]
        return pl.DataFrame({KIND: kind.tolist(), SCRIPT: script.tolist()})

    def ranks(
        self, folder: Path, finals: Mapping[int, Sequence[Job]], name: str, by_fold: Mapping[int, Setting]
    ) -> NDArray[np.float32]:
        """``[n]`` places of what answers under a remedy at the settings of each fold."""
        return np.concatenate([_answer(folder, finals[n], name, by_fold[n])[2] for n in self._exams])

    def outcome(
        self,
        folder: Path,
        finals: Mapping[int, Sequence[Job]],
        name: str,
        by_fold: Mapping[int, Setting],
        searched: float,
    ) -> Outcome:
        """Of a remedy at the settings of each fold."""
        ranks, beside, asked, seconds, held = [], [], [], searched, 0
        for number, exam in self._exams.items():
            facts, fact, rank = _answer(folder, finals[number], name, by_fold[number])
            ranks.append(rank)
            beside.append(fact["lists"])
            asked.append(len(exam.asked))
            seconds += facts["fitted"] + fact["seconds"]
            held = max(held, facts["bytes"])
        nothing = np.full(len(self.query), np.nan, np.float32)
        return Outcome(
            np.full(len(self.query), -1, np.int32),
            nothing,
            nothing,
            tuple(setting.describe() for setting in by_fold.values()),
            seconds,
            held,
            {metric: mean_of_folds([one[metric] for one in beside], np.array(asked)) for metric in BESIDE},
            np.concatenate(ranks),
        )


def _answer(
    folder: Path, finals: Sequence[Job], name: str, setting: Setting
) -> tuple[dict[str, Any], dict[str, Any], NDArray[np.float32]]:
    """Facts of the fit that one setting was asked of, what it answered, and places."""
    number, facts, arrays = answered(folder, finals, name, setting)
    return facts, facts["asks"][number], arrays[f"{number}.rank"]

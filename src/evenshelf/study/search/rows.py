"""What answers queries in a study of search, row by row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from evenshelf.study.contests.rows import Rows
from evenshelf.study.search.stored import Exam, Known
from evenshelf.study.search.trials import wanted_of
from evenshelf.study.search_judge import KIND, SCRIPT
from evenshelf.tasks.search import SearchTask


class SearchRows(Rows):
    """Items that answer, in all folds: rows of the result.

    Parameters
    ----------
    known
        Queries and items.
    task
        The question.
    exams
        By fold, those that judge.

    Attributes
    ----------
    worth
        ``[n]`` gains.
    traits
        Whether the item is head, torso, tail or cold, and the script of the query.
    """

    def __init__(self, known: Known, task: SearchTask, exams: Mapping[int, Exam]) -> None:
        pools = {number: known.pool.of(exam.asked) for number, exam in exams.items()}
        rows = {number: wanted_of(pool) for number, pool in pools.items()}
        self.asked = {number: len(exam.asked) for number, exam in exams.items()}
        self.asker = np.concatenate([exams[n].asked[pool.query[rows[n]]] for n, pool in pools.items()])
        self.item = np.concatenate([pool.item[rows[n]] for n, pool in pools.items()])
        self.worth = np.concatenate([pool.grade[rows[n]] for n, pool in pools.items()]).astype(np.float32)
        self.fold = np.concatenate([np.full(len(rows[n]), n, np.int16) for n in pools])
        self.traits = pl.DataFrame({KIND: known.kind[self.item].tolist(), SCRIPT: task.script[self.asker].tolist()})

"""Doing one job of a study of recommendation, and keeping what came out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.ranking.base import Evidence
from evenshelf.study.ranking.plan import LISTED, Job
from evenshelf.study.ranking.stored import exam_of, facts_of
from evenshelf.study.trials import keep
from evenshelf.tasks.exams import Exam
from evenshelf.tasks.list_measures import list_measures
from evenshelf.tasks.ranking_metrics import rank_of

BLOCK = 500
"""Users who are answered at once."""


def run(job: Job, folder: Path) -> None:
    """Do a job unless its result is there.

    Parameters
    ----------
    folder
        Of the study: ``exams/NAME`` and ``facts/NAME`` are read, ``trials/ADDRESS.npz`` is written.
    """
    keep(folder / "trials" / f"{job.address}.npz", lambda: _compute(job, folder))


def _compute(job: Job, folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    exam, buckets = exam_of(folder / "exams" / job.exam)
    evidence = Evidence(exam.known, facts_of(folder / "facts" / job.facts), job.repeats)
    began = time.process_time()
    ranker = job.learner.fit(evidence, job.remedy, setting=job.parameters, seed=job.seed)
    fitted = time.process_time() - began
    rank = np.full((len(job.asks), len(exam.user)), np.inf, np.float32)
    shown = np.full((len(job.asks), len(exam.group), LISTED if job.lists else 0), -1, np.int32)
    spent = np.zeros(len(job.asks))
    scoring = 0.0
    prior = evidence.prior
    for users, histories in exam.asked.blocks(BLOCK):
        began = time.process_time()
        scores = ranker.scores(histories)
        had = histories.weights().nonzero()
        scoring += time.process_time() - began
        rows = np.flatnonzero((exam.user >= users[0]) & (exam.user <= users[-1]))
        for number, (_, setting) in enumerate(job.asks):
            began = time.process_time()
            own = setting.remedy.adjust(scores.copy(), prior, np.ones(len(prior.counts), np.float32))
            if not job.repeats:
                own[had] = -np.inf
            rank[number, rows] = rank_of(own[exam.user[rows] - users[0]], exam.item[rows])
            if job.lists:
                shown[number, users] = best(own, LISTED)
            spent[number] += time.process_time() - began
    facts: dict[str, Any] = {"bytes": int(ranker.bytes), "seconds": fitted + scoring + float(spent.sum()), "asks": []}
    arrays: dict[str, NDArray[Any]] = {}
    for number, (name, setting) in enumerate(job.asks):
        fact: dict[str, Any] = {
            "name": name,
            "setting": setting.describe(),
            "seconds": fitted + scoring + float(spent[number]),
        }
        fact["values"] = _values(exam, rank[number], buckets)
        facts["asks"].append(fact)
        if job.lists:
            arrays[f"{number}.rank"], arrays[f"{number}.shown"] = rank[number], shown[number]
    return facts, arrays


def best(scores: NDArray[np.float32], length: int) -> NDArray[np.int32]:
    """``[U, length]`` the items with the largest scores, the largest first; -1 where there are no more to show."""
    length = min(length, scores.shape[1])
    top = np.argpartition(-scores, length - 1, axis=1)[:, :length]
    score = np.take_along_axis(scores, top, axis=1)
    order = np.lexsort((top, -score), axis=1)
    found = np.take_along_axis(top, order, axis=1)
    return np.where(np.isneginf(np.take_along_axis(scores, found, axis=1)), -1, found).astype(np.int32)


def _values(exam: Exam, rank: NDArray[np.float32], buckets: NDArray[np.str_]) -> dict[str, float | None]:
    found = list_measures(rank, exam.item, exam.user, buckets)
    return {name: value if np.isfinite(value) else None for name, value in found.items()}

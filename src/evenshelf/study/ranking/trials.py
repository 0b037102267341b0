"""Doing one job of a study of recommendation, and keeping what came out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.model_store import borrowing
from evenshelf.learners.ranking.base import Evidence
from evenshelf.rankers.answering import Answers, Rules, answers
from evenshelf.rankers.base import Codes
from evenshelf.study.comparison import jsonable
from evenshelf.study.contests.plan import Job
from evenshelf.study.ranking.stored import exam_of, facts_of
from evenshelf.study.trials import keep
from evenshelf.tasks.exams import Exam
from evenshelf.tasks.list_measures import K, list_measures
from evenshelf.tasks.list_metrics import Catalogue, had_before, list_metrics, times_shown
from evenshelf.tasks.ranking_metrics import repeat_metrics
from evenshelf.tasks.top_items import top

LISTED = 20
"""Length of the lists that are kept of the models that are judged."""


def run(job: Job, address: str, folder: Path) -> None:
    """Do a job unless its result is there.

    Parameters
    ----------
    address
        Of the job.
    folder
        Of the study: ``exams/NAME`` and ``facts/NAME`` are read, ``trials/ADDRESS.npz`` is written.
    """
    keep(folder / "trials" / f"{address}.npz", lambda: _compute(job, folder))


def _compute(job: Job, folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    exam, buckets = exam_of(folder / "exams" / job.exam)
    evidence = Evidence(exam.known, facts_of(folder / "facts" / job.facts), job.repeats)
    began = time.process_time()
    with borrowing() as borrowed:
        ranker = job.learner.fitted(evidence, job.remedy, setting=job.parameters, seed=job.seed)
    fitted = time.process_time() - began + borrowed.seconds
    began = time.process_time()
    found = answers(
        ranker,
        [setting.remedy for _, setting in job.asks],
        exam.asked,
        evidence.prior,
        Rules(length=LISTED, repeats=job.repeats, allowed=exam.allowed, seed=job.seed),
        vectors=evidence.facts.vectors,
        wanted=(exam.user, exam.item),
    )
    answered = time.process_time() - began
    facts: dict[str, Any] = {"bytes": int(ranker.bytes), "seconds": fitted + answered, "fitted": fitted}
    facts["asks"] = [
        {
            "name": name,
            "setting": setting.describe(),
            "seconds": answered / len(job.asks),
            "values": jsonable(list_measures(one.rank, exam.item, exam.user, buckets)),
        }
        for (name, setting), one in zip(job.asks, found, strict=True)
    ]
    arrays: dict[str, NDArray[Any]] = {}
    if job.lists:
        popular = _popular(exam, repeats=job.repeats, seed=job.seed)
        for number, (fact, one) in enumerate(zip(facts["asks"], found, strict=True)):
            fact["lists"] = jsonable(_lists(exam, one, popular, evidence, buckets))
            arrays[f"{number}.rank"] = one.rank.astype(np.float32)
            arrays[f"{number}.first"] = one.lists[:, 0].astype(np.int32)
            arrays[f"{number}.shown"] = times_shown(one.lists[:, :K], len(buckets)).astype(np.int32)
    return facts, arrays


def _lists(exam: Exam, one: Answers, popular: Codes, evidence: Evidence, buckets: NDArray[np.str_]) -> dict[str, float]:
    """What the first places show besides what is wanted; and what is wanted again or anew, apart."""
    takers = np.asarray((exam.known.weights() > 0).sum(axis=0), np.int64).ravel()
    vectors = evidence.facts.vectors if evidence.facts.vectors is not None else evidence.facts.words
    found = list_metrics(
        one.lists[:, :K],
        Catalogue(buckets, takers, len(exam.known.users), vectors),
        wanted=(exam.user, exam.item),
        popular=popular,
        had=exam.asked.weights() if evidence.repeats else None,
    )
    if evidence.repeats:
        again = had_before(exam.asked.weights(), exam.user, exam.item)
        values = repeat_metrics(exam.user, one.rank, again)
        found |= {name: values[name] for name in ("rebought_recall_at_10", "new_recall_at_10")}
    return found


def _popular(exam: Exam, *, repeats: bool, seed: int) -> Codes:
    """``[U, K]`` what anyone would show: the most popular items that a user may be shown."""
    counts = exam.known.counts.astype(np.float32)
    lists = []
    for _, some in exam.asked.blocks(500):
        scores = np.repeat(counts[None], len(some.users), axis=0)
        if exam.allowed is not None:
            scores[:, ~exam.allowed] = -np.inf
        if not repeats:
            scores[some.user, some.item] = -np.inf
        lists.append(top(scores, K, seed=seed))
    return np.concatenate(lists)

"""Doing one job of a study of search, and keeping what came out."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.search.base import Evidence, ItemSide, Pool
from evenshelf.remedies import Clicked, Prior, Remedy
from evenshelf.study.comparison import jsonable
from evenshelf.study.contests.plan import Job
from evenshelf.study.search.answering import Answers, answers
from evenshelf.study.search.stored import Exam, Known, exam_of, known_of
from evenshelf.study.trials import keep
from evenshelf.tasks.search_measures import BESIDE, K, ndcg_of_queries, search_measures
from evenshelf.tasks.top_items import tie_order


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


def evidence_of(known: Known, exam: Exam, remedy: Remedy) -> Evidence:
    """What may be learned from in an exam, as a remedy reads it.

    Where clicks are learned from, they take the place of the grades, by which it is tested. Where nobody took anything,
    items count by how many of these queries they answer. What answers a made query does so as well as anything that was
    judged, so that what the query counts is what its remedy says and not a matter of the scale of grades; rates of
    clicks end at 1.
    """
    pool, items, made = known.pool.of(exam.learned), known.items, known.made
    if known.taught_by_clicks:
        pool = replace(pool, grade=_read(pool, remedy, Prior(items.count)))
    elif (best := float(np.nanmax(pool.grade, initial=0.0))) > 0:
        made = {spec: replace(queries, grade=queries.grade * np.float32(best)) for spec, queries in made.items()}
    if not items.count.any():
        answering = pool.item[pool.grade > 0]
        items = replace(items, count=np.bincount(answering, minlength=len(items.titles)).astype(np.int64))
    return Evidence(pool, items, made)


def _read(pool: Pool, remedy: Remedy, prior: Prior) -> NDArray[np.float32]:
    """``[n]`` what clicks say of candidates; NaN of those that were never shown."""
    rows = np.flatnonzero(pool.clicked[:, 0] > 0)
    clicked = Clicked(pool.item[rows], *pool.clicked[rows].T)
    told = remedy.evidence(clicked, prior)
    grade = np.full(len(pool.item), np.nan, np.float32)
    grade[rows] = clicked.rate if told is None else told
    return grade


def wanted_of(pool: Pool) -> NDArray[np.int64]:
    """Candidates that answer, as rows of the pool: those are the rows of a result."""
    return np.flatnonzero(pool.grade > 0)


def _compute(job: Job, folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    known, exam = known_of(folder / "facts" / job.facts), exam_of(folder / "exams" / job.exam)
    evidence = evidence_of(known, exam, job.remedy)
    asked = known.pool.of(exam.asked)
    began = time.process_time()
    scorer = job.learner.fitted(evidence, job.remedy, setting=job.parameters, seed=job.seed)
    fitted = time.process_time() - began
    began = time.process_time()
    scores = np.asarray(scorer.scores(asked, evidence.items), np.float32)
    found = answers(scores, asked, [setting.remedy for _, setting in job.asks], evidence, seed=job.seed)
    answered = time.process_time() - began
    wanted = wanted_of(asked)
    query, worth = asked.query[wanted], asked.grade[wanted].astype(np.float64)
    about: dict[str, Any] = {
        "bucket": known.bucket[exam.asked],
        "frequency": asked.count,
        "kind": known.kind[asked.item[wanted]],
    }
    facts: dict[str, Any] = {"bytes": int(scorer.bytes), "seconds": fitted + answered, "fitted": fitted}
    facts["asks"] = [
        {
            "name": name,
            "setting": setting.describe(),
            "seconds": answered / len(job.asks),
            "values": jsonable(search_measures(one.rank, worth, query, **about)),
        }
        for (name, setting), one in zip(job.asks, found, strict=True)
    ]
    arrays: dict[str, NDArray[Any]] = {}
    if job.lists:
        for number, (fact, one) in enumerate(zip(facts["asks"], found, strict=True)):
            fact["lists"] = jsonable(beside(one, asked, evidence.items, known.kind, seed=job.seed))
            arrays[f"{number}.rank"] = one.rank.astype(np.float32)
    return facts, arrays


def beside(one: Answers, pool: Pool, items: ItemSide, kind: NDArray[np.str_], *, seed: int) -> dict[str, float]:
    """All of :data:`evenshelf.tasks.search_measures.BESIDE`, over the queries of one fold; ties as in the lists."""
    first = one.lists[:, :K]
    shown = first[first >= 0]
    query = pool.query
    judged = ~np.isnan(pool.grade)
    pair = query[judged] * len(items.titles) + pool.item[judged]
    listed = (np.arange(len(first))[:, None] * len(items.titles) + first)[first >= 0]
    tie = tie_order(len(items.titles), seed)  # candidates come as the usual ranking has them, which must not decide
    order = np.lexsort((tie[pool.item[judged]], -one.values[judged], query[judged]))
    own = query[judged][order]
    sizes = np.bincount(own, minlength=len(pool))
    place = np.arange(len(own)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    grade = pool.grade[judged][order]
    relevant = grade > 0
    alone = ndcg_of_queries(
        place[relevant].astype(np.float64), grade[relevant].astype(np.float64), own[relevant], len(pool)
    )
    found = {
        "judged_ndcg_at_10": float(np.nanmean(alone)) if relevant.any() else float("nan"),
        "judged_at_10": float(np.isin(listed, pair).mean()) if len(shown) else float("nan"),
        "zero_results": float((first[:, 0] < 0).mean()),
        "coverage": len(np.unique(shown)) / max(len(items.titles), 1),
        "tail_items_shown": float(np.isin(kind[shown], ("tail", "cold")).mean()) if len(shown) else float("nan"),
    }
    assert found.keys() == BESIDE.keys()
    return found

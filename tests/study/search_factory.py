"""Studies of search without any fit: made-up places of the items that answer made-up queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from evenshelf.shop import buckets
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.results import Outcome, RemedyResult, StudyResult
from evenshelf.study.search_judge import KIND, SCRIPT
from evenshelf.tasks.search import NOUNS
from evenshelf.tasks.search_measures import SEARCHES

ITEMS, ANSWERS, FOLDS = 80, 3, 5
STRANGE = ("<script>alert(1)</script>", "{{ 7 * 7 }}", "运动鞋", '"><img src=x onerror=alert(1)>')
SETTINGS = {"none": {"penalty": 3.0}, "knn": {"penalty": 0.3}}
BESIDE = {
    "none": {"coverage": 0.402, "tail_items_shown": 0.213, "zero_results": 0.041},
    "knn": {"coverage": 0.511, "tail_items_shown": 0.347, "zero_results": 0.0},
    POPULAR: {"coverage": 0.101, "tail_items_shown": 0.017, "zero_results": 0.041},
}


def names_of(queries: int) -> list[str]:
    """Queries, some of which look like markup and some in another script."""
    return [STRANGE[n] if n < len(STRANGE) else f"鞋 {n}" if n % 6 == 5 else f"shoe {n}" for n in range(queries)]


def search_study(queries: int = 240, seed: int = 0, meta: Mapping[str, Any] | None = None) -> StudyResult:
    """Three graded items a query; remedies ``none`` and ``knn``, which finds more, and what is popular."""
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(queries), ANSWERS)
    item = np.concatenate([rng.choice(ITEMS, ANSWERS, replace=False) for _ in range(queries)])
    worth = rng.integers(1, 4, len(query)).astype(np.float32)

    def drawn(places: int) -> np.ndarray:
        """Other places for each item of a query; a tenth is not shown."""
        found = rng.permuted(np.tile(np.arange(float(places)), (queries, 1)), axis=1)[:, :ANSWERS].ravel()
        return np.where(rng.random(len(found)) < 0.1, np.inf, found)

    base, moved = drawn(30), (rng.random(queries) < 0.5)[query]
    places = {"none": base, "knn": np.where(moved, drawn(12), base), POPULAR: drawn(90)}
    nothing = np.full(len(query), np.nan, np.float32)

    def outcome(kind: str) -> Outcome:
        setting = {"remedy": kind, **SETTINGS[kind]} if kind in SETTINGS else {"remedy": "none"}
        beside = {**BESIDE[kind], "judged_ndcg_at_10": 0.713, "judged_at_10": 0.352}
        return Outcome(
            np.full(len(query), -1, np.int32),
            nothing,
            nothing,
            (setting,) * FOLDS,
            1.0,
            10,
            beside,
            places[kind].astype(np.float32),
        )

    remedies = [
        RemedyResult(kind, kind, () if kind == "none" else ("retrieve",), "", outcome(kind), outcome(kind))
        if kind != POPULAR
        else RemedyResult(kind, "What is popular", (), "", outcome(kind), outcome(kind), reference=True)
        for kind in places
    ]
    frequency = np.maximum(1, (300 / np.arange(1, queries + 1)).astype(np.int64))
    kind = np.array([("head", "torso", "tail", "cold")[n % 4] for n in range(ITEMS)])
    names = names_of(queries)
    script = np.array(["han" if any(letter > "\u3000" for letter in name) else "latin" for name in names])
    group = np.arange(queries) // 2  # two queries each are nearly equal
    record = {
        "task": "search",
        "target": "judgements",
        "tested_by": "judgements",
        "measures": SEARCHES.name,
        "nouns": NOUNS.to_dict(),
        "learner": "convex",
        "models": "three learned weights",
        "encoder": {"spec": "minilm-int8", "reason": "The encoder of the index", "dimension": 384},
        "baselines": [{"name": POPULAR, "spec": POPULAR, "title": "popular", "summary": "", "reads": "candidates"}],
        "folds": FOLDS,
        "budget": 4,
        "seed": 0,
        "queries": queries,
        "answerable": queries,
        "items": ITEMS,
        "judged": len(query) + 40,
        "candidates": 27,
        "counted": "asked",
        "dropped": {"of an item that the shop does not have": 2},
        "chosen": {"metric": SEARCHES.main, "guarded": SEARCHES.head, "give": 0.01},
    }
    record["baselines"][0] |= {"settings": 1}  # type: ignore[index]
    return StudyResult(
        record | dict(meta or {}),
        pl.DataFrame({"class": names, "count": frequency, "bucket": buckets(frequency).tolist()}),
        query.astype(np.int32),
        (group % FOLDS)[query].astype(np.int16),
        group[query].astype(np.int64),
        tuple(remedies),
        traits=pl.DataFrame({KIND: kind[item].tolist(), SCRIPT: script[query].tolist()}),
        worth=worth,
    )

"""Studies of lists without any fit: made-up lists, from which ranks and exposure follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from evenshelf.study.order_free import ASCENDING, DESCENDING, NO_HISTORY, ORDER
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.results import Outcome, RemedyResult, StudyResult
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.recommend import NOUNS

ITEMS, TAKEN = 40, 2
TITLES = ("<script>alert(1)</script>", "{{ 7 * 7 }}", "", "运动鞋", '"><img src=x onerror=alert(1)>')
SETTINGS = {"none": {"decay": 0.8}, "mmr": {"decay": 0.5}}


def lists_of(users: int, kind: str, rng: np.random.Generator, wanted: np.ndarray) -> np.ndarray:
    """``[users, 10]`` items: head first under `none`, more of the tail under others; often what is wanted."""
    share = 1.0 / np.arange(1, ITEMS + 1) ** (1.5 if kind == "none" else 0.6)
    made = np.stack([rng.choice(ITEMS, 10, replace=False, p=share / share.sum()) for _ in range(users)])
    for user in np.flatnonzero(rng.random(users) < 0.4):
        if wanted[user] not in made[user]:
            made[user, rng.integers(10)] = wanted[user]
    return made


def list_study(users: int = 300, seed: int = 0, meta: Mapping[str, Any] | None = None) -> StudyResult:
    """Two wanted items a user; remedies ``none`` and ``mmr``, and what is popular."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, ITEMS + 1)
    item = np.stack([rng.choice(ITEMS, TAKEN, replace=False, p=share / share.sum()) for _ in range(users)])
    wanted, user = item.ravel(), np.repeat(np.arange(users), TAKEN)
    lists = {kind: lists_of(users, kind, rng, item[:, 0]) for kind in ("none", "mmr")}
    lists[POPULAR] = np.tile(np.arange(10), (users, 1))
    nothing = np.full(len(wanted), np.nan, np.float32)

    def outcome(kind: str) -> Outcome:
        shown = lists[kind]
        hit = shown[user] == wanted[:, None]
        rank = np.where(hit.any(axis=1), hit.argmax(axis=1), 10 + rng.integers(0, 30, len(wanted)))
        counts = np.bincount(shown.ravel(), minlength=ITEMS).astype(np.int32)
        first = shown[user, 0].astype(np.int32)
        settings = ({"remedy": kind, **SETTINGS[kind]} if kind in SETTINGS else {"remedy": "none"},)
        beside = {"gini": 0.5, "coverage": float((counts > 0).mean()), "tail_share": 0.25, "novelty": 10.293}
        beside |= {"diversity": 0.974, "serendipity": 0.096, "rebought_recall_at_10": 0.13, "new_recall_at_10": 0.021}
        return Outcome(first, nothing, nothing, settings, 1.0, 10, beside, rank.astype(np.float32), counts)

    remedies = [
        RemedyResult(kind, kind, () if kind == "none" else ("rerank",), "", outcome(kind), outcome(kind))
        if kind != POPULAR
        else RemedyResult(kind, "Popularity", (), "", outcome(kind), outcome(kind), reference=True)
        for kind in lists
    ]
    bucket = ["head"] * 6 + ["torso"] * 10 + ["tail"] * 20 + ["cold"] * 4
    counts = [90 - 10 * n for n in range(6)] + [20] * 10 + [2] * 20 + [0] * 4
    traits = {
        "history": [("1 to 2 steps", "6 steps and more", "no history")[n % 3] for n in user.tolist()],
        ORDER: [NO_HISTORY if n % 3 == 2 else (ASCENDING, DESCENDING)[n % 2] for n in user.tolist()],
    }
    record = {
        "task": "recommend",
        "measures": LISTS.name,
        "nouns": NOUNS.to_dict(),
        "learner": "item_knn",
        "models": "item neighbourhoods",
        "directed": False,
        "baselines": [{"name": POPULAR, "spec": POPULAR, "title": "popularity", "summary": "", "reads": "histories"}],
        "folds": 1,
        "split_by": "last",
        "budget": 4,
        "seed": 0,
        "users": users,
        "steps": 10 * users,
        "items": ITEMS,
        "repeats": False,
        "cut": "examples",
        "chosen": {"metric": LISTS.main, "guarded": LISTS.head, "give": 0.01, "users": 5000},
        "order": {"steps": 10 * users, "tied": 5 * users, "days": True, ASCENDING: 120, DESCENDING: 80, "p": 0.0057},
    }
    record["baselines"][0] |= {"settings": 1, "directed": False}  # type: ignore[index]
    return StudyResult(
        record | dict(meta or {}),
        pl.DataFrame(
            {
                "class": [f"i{n}" for n in range(ITEMS)],
                "count": counts,
                "bucket": bucket,
                "title": [TITLES[n % len(TITLES)] and f"{TITLES[n % len(TITLES)]} {n}" for n in range(ITEMS)],
            }
        ),
        wanted.astype(np.int32),
        np.zeros(len(wanted), np.int16),
        user.astype(np.int64),
        tuple(remedies),
        traits=pl.DataFrame(traits),
    )

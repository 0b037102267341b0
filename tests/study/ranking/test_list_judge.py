"""Lists are judged by numbers that plain loops give, and drawn again user by user."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.study.list_judge import ListJudge
from evenshelf.study.results import Outcome, RemedyResult, StudyResult
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.list_measures import LISTS, list_measures
from evenshelf.tasks.ranking_metrics import several_metrics

BUCKETS = np.array(["head", "head", "torso", "tail", "tail", "cold"])


@st.composite
def wanted(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ranks, items and users of what is wanted; no pair twice, no place twice for a user."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, unique=True))
    user = np.array([u for _, u in pairs])
    places = {u: draw(st.permutations(range(25))) for u in sorted(set(user.tolist()))}
    rank = np.array([places[u].pop() for u in user.tolist()], np.float64)
    rank[draw(st.lists(st.integers(0, len(rank) - 1), max_size=2))] = np.inf
    return rank, np.array([i for i, _ in pairs]), user


@given(wanted())
def test_values_are_those_of_plain_loops(found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    rank, item, user = found
    values = list_measures(rank, item, user, BUCKETS)
    gains = [1 / math.log2(r + 2) if r < 10 else 0.0 for r in rank]
    by_item = [np.mean([g for g, i in zip(gains, item, strict=True) if i == one]) for one in set(item.tolist())]
    assert values["macro_ndcg_at_10"] == pytest.approx(np.mean(by_item))
    for name, value in several_metrics(user, rank).items():
        if name in values:
            assert values[name] == pytest.approx(value, nan_ok=True), name
    for part in ("head", "torso", "tail", "cold"):
        among = BUCKETS[item] == part
        own = several_metrics(user, rank, among)
        assert values[f"{part}_ndcg_at_10"] == pytest.approx(own["ndcg_at_10"], nan_ok=True)
        assert values[f"{part}_recall_at_10"] == pytest.approx(own["recall_at_10"], nan_ok=True)


def study(ranks: dict[str, np.ndarray], item: np.ndarray, user: np.ndarray) -> StudyResult:
    """A result of these ranks; the last one is what is popular."""

    def outcome(rank: np.ndarray) -> Outcome:
        nothing = np.full(len(rank), np.nan, np.float32)
        return Outcome(np.zeros(len(rank), np.int32), nothing, nothing, ({},), rank=rank.astype(np.float32))

    remedies = [
        RemedyResult(name, name, (), "", tuned=outcome(rank), reference=name == "popular")
        for name, rank in ranks.items()
    ]
    classes = pl.DataFrame({"class": list("abcdef"), "count": [9, 8, 4, 2, 1, 0], "bucket": BUCKETS.tolist()})
    return StudyResult(
        {"measures": LISTS.name, "nouns": {"label": "item", "labels": "items", "clusters": "users"}},
        classes,
        item.astype(np.int32),
        np.zeros(len(item), np.int16),
        user.astype(np.int64),
        tuple(remedies),
    )


@given(wanted(), st.integers(0, 3))
def test_the_bootstrap_draws_users_with_all_that_they_want(
    found: tuple[np.ndarray, np.ndarray, np.ndarray], seed: int
) -> None:
    rank, item, user = found
    result = study({"none": rank, "popular": np.full(len(rank), 3.0)}, item, user)
    judge = ListJudge(result)
    tuned = result["none"].tuned
    assert tuned is not None
    drawn = judge.bootstrap({"tuned none": tuned}, replicates=3, seed=seed)
    values = judge.values(tuned, np.ones(len(rank), bool))
    for name in LISTS.decisive:
        assert drawn.interval("tuned none", name).value == pytest.approx(values[name], rel=1e-5, nan_ok=True)
    rng = np.random.default_rng(seed)
    people = np.unique(user)
    for draw in range(3):
        chosen = people[rng.integers(len(people), size=len(people))]
        rows = np.concatenate([np.flatnonzero(user == one) for one in chosen])
        again = np.concatenate([np.full((user == one).sum(), n) for n, one in enumerate(chosen)])
        expected = list_measures(rank[rows], item[rows], again, BUCKETS)
        # of the main metric each user brings shares of the mean over all items, of which there are as many in each draw
        gains = np.array([1 / math.log2(r + 2) if r < 10 else 0.0 for r in rank])
        part = np.array([1 / ((item == one).sum() * len(set(item.tolist()))) for one in item])
        expected["macro_ndcg_at_10"] = (gains * part)[rows].sum() / part[rows].sum()
        for column, name in enumerate(LISTS.decisive):
            assert drawn.draws[0, column, draw] == pytest.approx(expected[name], rel=1e-4, nan_ok=True), name


def made(gain: float, users: int = 600) -> dict[str, np.ndarray]:
    """Ranks of nothing, of what moves wanted items of the tail up, and of what is popular."""
    rng = np.random.default_rng(0)
    plain = rng.integers(0, 40, users).astype(np.float64)
    item = np.arange(users) % 6
    better = np.where(BUCKETS[item] == "tail", np.floor(plain * (1 - gain)), plain)
    return {"none": plain, "better": better, "popular": rng.integers(0, 400, users).astype(np.float64)}


def test_a_remedy_that_lifts_the_tail_wins_and_one_that_does_nothing_does_not() -> None:
    item, user = np.arange(600) % 6, np.arange(600)
    found = decide(study(made(0.8), item, user), replicates=400)
    assert found.recommended == "better"
    assert found.kind == "lists"
    assert found.metric == "macro_ndcg_at_10"
    assert "macro NDCG@10" in found.headline
    assert found["better"]["tail_ndcg_at_10"] > found["none"]["tail_ndcg_at_10"]
    assert found["better"].head_loss == 0
    same = decide(study(made(0.0), item, user), replicates=400)
    assert same.recommended is None
    assert same["better"].p == 1.0
    again = Verdict.from_dict(found.to_dict())
    assert again["better"]["tail_ndcg_at_10"] == found["better"]["tail_ndcg_at_10"]
    assert found.table().columns[-len(LISTS.metrics) :] == list(LISTS.metrics)


def test_where_nothing_beats_what_is_popular_nothing_is_recommended() -> None:
    ranks = made(0.8)
    found = decide(study(ranks | {"popular": np.zeros(600)}, np.arange(600) % 6, np.arange(600)), replicates=400)
    assert not found.informative
    assert found.recommended is None
    assert "nothing beats showing everyone what is popular" in found.headline


def test_without_what_is_popular_there_is_no_verdict() -> None:
    ranks = made(0.5)
    del ranks["popular"]
    with pytest.raises(InputError, match="no baseline 'popular'"):
        decide(study(ranks, np.arange(600) % 6, np.arange(600)))


def test_models_that_are_equally_good_differ_in_one_study_of_twenty() -> None:
    """Many items that one user wants each, beside a few that many want: 200 studies of two models that are alike."""
    item = np.concatenate([np.repeat(np.arange(20), 10), np.arange(20, 320)])
    user = np.arange(len(item))
    buckets = ["head"] * 20 + ["tail"] * 300
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        one, two, popular = (rng.integers(0, 30, len(item)).astype(np.float64) for _ in range(3))
        result = study({"none": one, "other": two, "popular": popular}, item, user)
        result = replace(
            result,
            classes=pl.DataFrame({"class": [str(i) for i in range(320)], "count": [9] * 320, "bucket": buckets}),
        )
        drawn = ListJudge(result).bootstrap(
            {r.spec: r.tuned for r in result.remedies if r.tuned is not None}, replicates=200, seed=seed
        )
        found += drawn.difference("other", "none", "macro_ndcg_at_10").p < 0.05
    assert found < 20

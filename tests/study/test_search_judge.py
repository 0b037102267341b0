"""Rankings for queries are judged by NDCG as it is defined, on the same draws of queries for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.study.judges import judge_of
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.results import load, save
from evenshelf.study.search_judge import SearchJudge
from evenshelf.study.verdict import decide
from evenshelf.tasks.search import SearchTask
from evenshelf.tasks.search_measures import SEARCHES, ndcg_of_queries
from evenshelf.tasks.search_metrics import Ranked, query_metrics
from tests.study.factory import with_remedies
from tests.study.search_factory import search_study


@pytest.fixture(scope="module")
def result():
    return search_study()


@pytest.fixture(scope="module")
def judge(result):
    return judge_of(result)


def test_ndcg_is_that_of_a_sum_by_hand():
    # grades 3 and 1 wanted, found at the second and the eleventh place: only the first is within the ten
    rank, worth, query = np.array([1.0, 10.0]), np.array([3.0, 1.0]), np.array([1, 1])
    best = 3.0 / np.log2(2) + 1.0 / np.log2(3)
    found = ndcg_of_queries(rank, worth, query, 3)
    assert found[1] == pytest.approx((3.0 / np.log2(3)) / best)
    assert np.isnan(found[[0, 2]]).all(), "without an item that answers there is nothing to judge"


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_ndcg_of_rows_is_that_of_whole_lists(seed):
    rng = np.random.default_rng(seed)
    queries, items = 5, 30
    grades = {
        f"q{q}": {f"i{i}": float(rng.integers(0, 4)) for i in rng.choice(items, 12, False)} for q in range(queries)
    }
    grades["q0"]["i0"] = 2.0
    task = SearchTask.of(grades, [f"i{i}" for i in range(items)])
    lists = np.stack([rng.permutation(items) for _ in range(queries)])
    place = np.argsort(lists, axis=1)
    whole = query_metrics(Ranked(lists, np.zeros(len(task.grade))), task)
    rows = task.grade > 0
    query, worth, rank = task.query[rows], task.grade[rows], place[task.query[rows], task.item[rows]].astype(float)
    each = ndcg_of_queries(rank, worth, query, queries)
    assert each == pytest.approx(whole["ndcg_at_10"], nan_ok=True)
    tail = np.array([i % 3 == 0 for i in range(items)])
    own = tail[task.item[rows]]
    some = ndcg_of_queries(rank[own], worth[own], query[own], queries)
    assert some == pytest.approx(
        query_metrics(Ranked(lists, np.zeros(len(task.grade))), task, tail)["ndcg_at_10"], nan_ok=True
    )


def test_what_is_observed_are_the_measures(result, judge):
    outcomes = {spec: result[spec].tuned for spec in ("none", "knn")}
    bootstrap = judge.bootstrap(outcomes, replicates=50, seed=0)
    everything = result.fold >= 0
    for spec, outcome in outcomes.items():
        values = judge.values(outcome, everything)
        for metric in SEARCHES.decisive:
            assert bootstrap.interval(spec, metric).value == pytest.approx(values[metric], abs=1e-5)
    assert bootstrap.names[-1] == f"guess {POPULAR}"


def test_draws_are_paired_and_by_group(result, judge):
    none, knn = result["none"].tuned, result["knn"].tuned
    same = judge.bootstrap({"none": none, "again": none, "knn": knn}, replicates=80, seed=3)
    assert np.array_equal(same.draws[0], same.draws[1], equal_nan=True)
    difference = same.difference("again", "none", SEARCHES.main)
    assert (difference.value, difference.low, difference.high, difference.p) == (0.0, 0.0, 0.0, 1.0)
    again = judge.bootstrap({"none": none, "again": none, "knn": knn}, replicates=80, seed=3)
    assert np.array_equal(again.draws, same.draws, equal_nan=True)
    # nearly equal queries are drawn together: with one group for each half there are but three kinds of draws
    halves = replace(result, group=(result.y >= 120).astype(np.int64))
    draws = SearchJudge(halves).bootstrap({"none": none, "knn": knn}, replicates=80, seed=3).draws
    assert len(np.unique(np.round(draws[0, 0], 5))) <= 3


def test_rows_that_are_not_evaluated_do_not_count(result):
    fold = np.where(result.y < 40, -1, result.fold).astype(np.int16)
    judge = SearchJudge(replace(result, fold=fold))
    knn = result["knn"].tuned
    there = fold >= 0
    expected = ndcg_of_queries(knn.ranks[there], result.worth[there].astype(float), result.y[there], 240)
    observed = judge.bootstrap({"knn": knn}, replicates=10, seed=0).interval("knn", SEARCHES.main).value
    assert observed == pytest.approx(np.nanmean(expected), abs=1e-5)


def test_folds_and_differing_answers(result, judge):
    none, knn = result["none"].tuned, result["knn"].tuned
    by_fold = judge.by_fold(knn, SEARCHES.main)
    assert by_fold == pytest.approx([judge.values(knn, result.fold == n)[SEARCHES.main] for n in range(5)])
    assert judge.differing(none, none).tolist() == [0] * 5
    deep = replace(none, rank=np.where(none.ranks >= 10, none.ranks + 3, none.ranks))
    assert judge.differing(none, deep).tolist() == [0] * 5, "beyond the tenth place nothing is gained"
    assert (judge.differing(none, knn) > 0).all()


def test_equal_ranks_are_no_gain_and_better_ones_are(result):
    verdict = decide(result, replicates=200)
    assert verdict.recommended == "knn"
    base = result["none"]
    alike = with_remedies(result, base, replace(result["knn"], tuned=base.tuned, default=base.default), result[POPULAR])
    tied = decide(alike, replicates=200)
    assert tied.recommended is None
    assert (tied["knn"].diff, tied["knn"].p) == (pytest.approx(0.0, abs=1e-6), 1.0)


def test_what_cannot_be_judged_is_refused(result, judge):
    with pytest.raises(SettingError, match="replicates"):
        judge.bootstrap({"none": result["none"].tuned}, replicates=0, seed=0)
    with pytest.raises(InputError, match="popular"):
        SearchJudge(with_remedies(result, result["none"], result["knn"]))


def test_a_study_can_be_read_back(result, tmp_path):
    save(result, tmp_path)
    kept = load(tmp_path)
    assert decide(kept, replicates=200).to_dict() == decide(result, replicates=200).to_dict()
    assert kept["knn"].tuned.shown is None

"""The task search: judgements and clicks of shops, folds without leaks, and metrics held against trec_eval."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop, simulate
from evenshelf.tasks.search import SearchTask
from evenshelf.tasks.search_metrics import METRICS, Ranked, query_metrics, search_table

ITEMS = [f"i{n}" for n in range(12)]
judgements = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.dictionaries(st.sampled_from(ITEMS), st.integers(0, 3), min_size=1),
    min_size=1,
).filter(lambda j: any(grade > 0 for known in j.values() for grade in known.values()))


@st.composite
def cases(draw):
    task = SearchTask.of(draw(judgements), ITEMS)
    lists = np.full((len(task.queries), len(ITEMS)), -1, np.int64)
    for row in lists:
        shown = draw(st.permutations(range(len(ITEMS))))[: draw(st.integers(0, len(ITEMS)))]
        row[: len(shown)] = shown
    scores = np.array(draw(st.permutations(range(len(task.grade)))), np.float64)
    return task, Ranked(lists, scores)


@given(cases())
def test_metrics_are_those_of_trec_eval(case):
    task, ranked = case
    grades = {q: {i: int(g) for i, g in known.items()} for q, known in task.judged().items()}
    run = {
        q: {task.items[i]: float(-place) for place, i in enumerate(row) if i >= 0}
        for q, row in zip(task.queries, ranked.lists.tolist(), strict=True)
    }
    alone: dict[str, dict[str, float]] = {q: {} for q in task.queries}
    for q, i, score in zip(task.query, task.item, ranked.scores, strict=True):
        alone[task.queries[q]][task.items[i]] = float(score)
    wanted = {"ndcg_cut.10", "recip_rank", "recall.10"}
    expected = pytrec_eval.RelevanceEvaluator(grades, wanted).evaluate({q: r for q, r in run.items() if r})
    among = pytrec_eval.RelevanceEvaluator(grades, {"ndcg_cut.10"}).evaluate(alone)
    found = query_metrics(ranked, task)
    for place, q in enumerate(task.queries):
        assert found["zero_results"][place] == (not run[q])
        if not any(grades[q].values()):
            assert np.isnan(found["ndcg_at_10"][place])
            continue
        of = expected.get(q, {"ndcg_cut_10": 0.0, "recip_rank": 0.0, "recall_10": 0.0})
        assert found["ndcg_at_10"][place] == pytest.approx(of["ndcg_cut_10"])
        assert found["mrr"][place] == pytest.approx(of["recip_rank"])
        assert found["recall_at_10"][place] == pytest.approx(of["recall_10"])
        assert found["judged_ndcg_at_10"][place] == pytest.approx(among[q]["ndcg_cut_10"])
        first = list(run[q])[:10]
        assert not first or found["judged_at_10"][place] == pytest.approx(np.mean([i in grades[q] for i in first]))


@given(cases())
def test_parts_of_the_items_share_what_all_of_them_gain(case):
    task, ranked = case
    half = np.arange(len(ITEMS)) < 6
    gains = [query_metrics(ranked, task, items)["recall_at_50"] for items in (half, ~half)]
    relevant = [
        np.bincount(task.query, (task.grade > 0) & items[task.item], len(task.queries)) for items in (half, ~half)
    ]
    whole = query_metrics(ranked, task)["recall_at_50"]
    found = sum(np.nan_to_num(gain) * count for gain, count in zip(gains, relevant, strict=True))
    assert np.allclose(np.nan_to_num(whole) * sum(relevant), found)


@given(cases())
def test_a_table_has_intervals_around_its_values(case):
    task, ranked = case
    table = search_table(ranked, task)
    assert set(table["metric"]) <= set(METRICS)
    assert (
        table.filter((pl.col("low") > pl.col("value") + 1e-9) | (pl.col("high") < pl.col("value") - 1e-9)).height == 0
    )
    assert table.equals(search_table(ranked, task))
    all_queries = table.filter(over="all", metric="zero_results")["value"].item()
    assert all_queries == pytest.approx((ranked.lists[:, 0] < 0).mean())


def test_judgements_of_unknown_items_are_counted_and_wrong_grades_named():
    task = SearchTask.of({"a": {"i0": 1, "gone": 2}, "b": {"gone": 3}}, ITEMS)
    assert task.queries == ("a",)
    assert task.dropped == {"of an item that the shop does not have": 2}
    with pytest.raises(InputError, match="'i1'"):
        SearchTask.of({"a": {"i0": 1, "i1": -1}}, ITEMS)
    with pytest.raises(InputError, match="nan"):
        SearchTask.of({"a": {"i0": float("nan")}}, ITEMS)
    with pytest.raises(InputError, match="no ranking"):
        SearchTask.of({"a": {"i0": 0}}, ITEMS)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("search") / "shop", 300, seed=0)


def test_a_shop_is_asked_for_what_people_judged(shop):
    task = SearchTask.from_shop(shop)
    table = shop.read("judgements")
    assert len(task.grade) == table.height
    assert set(task.queries) == set(table["query"])
    assert set(task.script) == {"latin", "han"}
    assert {"head", "tail"} <= set(task.query_bucket)
    assert {"head", "tail"} <= set(task.item_bucket)
    assert task.describe()["judged"] == table.height


def test_clicks_grade_items_without_their_place(shop):
    task = SearchTask.from_shop(shop, "clicks")
    assert task.target == "clicks"
    assert ((task.grade > 0) & (task.grade < 1)).all()
    with pytest.raises(SettingError, match="judgements, clicks"):
        SearchTask.from_shop(shop, "purchases")


def test_a_shop_without_judgements_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="no judgements"):
        SearchTask.from_shop(Shop.create(tmp_path / "empty"))


def test_no_query_is_in_two_folds_and_near_ones_are_together(shop):
    task = SearchTask.from_shop(shop)
    fold = task.folds(5, 0)
    assert fold.tolist() == task.folds(5, 0).tolist()
    assert {0, 1, 2, 3, 4} <= set(fold.tolist())
    assert (fold >= 0).mean() > 0.95
    same = SearchTask.of({"red shoe": {"i0": 1}, "shoe red": {"i0": 1}, "lamp": {"i1": 1}, "sofa": {"i2": 1}}, ITEMS)
    both = same.folds(2, 1)
    assert both[0] == both[1]

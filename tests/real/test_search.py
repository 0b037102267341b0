"""Search over products of a real shop: what is judged relevant comes first, filters hold, changes are found."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from bench.search_data import ITEM_COLUMNS, chinese_instructions, chorus
from bench.search_scores import judged_ndcg

from evenshelf.index import Ranking, SearchEngine
from evenshelf.learners.search.asking import ask
from evenshelf.study.search.prepare import SearchPlan, prepare
from evenshelf.study.verdict import decide
from evenshelf.tasks.search import SearchTask
from evenshelf.tasks.search_metrics import query_metrics

pytestmark = pytest.mark.real


def filled(items: pl.DataFrame) -> pl.DataFrame:
    texts = [pl.col(name) for name, dtype in items.schema.items() if dtype == pl.String]
    return items.with_columns(pl.when(text != "").then(text) for text in texts)


@pytest.fixture(scope="module")
def electronics(real_data, tmp_path_factory):
    """The judged products of the electronics shop, and grades of the queries that have a relevant one."""
    data = chorus()
    grades = {query: known for query, known in data.grades().items() if max(known.values(), default=0) > 0}
    judged = {item for known in grades.values() for item in known}
    items = filled(data.items.filter(pl.col("item_id").is_in(judged)).select(ITEM_COLUMNS))
    with SearchEngine.build(tmp_path_factory.mktemp("electronics") / "index", items) as engine:
        yield engine, items, grades


def test_both_legs_together_rank_better_than_either(electronics):
    engine, _, grades = electronics
    found = {}
    for fusion in ("words", "vectors", "convex"):
        ranking = Ranking(fusion=fusion)
        values = []
        for query, known in grades.items():
            scores = engine.scores(query, list(known), ranking=ranking)
            values.append(judged_ndcg(dict(zip(known, scores.tolist(), strict=True)), known))
        found[fusion] = float(np.mean(values))
    assert found["convex"] > max(found["words"], found["vectors"])
    assert found["convex"] > 0.88


def test_filters_and_facets_of_real_attributes_are_exact(electronics):
    engine, items, grades = electronics
    for query in list(grades)[:12]:
        results = engine.search(query, filters=["brand:HP|Samsung", "price:>=1000"], facets=["brand"], limit=1000)
        assert {hit.item["brand"] for hit in results.hits} <= {"HP", "Samsung"}
        assert all(hit.item["price"] >= 1000 for hit in results.hits)
        assert sum(results.facets["brand"].values()) == results.total == len(results.hits)
    every = engine.search("", filters=["brand:HP"], limit=1000)
    assert {hit.item_id for hit in every.hits} == set(items.filter(pl.col("brand") == "HP")["item_id"])


def test_a_study_ranks_what_people_judged(electronics, tmp_path):
    """Words and vectors, their weights learned in folds of queries, beat words alone for certain."""
    engine, items, grades = electronics
    task = SearchTask.of(grades, items["item_id"].to_list())
    plan = SearchPlan("balanced, knn, logit_adjust(tau=0.05)", baselines=("usual", "words"), budget=2, workers=1)
    result = prepare(task, engine, tmp_path / "study", plan).run()
    verdict = decide(result)
    assert task.counted == "answers"
    assert verdict.informative
    assert verdict["none"]["ndcg_at_10"] > verdict["words"]["ndcg_at_10"] + 0.02
    assert result["none"].tuned.sets["judged_ndcg_at_10"] > 0.88
    usual = query_metrics(ask(engine, task), task)["ndcg_at_10"]
    assert verdict["usual"]["ndcg_at_10"] == pytest.approx(np.nanmean(usual), abs=1e-6)


@pytest.mark.parametrize(
    ("typed", "meant"), [("labtop", "laptop"), ("samsng tv", "samsung tv"), ("keybord", "keyboard")]
)
def test_slips_are_corrected_by_the_words_of_the_shop(electronics, typed, meant):
    engine, _, _ = electronics
    assert engine.search(typed).corrected == meant


def test_chinese_queries_find_the_items_that_match(real_data, tmp_path):
    data = chinese_instructions()
    grades = {query: known for query, known in data.grades().items() if max(known.values(), default=0) > 0}
    items = filled(data.items.select(ITEM_COLUMNS)).select("item_id", "title")
    with SearchEngine.build(tmp_path / "index", items) as engine:
        first = [engine.search(query, limit=1).hits for query in grades]
    right = [
        bool(hits) and known.get(hits[0].item_id, 0) > 0 for hits, known in zip(first, grades.values(), strict=True)
    ]
    assert np.mean(right) > 0.85

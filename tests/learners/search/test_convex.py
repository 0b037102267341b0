"""Weights of a search learned from judgements: they follow what is judged, and stay where nothing is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evenshelf.errors import InputError
from evenshelf.index import Ranking, SearchEngine
from evenshelf.index.features import FEATURES, SIGNALS
from evenshelf.learners.search.convex import learn_ranking, pool_of

TITLES = {
    "shoe": "running shoes for men",
    "laces": "laces for running shoes",
    "trainer": "jogging trainers",
    "sneaker": "sneakers for sport",
    "sofa": "grey sofa with two seats",
    "cover": "cover for a grey sofa",
    "couch": "large couch of leather",
    "phone": "mobile phone with camera",
    "case": "case for a mobile phone",
    "handset": "cellular handset",
}
QUERIES = ("running shoes", "grey sofa", "mobile phone")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    items = pl.DataFrame({"item_id": list(TITLES), "title": list(TITLES.values())})
    with SearchEngine.build(tmp_path_factory.mktemp("learned") / "index", items, language="english") as built:
        yield built


def judged(engine, column):
    """Judgements that agree with one signal alone: the better half is relevant."""
    found = {}
    for query in QUERIES:
        pool = engine.pool(query, list(TITLES))
        ids, signals = pool.ids, pool.features[:, [FEATURES.index(name) for name in SIGNALS]]
        middle = float(np.median(signals[:, column]))
        found[query] = {item: float(value > middle) for item, value in zip(ids, signals[:, column], strict=True)}
    return found


def test_weights_go_where_judgements_point(engine):
    words, vectors = (learn_ranking(engine, judged(engine, column), penalty=0.01) for column in (0, 2))
    assert words.dense_weight < vectors.dense_weight
    assert 0 <= words.dense_weight <= 1
    assert 0 <= vectors.coverage_weight <= 1


def test_a_high_price_keeps_the_usual_weights(engine):
    start = Ranking(dense_weight=0.4, coverage_weight=0.3)
    held = learn_ranking(engine, judged(engine, 2), start=start, penalty=1e6)
    assert held.dense_weight == pytest.approx(0.4, abs=1e-3)
    assert held.coverage_weight == pytest.approx(0.3, abs=1e-3)
    assert replace(held, dense_weight=0.4, coverage_weight=0.3) == start


def test_what_is_learned_is_the_same_twice_and_does_not_hang_on_the_order(engine):
    given = judged(engine, 2)
    turned = {query: dict(reversed(given[query].items())) for query in reversed(given)}
    one, again, other = learn_ranking(engine, given), learn_ranking(engine, given), learn_ranking(engine, turned)
    assert one == again
    assert other.dense_weight == pytest.approx(one.dense_weight, abs=1e-4)


def test_unknown_items_are_left_out_and_nothing_to_learn_is_told(engine):
    given = judged(engine, 2)
    more = {query: {**items, "gone": 1.0} for query, items in given.items()}
    assert learn_ranking(engine, more) == learn_ranking(engine, given)
    with pytest.raises(InputError, match="nothing to learn"):
        learn_ranking(engine, {"shoes": {"shoe": 0.0, "sofa": 0.0}})
    with pytest.raises(InputError, match="nothing to learn"):
        learn_ranking(engine, {})


def test_where_nothing_is_better_than_anything_nothing_is_learned(engine):
    everything = dict.fromkeys(TITLES, 1.0)
    with pytest.raises(InputError, match="nothing to learn"):
        learn_ranking(engine, dict.fromkeys(QUERIES, everything))


@pytest.mark.parametrize("query", ["运动鞋", "running shoes"])
def test_what_is_learned_from_is_what_a_search_weighs_in_any_script(tmp_path, query):
    """In scripts without spaces a search counts coverage for more: so must what the weights are learned by."""
    titles = ["男士运动鞋 跑步", "女士休闲鞋 黑色", "运动手表 防水", "鞋柜 白色", "running shoes", "shoe rack"]
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    grades = dict.fromkeys(items["item_id"], 1.0)
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine:
        for coverage in (0.05, 0.15, 0.3):
            ranking = Ranking(fusion="words", coverage_weight=coverage, popularity_weight=0.0)
            pool = pool_of(engine, query, grades, ranking)
            scores = engine.scores(query, engine.pool(query, list(grades), ranking=ranking).ids, ranking=ranking)
            weighed = pool.column("words_share") * (1 - coverage) + pool.column("coverage") * coverage
            assert scores.max() > scores.min()
            assert weighed.tolist() == pytest.approx(scores.tolist(), abs=1e-5)


def test_scores_of_some_items_are_those_of_a_search(engine):
    hits = engine.search("running shoes", limit=10).hits
    scores = engine.scores("running shoes", [hit.item_id for hit in hits])
    assert scores.tolist() == pytest.approx([hit.score for hit in hits], abs=1e-5)
    everything = engine.scores("running shoes", list(TITLES))
    assert everything.shape == (len(TITLES),)
    with pytest.raises(KeyError):
        engine.scores("running shoes", ["nobody"])

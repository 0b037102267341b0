"""Queries with candidates: parts of them are what they were, and what is learned from is what was judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.index.features import FEATURES
from evenshelf.learners.search import convex
from evenshelf.learners.search.base import Evidence, ItemSide, Pool, learned_from
from evenshelf.learners.search.convex import learn_weights, usual_weights
from evenshelf.learners.search.registry import not_applicable, search_learner, search_learners
from evenshelf.learners.search.texts import Texts
from evenshelf.remedies import parse
from evenshelf.testing.search_learners import search_learner_checks


def pool_of(sizes, seed=0, judged=0.5, items=40):
    """Queries with so many candidates each; a share of these was judged, 0 or 1 by the sign of a feature."""
    rng = np.random.default_rng(seed)
    n = int(sum(sizes))
    features = rng.random((n, len(FEATURES))).astype(np.float32)
    grade = (features[:, FEATURES.index("words_share")] > 0.5).astype(np.float32)
    grade[rng.random(n) >= judged] = np.nan
    return Pool(
        queries=np.array([f"query {q}" for q in range(len(sizes))], str),
        vectors=rng.random((len(sizes), 3)).astype(np.float32),
        count=rng.integers(1, 9, len(sizes)).astype(np.float32),
        start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        item=np.concatenate([rng.permutation(items)[:size] for size in sizes] or [np.zeros(0)]).astype(np.int64),
        features=features,
        found=rng.random(n) < 0.8,
        grade=grade,
        clicked=np.zeros((n, 3), np.float32),
    )


def evidence_of(pool, items=40):
    titles = Texts.of(f"title {i}" for i in range(items))
    side = ItemSide(titles, titles, np.eye(items, 3, dtype=np.float32), np.arange(items))
    return Evidence(pool, side)


sizes = st.lists(st.integers(0, 12), min_size=1, max_size=8)


@given(sizes, st.data())
def test_parts_of_a_pool_are_what_they_were(lengths, data):
    pool = pool_of(lengths)
    some = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=6)), np.int64)
    part = pool.of(some)
    assert part.queries.tolist() == pool.queries[some].tolist()
    for place, query in enumerate(some.tolist()):
        own = slice(pool.start[query], pool.start[query + 1])
        here = slice(part.start[place], part.start[place + 1])
        np.testing.assert_array_equal(part.item[here], pool.item[own])
        np.testing.assert_array_equal(part.features[here], pool.features[own])
        np.testing.assert_array_equal(part.grade[here], pool.grade[own])


@given(sizes, sizes)
def test_joined_pools_come_apart_again(one, two):
    first, second = pool_of(one, 1), pool_of(two, 2)
    both = first.joined(second)
    back = both.of(np.arange(len(one), len(one) + len(two)))
    np.testing.assert_array_equal(back.item, second.item)
    np.testing.assert_array_equal(back.start, second.start)
    np.testing.assert_array_equal(both.of(np.arange(len(one))).features, first.features)


@given(sizes, st.integers(0, 5), st.floats(0, 1))
def test_all_that_was_judged_is_learned_from_and_a_few_others(lengths, unjudged, share):
    pool = pool_of(lengths, 3, share)
    if not (pool.grade > 0).any():
        with pytest.raises(InputError, match="nothing to learn"):
            learned_from(pool)
        return
    pairs = learned_from(pool, unjudged=unjudged, unjudged_weight=0.25)
    best = {q: np.nanmax(np.append(pool.grade[pool.query == q], -1)) for q in range(len(pool))}
    told = [q for q in range(len(pool)) if best[q] > 0]
    assert pairs.pool.queries.tolist() == pool.queries[told].tolist()
    for place, query in enumerate(told):
        own = pairs.pool.query == place
        was = pool.query == query
        judged = ~np.isnan(pool.grade[was])
        assert (pairs.weight[own] == 1).sum() == judged.sum()
        assert (pairs.weight[own] == 0.25).sum() == min(
            unjudged, int((~judged & pool.found[was])[_first(judged, unjudged)].sum())
        )
        assert pairs.grade[own].sum() == np.nansum(pool.grade[was])


def _first(judged, most):
    """Which candidates are among the first that nobody judged, or judged."""
    return judged | (np.cumsum(~judged) <= most)


def test_three_weights_go_to_what_judgements_agree_with():
    pairs = learned_from(pool_of([30] * 6))
    weights = learn_weights(pairs, usual_weights(), 1e-3)
    assert weights[0] > usual_weights()[0]
    np.testing.assert_allclose(learn_weights(pairs, usual_weights(), 1e6), usual_weights(), atol=1e-3)


def test_of_many_queries_fewer_pairs_each_say_the_same(monkeypatch):
    pairs = learned_from(pool_of([60] * 60, items=60))
    every = learn_weights(pairs, usual_weights(), 0.3)
    monkeypatch.setattr(convex, "_ALL_PAIRS", 60 * 100)
    fewer = learn_weights(pairs, usual_weights(), 0.3)
    assert not np.array_equal(fewer, every)
    np.testing.assert_allclose(fewer, every, atol=0.03)


@pytest.mark.parametrize("name", [name for name in search_learners() if "encoder" not in name])
def test_learners_keep_their_promises(name):
    for check in search_learner_checks(search_learner(name)):
        check()


@pytest.mark.parametrize("name", [name for name in search_learners() if "encoder" not in name])
def test_what_no_search_finds_changes_nothing_of_what_one_does(name):
    learner, pool, asked = search_learner(name), pool_of([40] * 8), pool_of([30] * 4, 5)
    kept = asked.found
    sizes = np.bincount(asked.query[kept], minlength=len(asked))
    columns = {column: getattr(asked, column)[kept] for column in ("item", "features", "found", "grade", "clicked")}
    alone = replace(asked, start=np.concatenate([[0], np.cumsum(sizes)]), **columns)
    scorer = learner.fitted(evidence_of(pool), parse("none"), setting=learner.default, seed=0)
    items = evidence_of(pool).items
    np.testing.assert_allclose(scorer.scores(asked, items)[kept], scorer.scores(alone, items), atol=1e-6)


@pytest.mark.parametrize("name", ["convex", "linear", "lambdamart"])
def test_learners_follow_judgements_and_weights(name):
    learner, pool = search_learner(name), pool_of([40] * 8)
    evidence = evidence_of(pool)
    scorer = learner.fitted(evidence, parse("none"), setting=learner.default, seed=0)
    scores, strangers = scorer.scores(pool_of([40] * 4, 5, 1.0), evidence.items), pool_of([40] * 4, 5, 1.0)
    assert scores[strangers.grade == 1].mean() > scores[strangers.grade == 0].mean()
    weighed = learner.fitted(evidence, parse("balanced"), setting=learner.default, seed=0)
    assert not np.array_equal(scorer.scores(pool, evidence.items), weighed.scores(pool, evidence.items))


def test_what_cannot_be_weighed_or_read_is_told():
    pool = pool_of([5] * 4)
    alike = evidence_of(pool.weighed(1 / pool.count))
    assert "as many examples" in (not_applicable(parse("balanced"), alike, clicks=False) or "")
    assert not_applicable(parse("balanced"), evidence_of(pool), clicks=False) is None
    assert "no clicks" in (not_applicable(parse("unbiased_clicks"), alike, clicks=False) or "")
    assert not_applicable(parse("unbiased_clicks"), alike, clicks=True) is None
    assert "stage retrieve" not in (search_learner("convex").unsupported(parse("knn")) or "")
    assert "stage negatives" in (search_learner("convex").unsupported(parse("sampled_softmax")) or "")

"""Learners that read: what a model of pairs is given does not hang on the test, and made queries are learned from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.index.features import FEATURES
from evenshelf.learners.search.base import Evidence, ItemSide, Pool
from evenshelf.learners.search.reading import READ, Reread, training_pairs
from evenshelf.learners.search.texts import Texts

ITEMS = 90


@dataclass(frozen=True)
class Lengths:
    """A model of pairs that likes long texts."""

    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def corrections(self, queries, items):
        return np.array([len(text) for text in items], np.float32)


def pool_of(grades, *, clicked=None, queries=None, found=None, items=ITEMS):
    """Queries with all items as candidates, in the order of the usual ranking."""
    grade = np.array(grades, np.float32)
    size, count = grade.size, len(grade)
    features = np.zeros((size, len(FEATURES)), np.float32)
    features[:, FEATURES.index("usual")] = np.tile(np.linspace(1, 0, grade.shape[1]), count)
    return Pool(
        queries=np.array(queries or [f"query {n}" for n in range(count)]),
        vectors=np.eye(count, 3, dtype=np.float32),
        count=np.ones(count, np.float32),
        start=np.arange(0, size + 1, grade.shape[1]),
        item=np.tile(np.arange(grade.shape[1]), count),
        features=features,
        found=np.ones(size, bool) if found is None else found,
        grade=grade.ravel(),
        clicked=np.zeros((size, 3), np.float32) if clicked is None else clicked,
    )


def side_of(items=ITEMS):
    texts = Texts.of(f"item {'long ' * (n % 7)}{n}" for n in range(items))
    return ItemSide(texts, texts, np.eye(items, 3, dtype=np.float32), np.ones(items, np.int64))


@given(st.integers(0, 99))
def test_what_was_judged_does_not_tell_what_is_read(seed):
    rng = np.random.default_rng(seed)
    found = rng.random(ITEMS) < 0.8
    judged = np.where(rng.random(ITEMS) < 0.2, rng.integers(0, 2, ITEMS), np.nan)
    pool, unknown = (pool_of(grade[None], found=found) for grade in (judged, np.full(ITEMS, np.nan)))
    scorer = Reread(Lengths(), 1.0)
    np.testing.assert_array_equal(scorer.scores(pool, side_of()), scorer.scores(unknown, side_of()))


def test_the_first_that_the_search_finds_are_read_and_stay_first():
    found = np.ones(ITEMS, bool)
    found[::10] = False
    scores = Reread(Lengths(), 1.0).scores(pool_of(np.full((1, ITEMS), np.nan), found=found), side_of())
    first = np.flatnonzero(found)[:READ]
    assert set(np.argsort(-scores)[:READ].tolist()) == set(first.tolist())
    assert np.argsort(-scores)[:READ].tolist() != first.tolist(), "they are moved by what is read"


def test_made_queries_are_learned_from_beside_clicks():
    clicked = np.zeros((8, 3), np.float32)
    clicked[:, 0], clicked[:, 1] = 10, (5, 0, 1, 0, 3, 3, 0, 0)
    shown = pool_of((clicked[:, 1] / clicked[:, 0]).reshape(2, 4), clicked=clicked)
    answer = np.array([[np.nan, np.nan, 1.0, np.nan]])
    made = replace(pool_of(answer, queries=["made"]), count=np.array([0.3], np.float32))
    side = side_of(4)
    alone, _ = training_pairs(Evidence(shown, side))
    pairs, _ = training_pairs(Evidence(shown.joined(made), side))
    assert {pairs.queries[q] for q in pairs.query[pairs.positives].tolist()} == {"query 0", "query 1", "made"}
    assert pairs.gain[pairs.query == 2].max() == pytest.approx(0.3 * pairs.gain[pairs.query == 0].max(), rel=0.01)
    told = slice(0, len(alone.query))
    np.testing.assert_allclose(pairs.grade[told], alone.grade, err_msg="clicks say what they say without made queries")

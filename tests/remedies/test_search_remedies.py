"""Remedies of search: made queries are words of titles, most of rare items; clicks are read without their places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.remedies import Clicked, Prior, parse

TITLES = [f"brand{n % 5} model-{n} {word} lamp" for n in range(40) for word in ("red", "blue")]


def made(spec="doc_to_query", titles=TITLES, counts=None, seed=0):
    prior = Prior(np.zeros(len(titles), np.int64) if counts is None else counts)
    return parse(spec).texts(titles, prior, np.random.default_rng(seed))


def test_made_queries_are_words_of_their_title_in_order():
    found = made()
    assert len(found) > 100
    assert len(set(found.texts)) == len(found)
    for text, item in zip(found.texts, found.group.tolist(), strict=True):
        words, title = text.split(), TITLES[item].split()
        assert 2 <= len(words) <= 4
        places = [title.index(word) for word in words]
        assert places == sorted(places)
    again, other = made(), made(seed=1)
    assert again.texts == found.texts
    assert other.texts != found.texts


def test_rare_items_are_drawn_more_often():
    counts = np.array([0] * 40 + [1000] * 40)
    rare = made("doc_to_query(power=1.0)", counts=counts).group < 40
    even = made("doc_to_query(power=0.0)", counts=counts).group < 40
    assert rare.mean() > 0.9
    assert 0.3 < even.mean() < 0.7


def test_of_scripts_without_spaces_pieces_are_taken():
    titles = ["新款夏季连衣裙女装长袖", "男士运动跑步鞋透气轻便"]
    found = made(titles=titles)
    assert len(found) > 0
    for text, item in zip(found.texts, found.group.tolist(), strict=True):
        assert text in titles[item]
        assert 2 <= len(text) <= 5


def test_titles_without_two_words_make_nothing():
    assert made(titles=["lamp", "", "-"]) is None


lines = st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1), st.floats(0.05, 1)), min_size=1, max_size=20)


@given(lines)
def test_clicks_are_counted_a_look(rows):
    shown = np.array([row[0] for row in rows], np.float32)
    clicks = np.floor(shown * np.array([row[1] for row in rows], np.float32))
    looked = shown * np.array([row[2] for row in rows], np.float32)
    clicked = Clicked(np.arange(len(rows)), shown, clicks, looked)
    prior = Prior(np.ones(len(rows), np.int64))
    plain = parse("unbiased_clicks(strength=0.0)").evidence(clicked, prior)
    np.testing.assert_allclose(plain, clicks / looked, rtol=1e-5)
    drawn = parse("unbiased_clicks").evidence(clicked, prior)
    mean = clicks.sum() / looked.sum()
    between = (np.minimum(plain, mean) - 1e-4 <= drawn) & (drawn <= np.maximum(plain, mean) + 1e-4)
    assert between.all(), "each is between its own rate and the mean of all"
    np.testing.assert_allclose(clicked.rate, clicks / shown, rtol=1e-5)


def test_places_are_taken_out_where_looks_are_known():
    rng = np.random.default_rng(0)
    attraction, examination = rng.uniform(0.1, 0.5, 200), np.repeat([1.0, 0.2], 100)
    shown = np.full(200, 4000.0)
    clicks = rng.binomial(4000, attraction * examination).astype(np.float32)
    clicked = Clicked(np.arange(200), shown, clicks, shown * examination)
    found = parse("unbiased_clicks").evidence(clicked, Prior(np.ones(200, np.int64)))
    assert np.abs(found - attraction).mean() < 0.02
    assert np.abs(clicked.rate - attraction)[100:].mean() > 0.1, "as they stand, clicks tell of places"


def test_popularity_counts_for_less():
    clicked = Clicked(np.array([0, 1]), np.full(2, 10.0), np.full(2, 5.0), np.full(2, 10.0))
    prior = Prior(np.array([999, 0]))
    popular, rare = parse("popularity_debiased").evidence(clicked, prior)
    assert rare / popular == pytest.approx(1000**0.5, rel=1e-4)
    assert parse("popularity_debiased(power=0.0, looks=False)").evidence(clicked, prior) is None
    assert parse("unbiased_clicks + knn").evidence(clicked, prior) is not None
    with pytest.raises(SettingError, match="same stage"):
        parse("unbiased_clicks + popularity_debiased")


@pytest.mark.parametrize(
    "title", ["Холодильник Бош серебристый", "Überwachungskamera Außenbereich", "Ψυγειοκαταψύκτης μικρός"]
)
def test_long_words_of_scripts_with_spaces_stay_whole(title):
    words = title.split()
    for text in made(titles=[title] * 4).texts:
        assert set(text.split()) <= set(words)

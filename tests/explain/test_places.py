"""Texts taken apart into words that can be left out, and what pieces say shared out among them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.explain.places import Places

ALPHABET = "aB 1-,(运动鞋男)ﬁ\t.é"


@given(st.text(ALPHABET, max_size=30))
def test_a_text_is_its_words_and_what_stands_between(text):
    places = Places.of(text)
    assert places.text == text == places.without([])
    assert [text[low:high] for low, high in places.spans] == list(places.words)
    assert places.only(range(len(places.words))) == text


@given(st.text(ALPHABET, max_size=30), st.data())
def test_words_that_go_are_gone_and_the_others_stay(text, data):
    places = Places.of(text)
    gone = data.draw(st.sets(st.integers(0, len(places.words) - 1))) if places.words else set()
    left = places.without(sorted(gone))
    at = 0
    for place, word in enumerate(places.words):
        if place not in gone:
            assert word in left[at:]
            at = left.index(word, at) + len(word)
    assert len(left) <= len(text) - sum(len(places.words[place]) for place in gone)
    assert left == places.only([place for place in range(len(places.words)) if place not in gone])
    assert ("\t" in left) or ("\t" not in text)


def test_words_of_a_pair_are_left_out_on_their_side():
    places = Places.of("red shoe\tNike Air shoe")
    assert places.words == ("red", "shoe", "Nike", "Air", "shoe")
    assert places.without([1]) == "red\tNike Air shoe"
    assert places.only([4]) == "\tshoe"


def test_chinese_words_are_those_of_search():
    places = Places.of("耐克运动鞋男款")
    assert len(places.words) > 1
    assert "".join(places.words) == places.text
    assert places.words[1] not in places.without([1])


@given(st.text(ALPHABET, min_size=1, max_size=20), st.data())
def test_what_is_shared_out_is_all_there_was(text, data):
    places = Places.of(text)
    cuts = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 5), st.floats(-5, 5))
    pieces = data.draw(st.lists(cuts, max_size=6))
    start = np.array([low for low, _, _ in pieces], np.int64)
    stop = np.array([min(low + size, len(text)) for low, size, _ in pieces], np.int64)
    value = np.array([v for _, _, v in pieces], np.float64)
    found, rest = places.shared_out(start, stop, value)
    np.testing.assert_allclose(found.sum() + rest, value.sum(), atol=1e-9)
    for number, (low, high) in enumerate(places.spans):
        inside = (start >= low) & (stop <= high)
        touching = (start < high) & (stop > low)
        if (inside == touching).all():
            np.testing.assert_allclose(found[number], value[inside].sum(), atol=1e-9)

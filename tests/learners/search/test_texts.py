"""Many texts in two arrays: what goes in comes out, whatever it is, and one long text makes no other longer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.learners.search.texts import Texts

ANY = st.lists(st.text(st.characters(codec=None, exclude_categories=())), max_size=12)
"""Halves of surrogates, zeros and nothing at all included."""


@given(ANY)
def test_texts_come_back_as_they_were(texts):
    held = Texts.of(texts)
    assert len(held) == len(texts)
    assert held.tolist() == texts == list(held)
    assert [held[place] for place in range(len(texts))] == texts
    assert held[np.arange(len(texts))].tolist() == texts


@given(ANY.filter(bool), st.data())
def test_some_of_them_are_those_asked_for(texts, data):
    held = Texts.of(texts)
    some = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=20))
    assert held[np.array(some, np.int64)].tolist() == [texts[place] for place in some]
    first = data.draw(st.integers(0, len(texts)))
    assert held[first:].tolist() == texts[first:]
    told = np.array([len(text) > 2 for text in texts])
    assert held[told].tolist() == [text for text in texts if len(text) > 2]
    with pytest.raises(IndexError):
        held[len(texts)]


@given(ANY, st.integers(0, 10_000))
def test_they_take_what_they_are_long(texts, length):
    held = Texts.of([*texts, "x" * length])
    size = length + sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    assert held.buffer.nbytes == size
    assert held.start.nbytes == 8 * (len(texts) + 2)


@pytest.mark.parametrize("start", [[], [0, 2], [1, 3], [0, 3, 2, 3]])
def test_places_that_do_not_fit_are_refused(start):
    with pytest.raises(InputError, match="do not divide 3 bytes"):
        Texts(np.frombuffer(b"abc", np.uint8), np.array(start, np.int64))

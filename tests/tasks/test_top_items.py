"""The first items of lists: those of a plain sort, whatever the order of items, with ties that tell nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.tasks.top_items import NO_ITEM, place_of, tie_order, top

seeds = st.integers(0, 2**32 - 1)


def nasty(seed: int, users: int, items: int) -> np.ndarray:
    """Scores with many ties, and some that must not be shown."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, rng.choice([1, 3, 1000]), (users, items)).astype(np.float32)
    scores[rng.random(scores.shape) < rng.choice([0.0, 0.3, 1.0])] = -np.inf
    return scores


@given(seeds, st.integers(1, 6), st.integers(1, 30), st.integers(1, 35), st.integers(0, 3))
def test_lists_are_those_of_a_plain_sort(seed: int, users: int, items: int, k: int, drawn: int) -> None:
    scores = nasty(seed, users, items)
    found, tie = top(scores, k, seed=drawn), tie_order(items, drawn)
    for line, shown in zip(scores, found, strict=True):
        expected = sorted(np.flatnonzero(np.isfinite(line)), key=lambda i: (-line[i], tie[i]))[:k]
        assert shown.tolist() == expected + [NO_ITEM] * (k - len(expected))


@given(seeds, st.integers(1, 6), st.integers(1, 30), st.integers(0, 3))
def test_a_place_is_where_an_item_stands_in_its_list(seed: int, users: int, items: int, drawn: int) -> None:
    scores = nasty(seed, users, items)
    found = top(scores, items, seed=drawn)
    user, item = np.divmod(np.arange(users * items), items)
    place = place_of(scores, user, item, seed=drawn)
    for u, i, p in zip(user, item, place, strict=True):
        assert found[u, int(p)] == i if np.isfinite(p) else i not in found[u]


@given(seeds, st.integers(2, 30), st.integers(1, 10))
def test_items_in_another_order_make_the_same_lists_but_for_ties(seed: int, items: int, k: int) -> None:
    scores = nasty(seed, 4, items)
    order = np.random.default_rng(seed).permutation(items)
    moved = np.empty_like(scores)
    moved[:, order] = scores
    one, two = top(scores, k), top(moved, k)
    np.testing.assert_array_equal(one >= 0, two >= 0)
    lines = np.arange(4)[:, None]
    np.testing.assert_array_equal(np.where(one >= 0, scores[lines, one], 0), np.where(two >= 0, moved[lines, two], 0))
    for line in range(4):
        for i, j in zip(one[line], two[line], strict=True):
            if i >= 0 and (scores[line] == scores[line, i]).sum() == 1:
                assert order[i] == j


def test_ties_are_broken_by_a_draw_and_not_by_the_number() -> None:
    even = np.zeros((1, 400), np.float32)
    first = [top(even, 10, seed=seed)[0] for seed in range(30)]
    assert len({tuple(line) for line in first}) == 30
    assert 120 < np.mean(first) < 280
    np.testing.assert_array_equal(top(even, 10, seed=5)[0], first[5])


@pytest.mark.parametrize("users", [1, 3])
def test_a_list_does_not_depend_on_who_else_asks(users: int) -> None:
    scores = nasty(3, 3, 20)
    np.testing.assert_array_equal(top(scores[:users], 7), top(scores, 7)[:users])


def test_the_order_of_ties_is_kept_and_cannot_be_spoilt() -> None:
    order = tie_order(9, 1)
    assert tie_order(9, 1) is order
    with pytest.raises(ValueError, match="read-only"):
        order[0] = 0

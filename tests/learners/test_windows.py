"""Every step is told once, after what came before it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.learners.ranking.item_vectors import history_vectors, nearest_items, unit
from evenshelf.learners.ranking.windows import Windows
from evenshelf.remedies import MASKED, Sequences

sequences = st.lists(st.lists(st.integers(MASKED, 5), max_size=14), min_size=1, max_size=6).map(
    lambda parts: Sequences.of([np.array(part, np.int64) for part in parts])
)


@given(sequences, st.integers(2, 7))
def test_every_step_that_has_one_before_it_is_told_once_from_what_is_read_before_it(given: Sequences, most: int):
    windows = Windows.of(given.item, given.start, most)
    expected = np.flatnonzero((given.place > 0) & (given.item != MASKED))
    np.testing.assert_array_equal(windows.step, expected)
    np.testing.assert_array_equal(windows.target, given.item[expected])
    # the last step that is read for an example is the one before it
    np.testing.assert_array_equal(windows.begin[windows.window] + windows.place + 1, windows.step)
    assert (windows.place < windows.size[windows.window]).all()
    assert ((windows.size >= 1) & (windows.size <= most)).all()
    # no window reaches into another sequence, and each example sees half a window or all there is
    of = given.sequence
    np.testing.assert_array_equal(of[windows.begin], of[windows.begin + windows.size])
    seen = windows.place + 1
    assert (seen >= np.minimum(given.place[windows.step], most - most // 2)).all()


@given(sequences, st.integers(2, 7), st.integers(1, 3), st.integers(0, 9))
def test_batches_hold_every_window_once_and_read_what_is_there(given: Sequences, most: int, size: int, seed: int):
    windows = Windows.of(given.item, given.start, most)
    batches = list(windows.batches(size, np.random.default_rng(seed)))
    assert sorted(np.concatenate([*batches, np.empty(0, int)]).tolist()) == list(range(len(windows.begin)))
    for some in batches:
        assert len(some) <= size
        for line, window in zip(windows.read(some, 99), some, strict=True):
            own = given.item[windows.begin[window] : windows.begin[window] + windows.size[window]]
            np.testing.assert_array_equal(line[: len(own)], np.where(own == MASKED, 99, own))
            assert (line[len(own) :] == 99).all()


def test_a_history_is_the_sum_of_what_is_in_it_and_the_latest_counts_most() -> None:
    given = Sequences.of([np.array([0, 1, 2]), np.array([2, 0])])
    windows = Windows.of(given.item, given.start, 10)
    found = history_vectors(windows, given.start, np.eye(3, dtype=np.float32))
    expected = unit(np.array([[1, 0, 0], [0.8, 1, 0], [0, 0, 1]]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 99))
def test_nearest_items_come_in_order_and_none_is_its_own(size: int, k: int, seed: int) -> None:
    vectors = unit(np.random.default_rng(seed).standard_normal((size, 3)))
    found, alike = nearest_items(vectors, k), vectors @ vectors.T
    assert found.shape == (size, k)
    for line, row in enumerate(found):
        there = row[row >= 0]
        assert line not in there
        assert (np.diff(alike[line, there]) <= 1e-6).all()
        others = np.delete(alike[line], line)
        assert len(there) == min(k, int((others > 0).sum()))

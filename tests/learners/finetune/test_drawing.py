"""Rows of steps: each once as they are, evened out by class, or two of a class at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.learners.finetune.drawing import batches, steps_of
from evenshelf.learners.finetune.lessons import Lessons

COUNTS = st.lists(st.integers(1, 30), min_size=2, max_size=6)


def lessons(counts):
    target = np.repeat(np.arange(len(counts)), counts)
    rows = np.ones((len(target), 4), np.float32)
    return Lessons.plain(rows, target)


def steps(counts, batch, seed=0, **more):
    return list(batches(lessons(counts), batch, np.random.default_rng(seed), **more))


@settings(deadline=None, max_examples=60)
@given(COUNTS, st.integers(2, 9), st.booleans(), st.sampled_from([0.0, 0.5, 1.0]))
def test_an_epoch_has_the_steps_that_are_told_and_as_many_rows_as_there_are(counts, batch, pairs, balance):
    found = steps(counts, batch, pairs=pairs, balance=balance)
    assert len(found) == steps_of(sum(counts), batch, pairs=pairs)
    assert all(len(index) <= batch for index in found)
    assert sum(map(len, found)) == sum(counts) + (sum(counts) % 2 if pairs else 0)


@settings(deadline=None, max_examples=60)
@given(COUNTS, st.integers(2, 9), st.integers(0, 99))
def test_rows_as_they_are_come_once_each(counts, batch, seed):
    drawn = np.concatenate(steps(counts, batch, seed))
    np.testing.assert_array_equal(np.sort(drawn), np.arange(sum(counts)))


@settings(deadline=None, max_examples=60)
@given(COUNTS, st.integers(2, 9), st.integers(0, 99), st.sampled_from([0.0, 0.5, 1.0]))
def test_pairs_are_of_one_class(counts, batch, seed, balance):
    target = lessons(counts).target
    for index in steps(counts, batch, seed, pairs=True, balance=balance):
        one, other = target[index.reshape(-1, 2)].T
        np.testing.assert_array_equal(one, other)


@settings(deadline=None, max_examples=60)
@given(COUNTS, st.integers(0, 99), st.sampled_from([0.25, 0.5, 1.0]))
def test_classes_are_evened_out_by_the_power_to_within_a_row(counts, seed, balance):
    target = lessons(counts).target
    drawn = np.concatenate(steps(counts, 8, seed, balance=balance))
    share = np.array(counts) ** (1.0 - balance)
    due = share / share.sum() * sum(counts)
    assert np.abs(np.bincount(target[drawn], minlength=len(counts)) - due).max() <= 1 + 1e-9


def test_no_row_of_a_class_comes_again_before_all_have():
    drawn = np.concatenate(steps((40, 4), 8, balance=1.0))
    times = np.bincount(drawn, minlength=44)
    assert times[40:].min() >= 5
    assert np.ptp(times[40:]) <= 1
    assert times[:40].max() == 1


def test_what_is_due_is_drawn_in_the_mean():
    counts, found = (7, 2, 1), np.zeros(3)
    for seed in range(400):
        drawn = np.concatenate(steps(counts, 4, seed, balance=0.5))
        found += np.bincount(lessons(counts).target[drawn], minlength=3)
    share = np.sqrt(counts)
    np.testing.assert_allclose(found / found.sum(), share / share.sum(), atol=0.01)


@pytest.mark.parametrize("more", [{}, {"pairs": True}, {"balance": 0.5}])
def test_an_order_is_of_its_seed(more):
    one, two, other = (np.concatenate(steps((9, 4, 2), 4, seed, **more)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)

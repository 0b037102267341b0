"""Levels of grades for LightGBM, which takes whole ones: in order, and none that holds nearly all."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.learners.search.lambdamart import levels_of

MOST = 32


def grades(values):
    return np.array(values, np.float32)


@given(st.lists(st.integers(0, MOST - 1), min_size=1, max_size=200))
def test_few_grades_are_levels_each(values):
    label, gains = levels_of(grades(values))
    assert gains.tolist() == sorted(set(values))
    np.testing.assert_array_equal(gains[label], values)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=400), st.booleans())
def test_levels_keep_the_order_and_what_is_equal_together(values, cubed):
    """A higher grade has no lower level; 0 gains nothing; gains rise, and are a mean of what they stand for."""
    grade = grades(values) ** (3 if cubed else 1)
    label, gains = levels_of(grade)
    order = np.argsort(grade, kind="stable")
    assert (np.diff(label[order]) >= 0).all()
    assert (np.diff(label[order])[np.diff(grade[order]) == 0] == 0).all()
    assert label.min() >= 0
    assert label.max() < len(gains) <= MOST
    if len(np.unique(grade)) > MOST:
        assert (gains[label[grade == 0]] == 0).all()
        assert (label[grade > 0] > 0).all()
    held = np.unique(label)
    assert (np.diff(gains[held]) > 0).all()
    for level in held.tolist():
        own = grade[label == level]
        assert own.min() - 1e-6 <= gains[level] <= own.max() + 1e-6


def test_a_grade_that_comes_often_does_not_speak_for_its_level():
    rates = np.linspace(0.01, 1.0, 100)
    once, often = (levels_of(grades([0.0, *rates, *[1.0] * more]))[1] for more in (0, 1000))
    np.testing.assert_array_equal(once, often)


@given(st.integers(0, 99), st.integers(MOST, 500))
def test_skewed_rates_fill_all_levels_alike(seed, count):
    """The different grades above 0 are shared out; so few as one of a thousand clicks a look do not fall together."""
    rate = np.random.default_rng(seed).pareto(1.0, count)
    label, gains = levels_of(grades([0.0, *rate / rate.max()]))
    held = np.bincount(label[1:], minlength=MOST)[1:]
    different = len(np.unique(grades(rate / rate.max())))
    if different >= MOST:
        assert held.min() >= different // (MOST - 1)
        assert len(np.unique(gains)) == MOST

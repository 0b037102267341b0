"""Folds: no group on two sides, classes spread, nothing lost, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.tasks.folds import ALWAYS_TRAINING, grouped_folds, random_folds


@st.composite
def grouped_examples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Classes, groups and a number of folds: single examples, groups with several classes, few groups."""
    n = draw(st.integers(2, 60))
    classes = draw(st.integers(1, 8))
    groups = draw(st.integers(1, n))
    target = np.array(draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)))
    group = np.array(draw(st.lists(st.integers(0, groups - 1), min_size=n, max_size=n))) * 7 - 3
    return target, group, draw(st.integers(2, 6))


@settings(max_examples=200, deadline=None)
@given(examples=grouped_examples(), seed=st.integers(0, 99))
def test_no_group_is_split_and_what_cannot_be_tested_is_trained_on(examples, seed: int) -> None:
    target, group, k = examples
    assume(len(np.unique(group)) >= k)
    fold = grouped_folds(target, group, k, seed)
    assert fold.shape == target.shape
    assert fold.dtype == np.int16
    assert set(fold.tolist()) <= {ALWAYS_TRAINING, *range(k)}
    for number in np.unique(group):
        assert len(np.unique(fold[group == number])) == 1
    lone = {c for c in np.unique(target) if len(np.unique(group[target == c])) == 1}
    untestable = {g for g in np.unique(group) if set(target[group == g]) & lone}
    np.testing.assert_array_equal(fold == ALWAYS_TRAINING, np.isin(group, list(untestable)))
    np.testing.assert_array_equal(grouped_folds(target, group, k, seed), fold)


@settings(max_examples=100, deadline=None)
@given(examples=grouped_examples(), seed=st.integers(0, 99))
def test_a_class_that_is_tested_can_be_trained_on(examples, seed: int) -> None:
    target, group, k = examples
    assume(len(np.unique(group)) >= k)
    fold = grouped_folds(target, group, k, seed)
    for code in np.unique(target):
        folds = np.unique(fold[target == code])
        if len(folds) == 1 and folds[0] != ALWAYS_TRAINING:
            # only where all of its groups stand under a rarer class, which decided where they go
            rarer = [np.bincount(target)[target[group == g]].min() for g in np.unique(group[target == code])]
            assert max(rarer) < (target == code).sum() or _tied(target, group, code)


def _tied(target: np.ndarray, group: np.ndarray, code: int) -> bool:
    """Whether a class as rare as this one shares one of its groups."""
    size = np.bincount(target)
    mates = {c for g in np.unique(group[target == code]) for c in target[group == g]} - {code}
    return any(size[c] <= size[code] for c in mates)


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=8), k=st.integers(2, 6), seed=st.integers(0, 99))
def test_classes_of_single_texts_are_spread_evenly(counts: list[int], k: int, seed: int) -> None:
    target = np.repeat(np.arange(len(counts)), counts)
    assume(len(target) >= k)
    fold = grouped_folds(target, np.arange(len(target)), k, seed)
    for code, count in enumerate(counts):
        found = fold[target == code]
        if count == 1:
            assert found.tolist() == [ALWAYS_TRAINING]
        else:
            sizes = np.bincount(found, minlength=k)
            assert sizes.max() - sizes.min() <= 1


def test_classes_smaller_than_k_do_not_crash_and_are_tested_once_each() -> None:
    target = np.array([0] * 50 + [1] * 3 + [2] * 2 + [3])
    fold = grouped_folds(target, np.arange(56), 5, 0)
    assert len(set(fold[target == 1])) == 3
    assert len(set(fold[target == 2])) == 2
    assert fold[target == 3].tolist() == [ALWAYS_TRAINING]
    assert np.ptp(np.bincount(fold[fold >= 0])) <= 2


def test_groups_of_repeated_texts_are_balanced_by_their_size() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(200), rng.integers(1, 12, 200))
    target = (group % 5 == 0).astype(int)
    fold = grouped_folds(target, group, 4, 0)
    for code in (0, 1):
        sizes = np.bincount(fold[target == code], minlength=4)
        assert sizes.max() - sizes.min() <= 12


def test_other_seeds_give_other_folds_and_numbers_of_groups_mean_nothing() -> None:
    target, group = np.arange(60) % 3, np.arange(60)
    assert not np.array_equal(grouped_folds(target, group, 5, 0), grouped_folds(target, group, 5, 1))
    np.testing.assert_array_equal(grouped_folds(target, group, 5, 0), grouped_folds(target, group * 10 - 99, 5, 0))


def test_fewer_groups_than_folds_is_one_clear_error() -> None:
    with pytest.raises(SettingError, match=r"5 folds need at least 5 different texts; there are 3(.|\n)*fewer folds"):
        grouped_folds(np.array([0, 1, 0, 1]), np.array([1, 2, 3, 3]), 5, 0)


@settings(max_examples=100, deadline=None)
@given(target=st.lists(st.integers(0, 6), min_size=2, max_size=80), k=st.integers(2, 6), seed=st.integers(0, 99))
def test_random_folds_are_stratified_and_equal_in_size(target: list[int], k: int, seed: int) -> None:
    codes = np.array(target)
    fold = random_folds(codes, k, seed)
    assert fold.dtype == np.int16
    for rows in (np.ones(len(codes), bool), *(codes == c for c in np.unique(codes))):
        sizes = np.bincount(fold[rows], minlength=k)
        assert len(sizes) == k
        assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(random_folds(codes, k, seed), fold)


def test_random_folds_differ_by_seed_and_split_what_repeats() -> None:
    target, group = np.zeros(60, int), np.arange(60) // 2
    fold = random_folds(target, 5, 0)
    assert not np.array_equal(fold, random_folds(target, 5, 1))
    assert any(len(np.unique(fold[group == g])) == 2 for g in range(30))  # the leak that they are there to measure

"""Properties of the vocabulary of imbalance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Imbalance, buckets

COUNTS = st.lists(st.integers(0, 60), max_size=40)
CUTS = st.sampled_from(["examples", "groups"])
ORDER = {"head": 0, "torso": 1, "tail": 2, "cold": 3}


@given(COUNTS, CUTS)
def test_every_group_is_in_one_bucket_and_cold_means_no_examples(counts, cut):
    got = buckets(counts, cut)
    assert got.shape == (len(counts),)
    assert set(got.tolist()) <= set(ORDER)
    assert ((got == "cold") == (np.array(counts) == 0)).all()


@given(COUNTS, CUTS, st.randoms(use_true_random=False))
def test_order_does_not_matter(counts, cut, random):
    order = list(range(len(counts)))
    random.shuffle(order)
    shuffled = buckets([counts[i] for i in order], cut)
    assert shuffled.tolist() == buckets(counts, cut)[order].tolist()


@given(COUNTS, CUTS)
def test_more_examples_never_make_a_group_rarer(counts, cut):
    got = [ORDER[b] for _, b in sorted(zip(counts, buckets(counts, cut).tolist(), strict=True), reverse=True)]
    assert got == sorted(got)


@given(COUNTS.filter(any))
def test_head_holds_half_and_would_not_without_its_smallest_groups(counts):
    array, got = np.array(counts), buckets(counts)
    head = array[got == "head"]
    assert 2 * head.sum() >= array.sum()
    assert 2 * head[head > head.min()].sum() < array.sum()


@given(COUNTS.filter(any))
def test_tail_reaches_a_tenth_only_with_its_largest_groups(counts):
    array, got = np.array(counts), buckets(counts)
    tail, total = array[got == "tail"], array.sum()
    if tail.size:
        assert 10 * tail[tail < tail.max()].sum() < total
    if (got == "torso").any():  # nothing between head and tail was left out of the tail too early
        assert 10 * tail.sum() >= total


@given(COUNTS.filter(any), st.integers(2, 9))
def test_scale_does_not_matter(counts, factor):
    scaled = [factor * n for n in counts]
    assert buckets(scaled).tolist() == buckets(counts).tolist()
    a = Imbalance.from_counts({str(i): n for i, n in enumerate(counts)})
    b = Imbalance.from_counts({str(i): n for i, n in enumerate(scaled)})
    assert a.gini == pytest.approx(b.gini)
    assert a.ratio == pytest.approx(b.ratio)
    assert a.effective_groups == pytest.approx(b.effective_groups)


@pytest.mark.parametrize("cut", ["examples", "groups"])
def test_one_group_is_head_and_equal_groups_are_all_head(cut):
    assert buckets([7], cut).tolist() == ["head"]
    assert buckets([3] * 10, cut).tolist() == ["head"] * 10
    assert buckets([0, 0], cut).tolist() == ["cold", "cold"]
    assert buckets([], cut).shape == (0,)


def test_cut_by_groups_is_20_30_50():
    got = buckets(range(100, 0, -1), "groups").tolist()
    assert got == ["head"] * 20 + ["torso"] * 30 + ["tail"] * 50


def test_boundaries_are_exact():
    assert buckets([50, 40, 10]).tolist() == ["head", "torso", "tail"]
    assert buckets([49, 41, 10]).tolist() == ["head", "head", "tail"]
    assert buckets([50, 41, 9]).tolist() == ["head", "tail", "tail"]


def test_singletons_are_the_tail_even_when_they_hold_more_than_a_tenth():
    assert buckets([10] + [1] * 10).tolist() == ["head"] + ["tail"] * 10


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 50), min_size=1, max_size=20))
def test_measures_agree_with_their_definitions(counts):
    got = Imbalance.from_counts(counts)
    assert list(got.groups) == sorted(counts, key=lambda g: (-counts[g], g))
    assert got.counts.dtype == np.int64
    seen = np.array([n for n in counts.values() if n], dtype=float)
    assert got.few_shot == int((seen < 20).sum())
    if seen.size == 0:
        assert np.isnan(got.ratio)
        assert got.effective_groups == 0
        return
    assert got.ratio == seen.max() / seen.min()
    mean_difference = np.abs(seen[:, None] - seen[None, :]).mean()
    assert got.gini == pytest.approx(mean_difference / (2 * seen.mean()), abs=1e-9)
    assert 1 - 1e-9 <= got.effective_groups <= seen.size + 1e-9
    assert sum(b["groups"] for b in got.summary()["buckets"].values()) == len(counts)


def test_effective_groups_of_equal_groups_is_their_number():
    assert Imbalance.from_counts(dict.fromkeys("abcd", 9)).effective_groups == pytest.approx(4)


@pytest.mark.parametrize("bad", [[-1, 2], [0.5], [[1, 2]], [float("nan")], ["a"]])
def test_counts_that_are_none_are_refused(bad):
    with pytest.raises(InputError):
        buckets(bad)


def test_unknown_cut_is_refused():
    with pytest.raises(SettingError, match="no cut 'items'"):
        buckets([1], "items")

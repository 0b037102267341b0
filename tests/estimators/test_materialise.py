"""Weights become copies and mixed labels become labels without bias, and no class is lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.learners.materialise import copied, times, weighted
from evenshelf.remedies import Rows

groups_and_weights = st.lists(
    st.tuples(st.integers(0, 3), st.floats(2.0**-6, 40.0, width=32) | st.integers(1, 5).map(float)),
    min_size=1,
    max_size=30,
)


def mixed(target: list[int], other: list[int], share: list[float], weight: list[float] | None = None) -> Rows:
    index = np.arange(len(target))
    part = np.array(share, np.float32)
    heavy = np.ones(len(target), np.float32) if weight is None else np.array(weight, np.float32)
    return Rows(index, index[::-1].copy(), part, heavy, np.array(target), np.array(other), part)


@given(groups_and_weights, st.integers(0, 2**32 - 1))
def test_a_row_is_repeated_as_often_as_its_weight_and_a_group_as_often_as_the_sum(
    drawn: list[tuple[int, float]], seed: int
) -> None:
    group = np.array([g for g, _ in drawn])
    weight = np.array([w for _, w in drawn], np.float32)
    found = times(weight, group, np.random.default_rng(seed))
    assert (np.abs(found - weight) < 1 + 1e-4).all()
    whole = weight == np.floor(weight)
    assert (found[whole] == weight[whole]).all()
    for g in np.unique(group):
        assert found[group == g].sum() >= 1
        assert abs(found[group == g].sum() - weight[group == g].sum(dtype=np.float64)) < 1 + 1e-4


@given(st.integers(1, 500), st.integers(1, 10**6), st.integers(0, 2**32 - 1))
def test_what_is_whole_but_for_rounding_is_whole(draws: int, missing: int, seed: int) -> None:
    weight = np.full(draws, missing / draws, np.float32)
    assert times(weight, np.zeros(draws, np.int64), np.random.default_rng(seed)).sum() == missing


def test_each_row_is_repeated_as_often_as_its_weight_on_average() -> None:
    rng = np.random.default_rng(0)
    weight = np.array([0.3, 2.6, 1.0, 0.25, 4.9], np.float32)
    mean = np.mean([times(weight, np.array([0, 0, 0, 1, 1]), rng) for _ in range(4000)], axis=0)
    np.testing.assert_allclose(mean, weight, atol=0.03)


def test_labels_are_drawn_by_their_share() -> None:
    rows = mixed([0, 1] * 5000, [1, 0] * 5000, [0.2, 0.4] * 5000)
    index, label = copied(rows, np.random.default_rng(0))
    assert (index == np.arange(10_000)).all()
    assert abs((label[::2] == 1).mean() - 0.2) < 0.02
    assert abs((label[1::2] == 0).mean() - 0.4) < 0.02


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8), st.integers(0, 999))
def test_a_draw_takes_the_last_label_of_no_class(drawn: list[tuple[int, int]], seed: int) -> None:
    target, other = [t for t, _ in drawn], [o for _, o in drawn]
    _, label = copied(mixed(target, other, [0.5] * len(drawn)), np.random.default_rng(seed))
    assert set(target) <= set(label.tolist())


@given(groups_and_weights, st.floats(0, 1, width=32))
def test_weighted_rows_keep_all_weight_and_share_it_between_labels(
    drawn: list[tuple[int, float]], share: float
) -> None:
    target, weight = [g for g, _ in drawn], [w for _, w in drawn]
    rows = mixed(target, target[::-1], [share] * len(drawn), weight)
    index, label, found = weighted(rows)
    assert (found > 0).all()
    np.testing.assert_allclose(np.bincount(index, found, len(rows)), weight, rtol=1e-5)
    expected = np.bincount(rows.target, rows.weight * (1 - rows.share), 4)
    expected += np.bincount(rows.other, rows.weight * rows.share, 4)
    np.testing.assert_allclose(np.bincount(label, found, 4), expected, rtol=1e-4, atol=1e-4)

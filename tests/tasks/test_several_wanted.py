"""Metrics of users who want several items, against scikit-learn and plain loops; ties never lift them above one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from evenshelf.errors import InputError
from evenshelf.tasks.ranking_metrics import (
    CUTS,
    METRICS,
    rank_of,
    ranking_metrics,
    ranks_of,
    repeat_metrics,
    several_metrics,
    user_values,
)

seeds = st.integers(0, 2**32 - 1)


def wishes(rng: np.random.Generator, users: int, items: int) -> np.ndarray:
    """``[U, I]`` who wants what; some want nothing."""
    return rng.random((users, items)) < rng.choice([0.1, 0.5, 1.0])


@given(seeds, st.integers(1, 8), st.integers(2, 30))
def test_they_are_those_of_scikit_learn_and_plain_loops(seed: int, users: int, items: int) -> None:
    rng = np.random.default_rng(seed)
    scores, wants = rng.standard_normal((users, items)), wishes(rng, users, items)
    user, item = np.nonzero(wants)
    mixed = rng.permutation(len(user))
    rank = ranks_of(scores, user[mixed], item[mixed])
    found = several_metrics(user[mixed], rank)
    asked = np.flatnonzero(wants.any(axis=1))
    if not len(asked):
        assert all(math.isnan(value) for value in found.values())
        return
    lists = np.argsort(-scores, axis=1)
    first = [next(p for p, i in enumerate(lists[u]) if wants[u, i]) for u in asked]
    assert found["mrr"] == pytest.approx(np.mean([1 / (p + 1) for p in first]))
    for cut in CUTS:
        hits = [sum(wants[u, i] for i in lists[u, :cut]) for u in asked]
        assert found[f"recall_at_{cut}"] == pytest.approx(np.mean(hits / wants[asked].sum(axis=1)))
        assert found[f"hit_rate_at_{cut}"] == pytest.approx(np.mean([h > 0 for h in hits]))
        assert found[f"ndcg_at_{cut}"] == pytest.approx(ndcg_score(wants[asked].astype(float), scores[asked], k=cut))


@given(seeds, st.integers(1, 6), st.integers(2, 25), st.integers(1, 3))
def test_equal_scores_give_expected_places_and_no_list_holds_more_than_it_can(
    seed: int, users: int, items: int, levels: int
) -> None:
    rng = np.random.default_rng(seed)
    scores, wants = rng.integers(0, levels, (users, items)).astype(float), wishes(rng, users, items)
    scores[rng.random(scores.shape) < 0.2] = -np.inf
    user, item = np.nonzero(wants)
    rank = ranks_of(scores, user, item, seed=seed % 7)
    np.testing.assert_array_equal(np.isinf(rank), np.isneginf(scores[user, item]))
    for name, value in several_metrics(user, rank).items():
        assert math.isnan(value) or 0 <= value <= METRICS[name].high + 1e-9
    for line in range(users):
        own = np.sort(rank[(user == line) & np.isfinite(rank)])
        assert (own >= np.arange(len(own)) - 1e-9).all()
    # the places of a user add up to the means that each would have alone
    mean = rank_of(scores[user], item)
    for line in range(users):
        own = (user == line) & np.isfinite(rank)
        assert rank[own].sum() == pytest.approx(mean[own].sum())


@given(seeds, st.integers(1, 10), st.integers(2, 30))
def test_one_wanted_item_each_is_the_simple_case(seed: int, users: int, items: int) -> None:
    rng = np.random.default_rng(seed)
    scores, target = rng.integers(0, 5, (users, items)).astype(float), rng.integers(0, items, users)
    rank = ranks_of(scores, np.arange(users), target)
    np.testing.assert_allclose(rank, rank_of(scores, target))
    several = several_metrics(np.arange(users), rank)
    for name, value in ranking_metrics(rank).items():
        assert several[name] == pytest.approx(value)
    for cut in CUTS:
        assert several[f"hit_rate_at_{cut}"] == several[f"recall_at_{cut}"]


@given(seeds, st.integers(2, 20))
def test_the_order_of_items_does_not_matter(seed: int, items: int) -> None:
    rng = np.random.default_rng(seed)
    scores, wants = rng.integers(0, 3, (4, items)).astype(float), wishes(rng, 4, items)
    user, item = np.nonzero(wants)
    order = rng.permutation(items)
    moved = np.empty_like(scores)
    moved[:, order] = scores
    one = several_metrics(user, ranks_of(scores, user, item))
    two = several_metrics(user, ranks_of(moved, user, order[item]))
    np.testing.assert_allclose(list(one.values()), list(two.values()))


def test_only_some_of_what_is_wanted_can_be_looked_at() -> None:
    user, rank = np.array([0, 0, 1, 2]), np.array([0.0, 7.0, 30.0, 2.0])
    again = np.array([True, False, True, False])
    found = repeat_metrics(user, rank, again)
    # bought again: user 0 at once, user 1 not; new: user 0 at the eighth place, user 2 at the third
    assert (found["rebought_recall_at_5"], found["new_recall_at_5"]) == (0.5, 0.5)
    assert (found["rebought_recall_at_10"], found["new_recall_at_10"]) == (0.5, 1.0)
    assert found["new_mrr"] == pytest.approx((1 / 8 + 1 / 3) / 2)
    users, values = user_values(user, rank)
    assert users.tolist() == [0, 1, 2]
    assert values["recall_at_5"].tolist() == [0.5, 0.0, 1.0]
    assert set(values) == set(METRICS)


@pytest.mark.parametrize(("user", "item"), [([0, 0], [1, 1]), ([0], [1, 0])])
def test_wishes_that_come_twice_or_have_no_user_are_refused(user: list[int], item: list[int]) -> None:
    with pytest.raises(InputError):
        ranks_of(np.zeros((1, 2)), np.array(user), np.array(item))


def test_every_metric_says_what_it_is() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.meaning.endswith(".")
        assert any(c.isdigit() for c in metric.paper)
        assert metric.low < metric.high

"""Metrics of ranked lists, against scikit-learn and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from evenshelf.errors import SettingError
from evenshelf.tasks.ranking_metrics import CUTS, cut_by_items, rank_of, ranking_metrics

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 12), st.integers(2, 40))
def test_they_are_those_of_scikit_learn(seed: int, users: int, items: int) -> None:
    rng = np.random.default_rng(seed)
    scores, target = rng.standard_normal((users, items)), rng.integers(0, items, users)
    truth = np.zeros((users, items))
    truth[np.arange(users), target] = 1
    found = ranking_metrics(rank_of(scores, target))
    for cut in CUTS:
        assert found[f"ndcg_at_{cut}"] == pytest.approx(ndcg_score(truth, scores, k=cut))
        top = np.argsort(-scores, axis=1)[:, :cut]
        assert found[f"recall_at_{cut}"] == pytest.approx(
            np.mean([t in line for t, line in zip(target, top, strict=True)])
        )
    # of one wanted item the precision at its place is the reciprocal of its rank
    assert found["mrr"] == pytest.approx(label_ranking_average_precision_score(truth, scores))


@given(seeds, st.integers(1, 8), st.integers(2, 30))
def test_equal_scores_share_their_places_whatever_the_order_of_items(seed: int, users: int, items: int) -> None:
    rng = np.random.default_rng(seed)
    scores, target = rng.integers(0, 4, (users, items)).astype(float), rng.integers(0, items, users)
    rank = rank_of(scores, target)
    order = rng.permutation(items)
    moved = np.empty_like(scores)
    moved[:, order] = scores
    np.testing.assert_array_equal(rank_of(moved, order[target]), rank)
    for line, wanted, place in zip(scores, target, rank, strict=True):
        better, same = sum(line > line[wanted]), sum(line == line[wanted])
        assert place == np.mean(np.arange(better, better + same))


def test_what_must_not_be_shown_is_nowhere() -> None:
    rank = rank_of(np.array([[-np.inf, 1.0], [0.5, -np.inf]]), np.array([0, 0]))
    assert rank.tolist() == [np.inf, 0.0]
    found = ranking_metrics(rank)
    assert (found["recall_at_5"], found["ndcg_at_5"], found["mrr"]) == (0.5, 0.5, 0.5)
    assert all(math.isnan(value) for value in ranking_metrics(rank, np.zeros(2, bool)).values())


@given(st.lists(st.integers(0, 30), min_size=1, max_size=50))
def test_buckets_are_cut_by_the_number_of_items(counts: list[int]) -> None:
    taken = np.array(counts)
    bucket = cut_by_items(taken)
    for name, below in (("head", "torso"), ("torso", "tail"), ("head", "tail")):
        if (bucket == name).any() and (bucket == below).any():
            assert taken[bucket == name].min() >= taken[bucket == below].max()
    assert set(bucket[taken == 0]) <= {"cold"}
    assert (bucket == "head").sum() <= round(0.2 * len(taken))
    rank = np.arange(len(taken), dtype=float)
    parts = {str(name): ranking_metrics(rank, bucket == name) for name in np.unique(bucket)}
    whole = sum(parts[name]["mrr"] * (bucket == name).sum() for name in parts) / len(taken)
    assert whole == pytest.approx(ranking_metrics(rank)["mrr"])


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.6, 0.1), (1.2, -0.2, 0.0)])
def test_shares_that_do_not_add_up_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(SettingError, match="add up to one"):
        cut_by_items(np.arange(9), shares)

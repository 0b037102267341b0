"""Thresholds by label and cuts by rank, against trying all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.metrics import f1_score

from evenshelf.remedies import Prior, parse

GROUPS = 5


@st.composite
def unseen(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 40))
    has = rng.random((n, GROUPS)) < np.array([0.7, 0.4, 0.2, 0.1, 0.02])
    has[np.arange(n), rng.integers(0, GROUPS, n)] = True
    scores = (rng.normal(size=has.shape) * 2 + 2 * has - 3).astype(np.float32)
    return scores.round(draw(st.sampled_from([0, 3]))), has, draw(st.booleans())


@settings(max_examples=60)
@given(unseen())
def test_each_threshold_has_the_best_f1_of_all(case):
    scores, has, weighed = case
    count = np.random.default_rng(0).integers(1, 4, len(scores)) if weighed else np.ones(len(scores))
    prior = Prior(np.maximum(has.sum(axis=0), 1), texts=len(has))
    remedy = parse("label_thresholds(prior_texts=0.0)")
    cut = remedy.set_calibration(scores, csr_array(has), count.astype(np.float32), prior)(scores)
    for label in np.flatnonzero(has.any(axis=0)):
        column = scores[:, label]
        tried = [f1_score(has[:, label], column >= t, sample_weight=count, zero_division=0) for t in np.unique(column)]
        found = f1_score(has[:, label], cut[:, label] > 0, sample_weight=count, zero_division=0)
        assert found == pytest.approx(max(tried))


def test_a_rare_label_is_drawn_to_the_threshold_of_all():
    rng = np.random.default_rng(1)
    has = np.zeros((400, 3), bool)
    has[:200, 0] = has[:2, 1] = True
    scores = (rng.normal(size=has.shape) + 3 * has - 2).astype(np.float32)
    scores[:2, 1] = 9.0
    prior = Prior(np.array([200, 2, 30]), texts=400)
    count = np.ones(400, np.float32)

    def cuts(spec):
        return -parse(spec).set_calibration(scores, csr_array(has), count, prior)(np.zeros((1, 3), np.float32))[0]

    own, shrunk = cuts("label_thresholds(prior_texts=0.0)"), cuts("label_thresholds(prior_texts=8.0)")
    together = own[2]
    assert own[1] > 3.0, "halfway to its two texts"
    assert shrunk[1] == pytest.approx(together + 0.2 * (own[1] - together), abs=1e-4)
    assert abs(shrunk[0] - own[0]) < 0.05 * abs(own[0] - together) + 1e-6
    half = cuts("label_thresholds(prior_texts=0.0, strength=0.5)")
    np.testing.assert_allclose(half, own / 2, rtol=1e-5)


def test_labels_that_the_model_does_not_know_stay_out():
    scores = np.full((30, 2), -1e4, np.float32)
    scores[:, 0] = np.linspace(-3, 3, 30)
    has = np.ones((30, 2), bool)
    has[:20, 0] = False
    found = parse("label_thresholds").set_calibration(
        scores, csr_array(has), np.ones(30, np.float32), Prior(np.array([9, 0]), texts=9)
    )
    assert (found(scores)[:, 1] < 0).all()
    assert "1 label has no held-out text" in found.notes[0]


def test_what_a_model_without_the_label_says_does_not_move_its_threshold():
    scores = np.tile(np.linspace(-3, 3, 30, dtype=np.float32)[:, None], (1, 2))
    has = scores > 1.0
    # the only text of the second label, scored by a model that was fitted without it
    scores[:10, 1], has[:, 1] = -1e4, False
    has[4, 1] = True
    found = parse("label_thresholds").set_calibration(
        scores, csr_array(has), np.ones(30, np.float32), Prior(np.array([int(has[:, 0].sum()), 1]), texts=30)
    )
    shift = found(np.zeros((1, 2), np.float32))[0]
    without = parse("label_thresholds(prior_texts=1000.0)").set_calibration(
        scores, csr_array(has), np.ones(30, np.float32), Prior(np.array([int(has[:, 0].sum()), 1]), texts=30)
    )
    np.testing.assert_allclose(shift[1], without(np.zeros((1, 2), np.float32))[0, 1])
    assert "1 label has no held-out text" in found.notes[0]


@settings(max_examples=40)
@given(unseen())
def test_a_cut_by_rank_gives_so_many_and_the_best_number_of_all(case):
    scores, has, _ = case
    scores += np.linspace(0, 4e-4, GROUPS, dtype=np.float32)  # no ties: they have three decimals at most
    prior = Prior(np.maximum(has.sum(axis=0), 1), texts=len(has))
    count = np.ones(len(has), np.float32)
    value = {}
    for k in range(1, GROUPS + 1):
        given_labels = parse(f"rank_cut(k={k})").set_calibration(scores, csr_array(has), count, prior)(scores) > 0
        assert (given_labels.sum(axis=1) == k).all()
        there = has.any(axis=0)
        value[k] = f1_score(has[:, there], given_labels[:, there], average="macro", zero_division=0)
    found = parse("rank_cut").set_calibration(scores, csr_array(has), count, prior)
    most = int(has.sum(axis=1).max())
    (chosen,) = set((found(scores) > 0).sum(axis=1).tolist())
    assert value[chosen] == pytest.approx(max(value[k] for k in range(1, most + 1)))


@pytest.mark.parametrize("last", [2.0, np.nextafter(np.float32(2.0), np.float32(0.0))])
def test_a_cut_by_rank_gives_equal_scores_rather_than_none(last):
    scores = np.array([[2.0, last, 0.0]], np.float32)
    cut = parse("rank_cut(k=1)").set_calibration(scores, csr_array((1, 3)), np.ones(1, np.float32), Prior(np.ones(3)))
    np.testing.assert_array_equal(cut(scores) > 0, scores >= 2.0)


def test_without_unseen_texts_there_is_a_reason():
    none = np.empty((0, GROUPS), np.float32)
    prior = Prior(np.array([6, 3, 1, 1, 1]), texts=6)
    for name, said in (("label_thresholds", "even odds"), ("rank_cut", "the mean number of labels, 2")):
        found = parse(name).set_calibration(none, csr_array(none.astype(bool)), np.empty(0, np.float32), prior)
        assert said in found.notes[0]

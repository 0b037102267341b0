"""Confident learning: the numbers of cleanlab."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.annotating.confident import doubts


def noisy(seed: int, n: int = 300, classes: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels with a long tail, a tenth of them wrong, and probabilities that know most of the truth."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, classes + 1) ** 1.5
    truth = np.concatenate([np.repeat(np.arange(classes), 2), rng.choice(classes, n, p=share / share.sum())])
    given_labels = np.where(rng.random(len(truth)) < 0.1, rng.integers(0, classes, len(truth)), truth)
    given_labels[: 2 * classes] = truth[: 2 * classes]
    p = rng.dirichlet(np.ones(classes), len(truth)) + 1.5 * np.eye(classes)[truth] * rng.random((len(truth), 1))
    return truth, given_labels, (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_thresholds_and_contradictions_are_those_of_cleanlab(seed: int) -> None:
    count = pytest.importorskip("cleanlab.count")
    filtering = pytest.importorskip("cleanlab.filter")
    _, labels, p = noisy(seed)
    found = doubts(labels, p)
    exact = p.astype(np.float64)
    assert found.thresholds == pytest.approx(count.get_confident_thresholds(labels, exact), abs=1e-6)
    theirs = filtering.find_label_issues(
        labels, exact, filter_by="confident_learning", min_examples_per_class=0, n_jobs=1
    )
    assert (found.contradicted == theirs).all()


@given(st.integers(0, 2**32 - 1))
def test_the_most_doubtful_are_suspect_as_many_as_are_contradicted(seed: int) -> None:
    truth, labels, p = noisy(seed)
    found = doubts(labels, p)
    assert (found.better != labels).all()
    assert found.suspect.sum() == found.contradicted.sum()
    likeliest = p.argmax(axis=1) == labels
    assert not found.suspect[likeliest].any(), "a label that is the likeliest class is not suspect"
    rest = ~found.suspect & ~likeliest
    if found.suspect.any() and rest.any():
        assert found.doubt[found.suspect].min() >= found.doubt[rest].max()
    wrong = truth != labels
    assert found.suspect[wrong].mean() > found.suspect[~wrong].mean()


def test_a_likelier_rival_makes_a_label_more_doubtful() -> None:
    p = np.array([[0.1, 0.9, 0.0], [0.1, 0.5, 0.4], [0.05, 0.9, 0.05]], np.float32)
    doubt = doubts(np.array([0, 0, 0]), p).doubt
    assert doubt[2] > doubt[0] > doubt[1]


def test_a_rare_class_is_held_to_its_own_threshold() -> None:
    # rare examples get .3 throughout: usual for their class, so none of the rare is suspect, nor taken for frequent
    labels = np.array([0] * 8 + [1] * 4)
    p = np.array([[0.9, 0.1]] * 7 + [[0.6, 0.4]] + [[0.7, 0.3]] * 4, np.float32)
    found = doubts(labels, p)
    assert found.thresholds == pytest.approx([(7 * 0.9 + 0.6) / 8, 0.3])
    assert not found.suspect[8:].any()


def test_a_class_without_examples_has_no_threshold() -> None:
    found = doubts(np.array([0, 0, 1]), np.array([[0.1, 0.1, 0.8]] * 3, np.float32))
    assert np.isnan(found.thresholds[2])
    assert found.better.tolist() == [2, 2, 2]

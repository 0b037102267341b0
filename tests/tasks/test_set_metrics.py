"""Metrics of sets against scikit-learn, and rows where nothing is true or nothing predicted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, label_ranking_average_precision_score

from evenshelf.study.statistics import paired_bootstrap
from evenshelf.tasks.label_metrics import NOTHING, bucket_or_cold, class_scores, label_metrics, macro_f1
from evenshelf.tasks.set_metrics import average_precisions, label_rankings, micro_f1


@st.composite
def scored(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, classes = draw(st.integers(1, 20)), draw(st.integers(2, 6))
    has = rng.random((n, classes)) < 0.4
    has[np.arange(n), rng.integers(0, classes, n)] = True
    return rng.normal(size=(n, classes)).round(draw(st.sampled_from([0, 1, 5]))).astype(np.float32), has


@settings(max_examples=80)
@given(scored())
def test_rankings_are_those_of_scikit_learn(case):
    scores, has = case
    found = average_precisions(scores, has)
    for label in range(has.shape[1]):
        if has[:, label].any():
            assert found[label] == pytest.approx(average_precision_score(has[:, label], scores[:, label]))
        else:
            assert np.isnan(found[label])
    expected = label_ranking_average_precision_score(has, scores)
    assert label_rankings(scores, has).mean() == pytest.approx(expected)


@settings(max_examples=80)
@given(scored())
def test_pairs_with_alarms_count_as_scikit_learn_counts_sets(case):
    """True pairs are rows, answered or not; what is given besides has rows where nothing is true."""
    scores, has = case
    given_labels = scores > 0
    text, label = np.nonzero(has)
    alarm, wrong = np.nonzero(given_labels & ~has)
    y = np.concatenate([label, np.full(len(wrong), NOTHING)])
    predicted = np.concatenate([np.where(given_labels[text, label], label, NOTHING), wrong])
    classes = has.shape[1]
    expected = f1_score(has, given_labels, average=None, zero_division=0)
    np.testing.assert_allclose(class_scores(y, predicted, classes).f1, expected)
    there = has.any(axis=0)
    assert macro_f1(y, predicted, classes) == pytest.approx(expected[there].mean())
    hits = float((has & given_labels).sum())
    micro = f1_score(has, given_labels, average="micro", zero_division=0)
    assert micro_f1(hits, float(has.sum()), float(given_labels.sum())) == pytest.approx(micro)
    buckets = np.where(np.arange(classes) == 0, "head", "tail")
    chance = np.full(len(y), 0.5)
    values = label_metrics(y, predicted, chance, chance, buckets=buckets, counts=has.sum(axis=0))
    assert values["macro_f1"] == pytest.approx(expected[there].mean())
    assert values["accuracy"] == pytest.approx(hits / has.sum())
    group = np.concatenate([text, alarm])
    found = paired_bootstrap(y, group, {"a": predicted, "b": predicted}, buckets, replicates=20)
    assert found.interval("a", "macro_f1").value == pytest.approx(expected[there].mean())
    assert found.interval("a", "accuracy").value == pytest.approx(hits / has.sum())


def test_fewer_alarms_alone_are_a_difference():
    """The same true pairs are found, and one of both gives wrong labels besides."""
    y = np.concatenate([np.arange(200) % 2, np.full(200, NOTHING)])
    group = np.concatenate([np.arange(200), np.arange(200)])
    clean = np.concatenate([y[:200], np.full(200, NOTHING)])
    noisy = np.concatenate([y[:200], 1 - y[:200]])
    found = paired_bootstrap(y, group, {"clean": clean, "noisy": noisy}, np.array(["head", "tail"]), replicates=200)
    difference = found.difference("clean", "noisy", "macro_f1")
    assert difference.value == pytest.approx(1 - 2 / 3)
    assert difference.p < 0.01


def test_rows_where_nothing_is_true_make_no_class_cold():
    y, fold = np.array([0, 0, 1, NOTHING]), np.array([0, 1, 0, 2])
    assert bucket_or_cold(y, fold, np.array(["head", "tail"])).tolist() == ["head", "cold"]
    assert bucket_or_cold(y[[0, 1, 2]], fold[[0, 1, 2]], np.array(["head", "tail"])).tolist() == ["head", "cold"]

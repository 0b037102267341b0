from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from evenshelf.errors import InputError
from evenshelf.tasks.label_metrics import (
    METRICS,
    bucket_or_cold,
    expected_calibration_error,
    label_metrics,
    negative_log_likelihood,
)

BUCKETS = np.array(["head", "head", "torso", "tail", "tail", "cold"])
COUNTS = np.array([900, 500, 60, 12, 3, 1])


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = rng.choice(6, n, p=[0.4, 0.3, 0.15, 0.1, 0.03, 0.02])
    guess = np.where(rng.random(n) < draw(st.floats(0, 1)), rng.integers(0, 6, n), y)
    q = rng.random(n).round(draw(st.integers(1, 6)))
    return y, guess, np.where(y == guess, q, rng.random(n) * q), q


@given(labelled())
@settings(max_examples=150, deadline=None)
def test_agrees_with_scikit_learn(case: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]) -> None:
    y, guess, p, q = case
    found = label_metrics(y, guess, p, q, buckets=BUCKETS, counts=COUNTS)
    assert list(found) == list(METRICS)
    present = np.unique(y)

    def peer(average: str, labels: np.ndarray) -> tuple[float, float, float]:
        return precision_recall_fscore_support(y, guess, labels=labels, average=average, zero_division=0)[:3]

    for average in ("macro", "weighted"):
        for name, value in zip(("precision", "recall", "f1"), peer(average, present), strict=True):
            assert found[f"{average}_{name}"] == pytest.approx(value)
    assert found["accuracy"] == pytest.approx(accuracy_score(y, guess))
    assert found["balanced_accuracy"] == found["macro_recall"]
    assert found["weighted_recall"] == pytest.approx(found["accuracy"])
    subsets = {f"{name}_f1": np.flatnonzero(name == BUCKETS) for name in ("head", "torso", "tail", "cold")}
    for name, classes in (subsets | {"few_shot_f1": np.flatnonzero(COUNTS < 20)}).items():
        labels = np.intersect1d(present, classes)
        if len(labels):
            assert found[name] == pytest.approx(peer("macro", labels)[2])
        else:
            assert math.isnan(found[name])
    tail = np.isin(y, [3, 4])
    assert found["tail_accuracy"] == pytest.approx(np.mean((y == guess)[tail]), nan_ok=True) if tail.any() else True


@given(labelled(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_of_rows_does_not_matter(case: tuple[np.ndarray, ...], random: object) -> None:
    order = np.random.default_rng(random.randrange(2**32)).permutation(len(case[0]))  # type: ignore[attr-defined]
    one = label_metrics(*case, buckets=BUCKETS, counts=COUNTS)
    two = label_metrics(*(x[order] for x in case), buckets=BUCKETS, counts=COUNTS)
    for name, value in one.items():
        assert two[name] == pytest.approx(value, nan_ok=True)


def test_a_tail_class_pays_for_head_rows_called_tail() -> None:
    y = np.array([0] * 9 + [3])
    good, greedy = y, np.array([0] * 6 + [3] * 4)
    one = label_metrics(y, good, np.ones(10), np.ones(10), buckets=BUCKETS, counts=COUNTS)
    two = label_metrics(y, greedy, np.ones(10), np.ones(10), buckets=BUCKETS, counts=COUNTS)
    assert one["tail_f1"] == 1
    assert two["tail_f1"] == pytest.approx(2 / 5)
    assert two["tail_accuracy"] == 1


def test_impossible_row_is_clipped() -> None:
    assert negative_log_likelihood(np.array([0.0])) == pytest.approx(12 * math.log(10))
    assert negative_log_likelihood(np.array([1.0, math.exp(-2)])) == pytest.approx(1)


def test_calibration_of_honest_and_boastful_confidence() -> None:
    rng = np.random.default_rng(0)
    q = rng.random(60_000)
    right = rng.random(60_000) < q
    assert expected_calibration_error(right, q) < 0.015
    assert expected_calibration_error(right, np.sqrt(q)) == pytest.approx(np.mean(np.sqrt(q) - q), abs=0.01)
    assert expected_calibration_error(np.ones(5, bool), np.full(5, 0.25)) == pytest.approx(0.75)


def test_calibration_bins_hold_equal_mass() -> None:
    """Two bins by hand: the lower half is right half of the time at .2, the upper always at .9."""
    q = np.array([0.2, 0.2, 0.9, 0.9])
    assert expected_calibration_error(np.array([True, False, True, True]), q, bins=2) == pytest.approx((0.3 + 0.1) / 2)


def test_cold_classes_lie_in_one_evaluated_fold() -> None:
    y = [0, 0, 1, 1, 2, 3, 4, 4]
    fold = [0, 1, 2, 2, 3, -1, -1, 4]
    assert bucket_or_cold(y, fold, ["head", "tail", "tail", "tail", "tail"]).tolist() == [
        "head",
        "cold",  # two rows with one title
        "cold",  # one row
        "tail",  # never evaluated
        "tail",  # one row is always in training
    ]


def test_bad_arrays_are_refused_with_all_faults() -> None:
    with pytest.raises(InputError, match=r"2, 3, 2 and 2 entries.*predicted holds codes from 0 to 7.*p_true must be"):
        label_metrics([0, 1], [0, 7, 1], [0.5, 1.5], [0.5, 0.5], buckets=BUCKETS, counts=COUNTS)
    with pytest.raises(InputError, match="no row"):
        label_metrics([], [], [], [], buckets=BUCKETS, counts=COUNTS)
    with pytest.raises(InputError, match="unknown buckets: middle"):
        label_metrics([0], [0], [1], [1], buckets=["middle"], counts=[1])

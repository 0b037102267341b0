"""Balanced samples, and their heads as one, against imbalanced-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from evenshelf.estimators import RemedyClassifier
from evenshelf.remedies import Prior, Rows, parse
from evenshelf.testing.learners import skewed_sample

COUNTS = (90, 40, 17, 5, 1)


def sampled(spec: str, seed: int = 0, counts: tuple[int, ...] = COUNTS) -> tuple[Rows, np.ndarray]:
    target = np.repeat(np.arange(len(counts)), counts)
    made = parse(spec).resample(
        np.zeros((len(target), 2), np.float32), target, Prior(np.array(counts)), np.random.default_rng(seed)
    )
    assert made is not None
    return made, np.bincount(made.target, made.weight, len(counts))


@pytest.mark.parametrize(("quantile", "size"), [(0.0, 1), (0.5, 17), (0.75, 40), (1.0, 90)])
def test_each_group_has_as_many_rows_as_the_quantile_says(quantile: float, size: int) -> None:
    _, counts = sampled(f"balanced_bagging(quantile={quantile})")
    np.testing.assert_array_equal(counts, size)


def test_larger_groups_are_drawn_without_and_smaller_ones_with_replacement() -> None:
    made, _ = sampled("balanced_bagging(quantile=0.5)")
    assert (made.weight[made.target <= 2] == 1).all()
    assert made.weight[made.target == 4].tolist() == [17]
    assert (made.target == 3).sum() <= 5


def test_smaller_groups_are_taken_whole_without_strength() -> None:
    made, counts = sampled("balanced_bagging(quantile=0.5, strength=0.0)")
    assert counts.tolist() == [17, 17, 17, 5, 1]
    assert (made.weight == 1).all()


def test_a_cold_group_does_not_count_and_gets_no_row() -> None:
    _, counts = sampled("balanced_bagging(quantile=0.5)", counts=(90, 0, 30, 0, 10))
    assert counts.tolist() == [30, 0, 30, 0, 30]


def test_what_was_drawn_is_told() -> None:
    made, _ = sampled("balanced_bagging(quantile=0.5)")
    assert made.notes == (
        "8 heads on samples of 85 rows, of 153 given",
        "at most 17 rows of a group: 2 groups have more, 2 have fewer",
    )


def test_a_composition_has_the_bags_of_its_member() -> None:
    assert parse("smote").bags == 1
    assert parse("balanced_bagging(bags=3) + logit_adjust").bags == 3
    assert parse("balanced_bagging(bags=3) + logit_adjust").linear_form.bags == 3


@pytest.mark.parametrize("counts", [(400, 40), (400, 120, 25)])
def test_it_is_as_good_as_that_of_imbalanced_learn(counts: tuple[int, ...]) -> None:
    peer = pytest.importorskip("imblearn.ensemble")
    X, y, _ = skewed_sample(counts, spread=0.9)
    centres = skewed_sample(counts)[2]
    y_new = np.repeat(np.arange(len(counts)), 1000)
    X_new = centres[y_new] + 0.9 * np.random.default_rng(1).standard_normal((len(y_new), 6))
    theirs = peer.BalancedBaggingClassifier(LogisticRegression(max_iter=500), n_estimators=8, random_state=0).fit(X, y)
    ours = RemedyClassifier("balanced_bagging(quantile=0.0)", random_state=0).fit(X, y)
    plain = RemedyClassifier("none").fit(X, y)
    found, wanted, before = (balanced_accuracy_score(y_new, m.predict(X_new)) for m in (ours, theirs, plain))
    assert found == pytest.approx(wanted, abs=0.03)
    assert found > before + 0.02

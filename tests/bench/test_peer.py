"""The peer computes what the remedies say: every neutral setting is plain logistic regression, and samplers count."""

from __future__ import annotations

import numpy as np
import pytest
from bench.label_study import PEERED
from bench.ours_label import objective
from bench.peer_label import macro_f1
from bench.peer_resampling import default_smote_raises, resample
from sklearn.metrics import f1_score

from bench import peer_fits
from evenshelf.errors import SettingError
from evenshelf.remedies import parse, remedy_set

SIZES = (60, 30, 9, 3, 1)
CLASSES = len(SIZES) + 1  # the last one has no row
PENALTY = 1e-3
NEUTRAL = (
    "weighted_ce(power=0.0)",
    "focal(gamma=0.0)",
    "balanced_softmax(tau=0.0)",
    "ldam(margin=0.0, beta=0.0)",
)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    y = np.repeat(np.arange(len(SIZES)), SIZES)
    centres = rng.normal(size=(CLASSES, 8))
    X = (centres[y] + rng.normal(size=(len(y), 8))).astype(np.float32)
    return X, y, centres.astype(np.float32)


def value(spec, head, rows):
    X, y, names = rows
    return objective(parse(spec), PENALTY, X=X, y=y, names=names, weights=head.weights, bias=head.bias)


def fitted(spec, rows, penalty=PENALTY):
    X, y, names = rows
    return peer_fits.fit(parse(spec), penalty, X, y, names=names, seed=0)


@pytest.mark.parametrize("spec", NEUTRAL)
def test_neutral_settings_of_torch_are_logistic_regression(rows, spec):
    plain, found = fitted("none", rows), fitted(spec, rows)
    assert value("none", found, rows) == pytest.approx(value("none", plain, rows), rel=1e-3)
    # a formula that is not neutral has another optimum
    other = fitted(spec.replace("0.0", "1.0", 1), rows)
    assert value("none", other, rows) > value("none", plain, rows) + 1e-4


@pytest.mark.parametrize("spec", ["none", "balanced", "focal", "weighted_ce", "ldam", "balanced_softmax", "name_prior"])
def test_a_fit_is_the_optimum_of_its_objective(rows, spec):
    head = fitted(spec, rows)
    best = value(spec, head, rows)
    rng = np.random.default_rng(0)
    there = head.bias > peer_fits.ABSENT / 2
    there &= np.arange(CLASSES) < len(SIZES)  # a class without a row is not fitted
    for size in (0.3, 0.03):
        weights = head.weights + size * rng.normal(size=head.weights.shape).astype(np.float32) * there
        moved = peer_fits.Linear(weights, head.bias, head.counts, 0, stopped=False)
        assert value(spec, moved, rows) > best


def test_a_class_without_a_row_is_known_by_its_name_alone(rows):
    X, _, names = rows
    assert fitted("name_prior", rows).weights[:, -1] == pytest.approx(20 * names[-1])
    for spec in ("none", "focal"):
        head = fitted(spec, rows)
        assert (head.scores(X, parse("none"))[:, -1] < -1000).all()


def test_default_penalty_is_one_over_the_rows(rows):
    X, y, _ = rows
    for spec in ("none", "focal"):
        usual, same = fitted(spec, rows, None), fitted(spec, rows, 1 / len(y))
        np.testing.assert_array_equal(usual.scores(X, parse("none")), same.scores(X, parse("none")))


def test_adjustments_come_after_training(rows):
    X, y, _ = rows
    head = fitted("none", rows)
    plain = head.scores(X, parse("none"))
    for spec in ("logit_adjust(tau=0.0)", "tau_norm(tau=0.0)"):
        np.testing.assert_allclose(head.scores(X, parse(spec))[:, :-1], plain[:, :-1], atol=1e-4)
    moved = head.scores(X, parse("logit_adjust(tau=2.0)")) - plain
    share = np.array(SIZES) / len(y)
    np.testing.assert_allclose(moved[:, :-1] + 2 * np.log(share), 0, atol=1e-4)


@pytest.mark.parametrize("spec", ["random_over", "random_over(strength=0.5)", "smote", "smote(k=2)"])
def test_oversampling_makes_the_rows_that_it_says(rows, spec):
    X, y, _ = rows
    remedy = parse(spec)
    more, labels = resample(remedy, X, y, 0)
    wanted = [max(round(n ** (1 - remedy.strength) * 60**remedy.strength), n) for n in SIZES]
    assert np.bincount(labels).tolist() == wanted
    np.testing.assert_array_equal(more[: len(y)], X)
    low, high = X.min(axis=0) - 1e-5, X.max(axis=0) + 1e-5
    assert ((more >= low) & (more <= high)).all()


def test_undersampling_keeps_given_rows(rows):
    X, y, _ = rows
    fewer, labels = resample(parse("random_under(strength=0.5)"), X, y, 0)
    assert np.bincount(labels).tolist() == [round(n**0.5) for n in SIZES]
    assert {row.tobytes() for row in fewer} <= {row.tobytes() for row in X}


def test_smote_as_it_comes_raises_for_small_classes_only(rows):
    X, y, _ = rows
    assert default_smote_raises(X, y)
    assert not default_smote_raises(X[y < 3], y[y < 3])


def test_the_peer_knows_every_remedy_that_it_is_compared_on():
    for remedy in remedy_set(PEERED):
        peer_fits.check(remedy)


def test_what_the_peer_cannot_do_is_refused():
    with pytest.raises(SettingError, match="smote and focal"):
        peer_fits.check(parse("smote + focal"))


def test_macro_f1_leaves_out_classes_that_do_not_occur():
    y, predicted = np.array([0, 0, 1]), np.array([0, 2, 1])
    assert macro_f1(y, predicted) == pytest.approx((2 / 3 + 1) / 2)
    assert f1_score(y, predicted, average="macro", zero_division=0) < macro_f1(y, predicted)

"""Remedies that are fitted on unseen rows do what their papers say, and see no row that they are judged on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import f1_score

from evenshelf.learners.heads import fit_alone
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Prior, parse
from evenshelf.remedies.calibrate import _best_cut
from evenshelf.study.fits import fit_unit
from evenshelf.study.plan import Setting, Start, Training, Unit
from evenshelf.testing.calibration import unseen_scores

COUNTS = np.array([400, 100, 40, 10])
PRIOR = Prior(COUNTS)
CALIBRATING = ("temperature", "vector_scaling", "threshold_moving", "isotonic")


def drawn(scores, rng):
    """Groups drawn from the probabilities of scores: what these say is then true."""
    return np.array([rng.choice(scores.shape[1], p=p) for p in softmax(scores, axis=1)])


def log_loss(scores, target):
    p = softmax(np.asarray(scores, np.float64), axis=1)
    return float(-np.log(np.maximum(p[np.arange(len(target)), target], 1e-12)).mean())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_the_one_that_the_scores_were_multiplied_by(temperature):
    rng = np.random.default_rng(0)
    true = (2 * rng.standard_normal((4000, 4))).astype(np.float32)
    target = drawn(true, rng)
    scores = np.float32(temperature) * true
    found = parse("temperature").calibration(scores, target, np.ones(4000, np.float32), PRIOR)
    spread = found(scores)
    factor = np.ptp(spread, axis=1) / np.ptp(scores, axis=1)
    assert factor == pytest.approx(np.full(4000, 1 / temperature), rel=0.1)
    assert (spread.argmax(axis=1) == scores.argmax(axis=1)).all()


def test_vector_scaling_finds_factors_and_offsets_by_group():
    rng = np.random.default_rng(1)

    def rows(n):
        given_scores = (3 * rng.standard_normal((n, 4))).astype(np.float32)
        log_p = np.log(softmax(given_scores, axis=1))
        true = log_p * np.array([1, 2, 0.5, 1]) + np.array([0, 2, -1, 3])
        return given_scores, true, drawn(true, rng)

    scores, _, target = rows(6000)
    ones = np.ones(6000, np.float32)
    vector, single = (parse(s).calibration(scores, target, ones, PRIOR) for s in ("vector_scaling", "temperature"))
    scores, true, target = rows(3000)
    losses = [log_loss(s, target) for s in (true, vector(scores), single(scores), scores)]
    assert losses[1] < losses[0] + 0.02 < losses[2] < losses[3]


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9]), st.booleans(), st.integers(1, 3)), min_size=1))
def test_a_threshold_has_the_best_f1_of_all(rows):
    p, true, count = (np.array(column) for column in zip(*rows, strict=True))
    cut = _best_cut(p, true, count.astype(np.float32))
    possible = [f1_score(true, p >= c, sample_weight=count, zero_division=0.0) for c in np.unique(p)]
    assert f1_score(true, p >= cut, sample_weight=count, zero_division=0.0) == pytest.approx(max(possible))


def test_thresholds_of_groups_with_few_rows_stay_near_that_of_all():
    scores, target, count, prior = unseen_scores(Prior(np.array([300, 300, 4])), 0, 600)
    bold, shy = (
        parse(f"threshold_moving(prior_rows={rows})").calibration(scores, target, count, prior) for rows in (0, 1000)
    )
    zeros = np.zeros((1, 3), np.float32)
    assert np.ptp(shy(zeros)) < 0.6 * np.ptp(bold(zeros))


def test_isotonic_maps_are_those_of_scikit_learn():
    scores, target, count, prior = unseen_scores(PRIOR, 3, 1000)
    found = parse("isotonic(least=1)").calibration(scores, target, count, prior)
    new = unseen_scores(PRIOR, 4, 200)[0]
    before = softmax(scores.astype(np.float64), axis=1)
    mapped = np.stack(
        [
            IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
            .fit(before[:, g], target == g, sample_weight=count)
            .predict(softmax(new.astype(np.float64), axis=1)[:, g])
            for g in range(4)
        ],
        axis=1,
    )
    mixed = 0.99 * mapped / mapped.sum(axis=1, keepdims=True) + 0.01 * softmax(new.astype(np.float64), axis=1)
    np.testing.assert_allclose(softmax(found(new), axis=1), mixed, atol=1e-5)


def sample(seed=0):
    rng = np.random.default_rng(seed)
    target = np.repeat(np.arange(4), COUNTS // 2)
    vectors = rng.standard_normal((len(target), 16)).astype(np.float32) / 4
    vectors += rng.standard_normal((4, 16)).astype(np.float32)[target] / 5
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), target


def brier(scores, target):
    p = softmax(np.asarray(scores, np.float64), axis=1)
    return float(((p - np.eye(p.shape[1])[target]) ** 2).sum(axis=1).mean())


@pytest.mark.parametrize("spec", ["temperature", "vector_scaling"])
def test_confidence_that_over_sampling_broke_is_mended(spec):
    vectors, target = sample()
    half = np.arange(len(target)) % 2 == 0
    losses = {}
    for name in ("random_over", f"random_over + {spec}"):
        predict = fit_alone(vectors[half], target[half], 4, parse(name), penalty=1e-7)
        losses[name] = log_loss(predict(vectors[~half]), target[~half])
    assert losses[f"random_over + {spec}"] < 0.8 * losses["random_over"]


@pytest.mark.parametrize("spec", ["temperature", "vector_scaling", "isotonic"])
def test_scores_that_are_too_sure_become_right_more_often_than_they_are_sure(spec):
    rng = np.random.default_rng(5)
    true, new = ((2 * rng.standard_normal((n, 4))).astype(np.float32) for n in (2000, 2000))
    found = parse(spec).calibration(4 * true, drawn(true, rng), np.ones(2000, np.float32), PRIOR)
    target = drawn(new, rng)
    assert brier(found(4 * new), target) < brier(4 * new, target) - 0.03
    assert brier(found(4 * new), target) < brier(new, target) + 0.01


@pytest.mark.parametrize("spec", CALIBRATING)
def test_the_final_fit_is_calibrated_on_training_rows_that_the_search_had_left_out(spec):
    """Nothing of the tested fold, and every label of the validation fold, counts."""
    vectors, target = sample()
    fold = np.arange(len(target)) % 5
    remedy = parse(spec)

    def scores(target):
        prepared = prepare(vectors, target, fold, np.arange(len(target)))
        setting = Setting(remedy, 1e-5)
        search = Unit("search", "m", (0, 1), (Training(parse("none"), (1e-5,), (("x", setting),)),))
        random = lambda *what: np.random.default_rng(0)  # noqa: E731
        weights = fit_unit(search, prepared, None, random=random, start=None).models[0][0].weights
        training = Training(parse("none"), (1e-5,), (("x", setting),), Start("a", 0, 0, (1,)))
        final = Unit("final", "m", (0,), (training,))
        fitted = fit_unit(final, prepared, None, random=random, start=lambda _: weights)
        rows = prepared.index((0,))
        return fitted.models[0][0].scores(0, remedy), prepared.rows[rows, 1:]

    plain, _ = scores(target)
    tested = np.where(fold == 0, (target + 1) % 4, target)
    # Rows of a fold are laid out by their groups: compare them as a set.
    np.testing.assert_allclose(np.sort(plain, axis=0), np.sort(scores(tested)[0], axis=0), atol=1e-4)
    validation = np.where(fold == 1, (target + 1) % 4, target)
    assert not np.allclose(np.sort(plain, axis=0), np.sort(scores(validation)[0], axis=0), atol=1e-2)


def test_a_class_without_held_out_rows_keeps_its_chance():
    scores, target, count, prior = unseen_scores(Prior(np.array([300, 100, 1])), 0, 400)
    seen = target < 2
    found = parse("isotonic").calibration(scores[seen], target[seen], count[seen], prior)
    sure = np.array([[0.0, 0.0, 3.0]], np.float32)
    assert found(sure).argmax() == 2
    assert any("1 group has fewer than 20 held-out rows" in note for note in found.notes)


@pytest.mark.parametrize("spec", CALIBRATING)
def test_without_unseen_rows_scores_stay_and_it_is_told(spec):
    scores, target, count, prior = unseen_scores(PRIOR, 0, 5)
    found = parse(spec).calibration(scores[:0], target[:0], count[:0], prior)
    np.testing.assert_allclose(softmax(found(scores), axis=1), softmax(scores, axis=1), atol=1e-6)
    assert "stay as they are" in found.notes[0]


@pytest.mark.parametrize("spec", CALIBRATING)
def test_a_head_alone_is_calibrated_however_little_there_is(spec):
    vectors = np.array([[0.0], [1.0], [1.0]], np.float32)
    assert np.isfinite(fit_alone(vectors, np.array([0, 0, 1]), 2, parse(spec))(vectors)).all()


def test_repeated_rows_do_not_make_a_head_sure():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((150, 40)).astype(np.float32)
    target = (vectors[:, 0] + rng.standard_normal(150) > 0).astype(np.int64)
    factors = []
    for copies in (1, 5):
        given_rows = np.repeat(vectors, copies, axis=0), np.repeat(target, copies)
        plain, calibrated = (
            fit_alone(*given_rows, 2, parse(spec), penalty=1e-5)(vectors) for spec in ("none", "temperature")
        )
        factors.append(np.median(np.ptp(calibrated, axis=1) / np.ptp(plain, axis=1)))
    assert factors[0] < 0.7
    assert factors[1] == pytest.approx(factors[0], rel=0.3)


def test_temperature_in_a_study_is_that_of_the_whole_model():
    """The search uses 128 axes, and a temperature found there would be too high."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 6, 1500)
    vectors = rng.standard_normal((1500, 256)).astype(np.float32) + rng.standard_normal((6, 256))[target] / 5
    fold = np.arange(1500) % 5
    prepared = prepare(vectors.astype(np.float32), target, fold, np.arange(1500))
    setting = Setting(parse("temperature"), 1e-7)
    search = Unit("search", "m", (0, 1), (Training(parse("none"), (1e-7,), (("x", setting),)),), axes=128)
    random = lambda *what: np.random.default_rng(0)  # noqa: E731
    weights = fit_unit(search, prepared, None, random=random, start=None).models[0][0].weights
    training = Training(parse("none"), (1e-7,), (("x", setting),), Start("a", 0, 0, (1,)))
    model = fit_unit(Unit("final", "m", (0,), (training,)), prepared, None, random=random, start=lambda _: weights)
    truth = prepared.target[prepared.index((0,))]
    plain, calibrated = (model.models[0][0].scores(0, parse(spec)) for spec in ("none", "temperature"))
    best = min(log_loss(plain / t, truth) for t in np.geomspace(0.3, 30, 60))
    assert log_loss(calibrated, truth) < best + 0.005
    assert log_loss(calibrated, truth) < log_loss(plain, truth) - 0.05

"""The corrected resampled t-test: against its formula, its peers, and luck."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from evenshelf.study.resampled import fold_answers, fold_scores, resampled_test, resampled_tests

differences = st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=30).filter(lambda d: np.std(d) > 1e-6)


@given(differences)
def test_without_the_correction_it_is_the_t_test(values: list[float]) -> None:
    found = resampled_test(values, 0.0)
    peer = stats.ttest_1samp(values, 0.0)
    assert found.p == pytest.approx(peer.pvalue, abs=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(peer.confidence_interval()), abs=1e-9)


@given(differences, st.floats(0.05, 1.0), st.floats(0.0, 0.1))
def test_the_correction_widens_and_the_zone_takes_from_both_sides(
    values: list[float], ratio: float, zone: float
) -> None:
    plain, found = resampled_test(values, 0.0), resampled_test(values, ratio, zone=zone)
    assert found.p >= plain.p - 1e-12
    assert found.high - found.low >= plain.high - plain.low - 1e-12
    assert found.better + found.equivalent + found.worse == pytest.approx(1.0)
    mirrored = resampled_test([-v for v in values], ratio, zone=zone)
    assert (mirrored.better, mirrored.worse, mirrored.p) == pytest.approx((found.worse, found.better, found.p))
    sharp = resampled_test(values, ratio)
    assert sharp.equivalent == pytest.approx(0.0, abs=1e-9)
    # with a flat prior, one side of a sharp zone is the p-value of the one-sided test
    assert min(sharp.better, sharp.worse) == pytest.approx(sharp.p / 2, abs=1e-9)


def test_the_formula_of_the_paper_by_hand() -> None:
    values, ratio = np.array([0.02, 0.05, -0.01, 0.04, 0.03]), 1 / 4
    t = values.mean() / math.sqrt((1 / 5 + ratio) * values.var(ddof=1))
    assert resampled_test(values, ratio).p == pytest.approx(2 * stats.t.sf(t, 4))


@given(st.lists(st.integers(1, 40), min_size=3, max_size=10), st.floats(0.05, 1.0), st.floats(0.0, 0.1))
def test_folds_that_are_alike_are_no_surer_than_their_answers(answers: list[int], ratio: float, zone: float) -> None:
    """Every answer counts for the remedy, and all folds differ alike: luck, if there are few."""
    effect = 0.01
    found = resampled_test([effect] * len(answers), ratio, answers=answers, zone=zone)
    width = effect * math.sqrt((1 / len(answers) + ratio) * np.mean([1 / k for k in answers]))
    assert found.p == pytest.approx(2 * stats.t.sf(effect / width, len(answers) - 1))
    assert found.low <= found.diff <= found.high
    assert found.better + found.equivalent + found.worse == pytest.approx(1.0)
    more = resampled_test([effect] * len(answers), ratio, answers=[2 * k for k in answers], zone=zone)
    assert more.p < found.p


def test_nearly_equal_folds_are_no_surer_than_equal_ones() -> None:
    equal = resampled_test([0.01] * 5, 0.25, answers=[1] * 5)
    nearly = resampled_test([0.01, 0.01, 0.01, 0.01, 0.0101], 0.25, answers=[1] * 5)
    assert nearly.p == pytest.approx(equal.p, rel=0.01)
    assert equal.p > 0.0625, "five answers of one sign are luck in 2 of 32 cases"


def test_differences_that_rest_on_many_answers_are_tested_by_their_variance() -> None:
    values = [0.02, 0.05, -0.01, 0.04, 0.03]
    assert resampled_test(values, 0.25, answers=[400] * 5) == resampled_test(values, 0.25)


def test_answers_are_counted_fold_by_fold() -> None:
    fold = np.array([0, 0, 1, 1, -1, 2])
    found = fold_answers(np.array([1, 2, 3, 4, 5, 6]), np.array([1, 0, 0, 0, 0, 6]), fold)
    assert found.tolist() == [1, 2, 0]


def test_folds_without_a_difference_are_the_same_and_one_fold_tells_nothing() -> None:
    same = resampled_test([0.0] * 5, 0.25, zone=0.01)
    assert (same.p, same.equivalent, same.low, same.high) == (1.0, 1.0, 0.0, 0.0)
    assert math.isnan(resampled_test([0.03], 0.25).p)
    assert resampled_test([0.03, math.nan, 0.01], 0.25).folds == 2


def test_training_sets_that_overlap_are_allowed_for() -> None:
    """Draws of a classifier with no true difference, whose folds share training rows: the plain test finds too much."""
    rng = np.random.default_rng(0)
    plain = corrected = 0
    repeats = 400
    for _ in range(repeats):
        # correlation 1 / K between folds is what the correction supposes
        shared, own = rng.normal(0, math.sqrt(0.1)), rng.normal(0, math.sqrt(0.9), 10)
        values = 0.01 * (shared + own)
        plain += resampled_test(values, 0.0).p < 0.05
        corrected += resampled_test(values, 1 / 9).p < 0.05
    assert corrected <= stats.binom.ppf(0.999, repeats, 0.05)
    assert plain > stats.binom.ppf(0.999, repeats, 0.05)


def test_scores_of_folds_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y, predicted, fold = rng.integers(0, 6, 300), rng.integers(0, 6, 300), rng.integers(-1, 4, 300)
    buckets = np.array(["head", "head", "torso", "torso", "tail", "cold"])
    for number, value in enumerate(fold_scores(y, predicted, fold, buckets, "macro_f1")):
        rows = fold == number
        present = np.unique(y[rows])
        assert value == pytest.approx(f1_score(y[rows], predicted[rows], labels=present, average="macro"))
    assert fold_scores(y, predicted, fold, buckets, "accuracy")[0] == (y == predicted)[fold == 0].mean()
    tail = fold_scores(y, predicted, fold, buckets, "tail_f1")
    assert tail[2] == pytest.approx(f1_score(y[fold == 2], predicted[fold == 2], labels=[4], average="macro"))


@pytest.mark.filterwarnings("error")
def test_folds_in_which_nothing_is_asked_are_left_out_with_their_answers() -> None:
    y, predicted = np.array([-1, 0, 0, 0]), np.array([0, 0, 0, -1])
    scores = fold_scores(y, predicted, np.array([0, 1, 1, 2]), np.array(["head"]), "accuracy")
    assert scores.tolist() == pytest.approx([math.nan, 1.0, 0.0], nan_ok=True)
    given = resampled_test([math.nan, 0.02, 0.02, math.nan, 0.02], 0.25, answers=[900, 1, 2, 900, 3])
    assert given == resampled_test([0.02] * 3, 0.25, answers=[1, 2, 3])
    assert resampled_test([math.nan] * 4, 0.25, answers=[1] * 4).folds == 0


def test_yardsticks_are_not_corrected_for() -> None:
    rng = np.random.default_rng(2)
    scores = {name: 0.5 + 0.01 * rng.random(5) for name in ("none", "a", "b", "words")}
    answers = dict.fromkeys(scores, np.full(len(scores["none"]), 50))
    found = {t.spec: t for t in resampled_tests(scores, "none", 0.25, answers=answers, zone=0.01, rivals=["a", "b"])}
    assert set(found) == {"a", "b", "words"}
    assert math.isnan(found["words"].p_holm)
    low, high = sorted((found["a"], found["b"]), key=lambda t: t.p)
    assert low.p_holm == pytest.approx(min(1.0, 2 * low.p))
    assert high.p_holm >= high.p

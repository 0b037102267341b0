"""Differences and their intervals, against other ways to compute them and against what was planted."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from evenshelf.errors import MissingExtraError, SettingError
from evenshelf.experiments.correction import corrected
from evenshelf.experiments.effects import always_valid, effect
from evenshelf.experiments.placebos import placebo
from evenshelf.experiments.power import power_of
from evenshelf.study.statistics import holm


def clicks(count: int, rate: float = 0.2, seed: int = 0) -> np.ndarray:
    """``[count, 4]`` clicks and impressions after and before, of users who differ."""
    rng = np.random.default_rng(seed)
    taste, habit = rng.beta(2, 8, count) * rate / 0.2, rng.gamma(2, 8, count)
    shown, before = rng.poisson(habit) + 1, rng.poisson(habit)
    return np.column_stack([rng.binomial(shown, taste), shown, rng.binomial(before, taste), before]).astype(float)


@given(seed=st.integers(0, 10_000))
def test_a_mean_of_units_is_the_t_test_of_welch(seed):
    rng = np.random.default_rng(seed)
    sides = [np.column_stack([rng.gamma(2, size=n), np.ones(n)]) for n in (30, 50)]
    found, known = effect(*sides, alpha=0.1), ttest_ind(sides[1][:, 0], sides[0][:, 0], equal_var=False)
    interval = known.confidence_interval(0.9)
    assert found.p == pytest.approx(known.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.difference / found.error == pytest.approx(known.statistic)


@given(seed=st.integers(0, 10_000))
def test_cuped_of_a_mean_is_what_the_formula_says(seed):
    rng = np.random.default_rng(seed)
    before = rng.gamma(2, size=80)
    after = before + rng.normal(size=80)
    values, ones = np.column_stack([after, before]), np.ones(80)
    slope = np.cov(values, rowvar=False)[0, 1] / before.var(ddof=1)
    flat = after - slope * (before - before.mean())
    whole = np.column_stack([after, ones, before, ones])
    found, known = effect(whole[:40], whole[40:], alpha=0.05), ttest_ind(flat[40:], flat[:40], equal_var=False)
    assert found.difference == pytest.approx(flat[40:].mean() - flat[:40].mean())
    # the variance is taken around the slope of both, which a sum over each side has as well
    assert found.p == pytest.approx(known.pvalue, rel=1e-6)


def test_the_error_of_a_ratio_is_that_of_a_bootstrap_over_units():
    values, rng = clicks(1200)[:, :2], np.random.default_rng(1)
    found = effect(values[:600], values[600:], alpha=0.05)
    draws = []
    for _ in range(600):
        sides = [side[rng.integers(600, size=600)] for side in (values[:600], values[600:])]
        rates = [side[:, 0].sum() / side[:, 1].sum() for side in sides]
        draws.append((rates[1] - rates[0], np.log(rates[1] / rates[0])))
    error, log_error = np.std(draws, axis=0)
    assert found.error == pytest.approx(error, rel=0.1)
    assert found.log_error == pytest.approx(log_error, rel=0.1)
    naive = np.sqrt(sum(p * (1 - p) / n for p, n in ((found.control, values[:600, 1].sum()),) * 2))
    assert found.error > 1.3 * naive, "events of one user are not draws of their own"


def test_what_was_before_makes_intervals_narrower_and_moves_nothing():
    values = clicks(4000)
    plain, adjusted = (effect(values[:2000, :k], values[2000:, :k], alpha=0.05) for k in (2, 4))
    assert adjusted.error < 0.85 * plain.error
    assert adjusted.saved == pytest.approx(1 - (adjusted.error / plain.error) ** 2)
    assert abs(adjusted.difference) < 4 * adjusted.error


def test_false_alarms_are_as_rare_as_they_claim_and_intervals_cover():
    for columns in (2, 4):
        found = placebo(clicks(400)[:, :columns], runs=400)
        assert found.low < 0.05 < found.high
        assert 0.92 < found.covered < 0.98


def test_looking_again_and_again_needs_an_interval_that_holds_at_every_look():
    values = clicks(600)[:, :2]
    settings = {"runs": 80, "looks": 8, "seed": 3}
    naive, valid = placebo(values, **settings), placebo(values, **settings, sequential=True, planned=600)
    assert naive.low > 0.05, "eight looks at a test for one"
    assert valid.rate <= 0.05
    assert valid.covered >= 0.95


@given(units=st.integers(50, 10**6), planned=st.integers(50, 10**6), alpha=st.floats(0.001, 0.2))
def test_an_always_valid_p_value_and_its_interval_say_the_same(units, planned, alpha):
    values = clicks(200, seed=units % 7)
    plain = effect(values[:100], values[100:] * [1.3, 1, 1, 1], alpha=alpha)
    found = always_valid(plain, units, alpha=alpha, planned=planned)
    assert found.low < plain.low < plain.high < found.high
    # the interval is made of the constant for alpha: p below alpha just where it leaves out zero
    assert (found.p < alpha) == (not found.low <= 0 <= found.high)
    assert found.relative_low < plain.relative_low < plain.relative_high < found.relative_high


def test_a_confidence_sequence_is_narrowest_relative_to_the_error_near_what_was_planned():
    values = clicks(200)
    plain = effect(values[:100], values[100:], alpha=0.05)
    widths = {}
    for units in (100, 1000, 10_000):
        at = {planned: always_valid(plain, units, alpha=0.05, planned=planned) for planned in (100, 1000, 10_000)}
        widths[units] = {planned: found.high - found.low for planned, found in at.items()}
    assert all(min(row, key=row.get) == units for units, row in widths.items())


def test_what_cannot_be_told_is_not_told():
    values = clicks(40)
    nothing_shown = effect(values[:20] * [1, 0, 1, 1], values[20:], alpha=0.05)
    assert np.isnan(nothing_shown.p)
    assert np.isnan(nothing_shown.difference)
    all_equal = effect(np.ones((20, 2)), np.ones((20, 2)), alpha=0.05)
    assert all_equal.difference == 0
    assert np.isnan(all_equal.p)
    no_click = effect(values[:20, :2] * [0, 1], values[20:, :2], alpha=0.05)
    assert no_click.difference > 0
    assert np.isfinite(no_click.p)
    assert np.isnan(no_click.relative)
    lost = effect(values[:20, :2], values[20:, :2] * [0, 1], alpha=0.05)
    assert lost.relative == -1
    assert np.isnan(lost.relative_low)


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=12), lost=st.integers(0, 3))
def test_corrections_are_the_known_ones_and_pass_over_what_is_not_known(p, lost):
    given_p = [*p, *[float("nan")] * lost]
    found = corrected(given_p, "holm")
    assert found[: len(p)] == pytest.approx(list(holm(p)))
    assert np.isnan(found[len(p) :]).all()
    fdr = corrected(given_p, "fdr")[: len(p)]
    order = np.argsort(p, kind="stable")
    scaled = np.asarray(p)[order] * len(p) / np.arange(1, len(p) + 1)
    by_hand = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    assert np.asarray(fdr)[order] == pytest.approx(by_hand)
    assert all(a <= b + 1e-12 <= c + 2e-12 for a, b, c in zip(p, fdr, found, strict=False))


def test_an_unknown_correction_is_refused():
    with pytest.raises(SettingError, match="holm"):
        corrected([0.5], "bonferroni")  # type: ignore[arg-type]


def test_planted_effects_are_found_as_often_as_power_says():
    values = clicks(700)[:, :2]
    said = power_of(values, units=700, relative=0.12, alpha=0.05, power=0.8)
    rng, hits, runs = np.random.default_rng(5), 0, 250
    for _ in range(runs):
        sample = values[rng.integers(700, size=700)]
        treated = rng.random(700) < 0.5
        # clicks that come on top, as many as the relative effect says
        sample[treated, 0] += rng.poisson(0.12 * sample[treated, 0])
        hits += effect(sample[~treated], sample[treated], alpha=0.05).p < 0.05
    assert hits / runs == pytest.approx(said.reached, abs=3 * np.sqrt(0.25 / runs))
    again = power_of(values, units=int(said.needed), relative=0.12, alpha=0.05, power=0.8)
    assert again.reached == pytest.approx(0.8, abs=0.01)
    assert again.detectable == pytest.approx(0.12, rel=0.01)


def test_without_tea_tasting_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tea_tasting", None)
    with pytest.raises(MissingExtraError, match=r"evenshelf\[experiments\]"):
        effect(clicks(20), clicks(20), alpha=0.05)


def test_power_of_what_never_happens_is_not_known():
    assert np.isnan(power_of(np.tile([0.0, 1.0], (50, 1)), units=50, relative=0.1, alpha=0.05, power=0.8).needed)

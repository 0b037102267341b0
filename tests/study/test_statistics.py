from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from evenshelf.errors import InputError, SettingError
from evenshelf.study.statistics import METRICS, holm, paired_bootstrap


def data(rng: np.random.Generator, n: int = 300, classes: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    share = 1 / np.arange(1, classes + 1)
    y = rng.choice(classes, n, p=share / share.sum())
    buckets = np.where(np.arange(classes) < 2, "head", np.where(np.arange(classes) < 6, "torso", "tail"))
    return y, rng.integers(0, n // 2, n), buckets


def noisy(rng: np.random.Generator, y: np.ndarray, rate: float, classes: int = 12) -> np.ndarray:
    return np.where(rng.random(len(y)) < rate, rng.integers(0, classes, len(y)), y)


def test_draws_equal_scoring_the_repeated_rows() -> None:
    """Every draw is what scikit-learn says of the rows written out as often as they were drawn."""
    rng = np.random.default_rng(3)
    y, group, buckets = data(rng)
    predictions = {"a": noisy(rng, y, 0.2), "b": noisy(rng, y, 0.3)}
    boot = paired_bootstrap(y, group, predictions, buckets, replicates=70, seed=9)  # more than one block

    unique, cluster = np.unique(group, return_inverse=True)
    draws = np.random.default_rng(9)
    for b in range(70):
        weight = np.bincount(draws.integers(len(unique), size=len(unique)), minlength=len(unique))[cluster]
        rows = np.repeat(np.arange(len(y)), weight)
        for r, codes in enumerate(predictions.values()):
            t, p = y[rows], codes[rows]
            expected = [
                f1_score(t, p, labels=labels, average="macro", zero_division=0) if len(labels) else np.nan
                for labels in (
                    np.unique(t),
                    *(
                        np.intersect1d(np.unique(t), np.flatnonzero(buckets == name))
                        for name in ("head", "torso", "tail")
                    ),
                )
            ]
            np.testing.assert_allclose(boot.draws[r, :, b], [*expected, accuracy_score(t, p)], rtol=1e-5)


def test_observed_is_the_plain_score() -> None:
    rng = np.random.default_rng(0)
    y, group, buckets = data(rng)
    guess = noisy(rng, y, 0.25)
    boot = paired_bootstrap(y, group, {"a": guess}, buckets, replicates=2)
    expected = f1_score(y, guess, labels=np.unique(y), average="macro", zero_division=0)
    assert boot.observed[0, METRICS.index("macro_f1")] == pytest.approx(expected, abs=1e-6)


def test_draws_depend_on_the_seed_alone() -> None:
    rng = np.random.default_rng(1)
    y, group, buckets = data(rng)
    a, b = noisy(rng, y, 0.2), noisy(rng, y, 0.1)
    one = paired_bootstrap(y, group, {"a": a, "b": b}, buckets, replicates=50, seed=4)
    two = paired_bootstrap(y, group * 7 + 3, {"b": b, "a": a}, buckets, replicates=50, seed=4)
    other = paired_bootstrap(y, group, {"a": a, "b": b}, buckets, replicates=50, seed=5)
    assert one.difference("a", "b", "tail_f1").p == two.difference("a", "b", "tail_f1").p
    np.testing.assert_allclose(one.draws[0], two.draws[1], rtol=1e-6)
    assert not np.allclose(one.draws, other.draws, equal_nan=True)


def test_identical_predictions_have_no_difference() -> None:
    rng = np.random.default_rng(1)
    y, group, buckets = data(rng)
    a = noisy(rng, y, 0.2)
    found = paired_bootstrap(y, group, {"a": a, "b": a.copy()}, buckets, replicates=99).difference("a", "b", "macro_f1")
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_p_is_never_below_one_over_draws_plus_one() -> None:
    rng = np.random.default_rng(1)
    y, group, buckets = data(rng, n=2000)
    boot = paired_bootstrap(y, group, {"a": y, "b": noisy(rng, y, 0.9)}, buckets, replicates=99)
    assert boot.difference("a", "b", "macro_f1").p == pytest.approx(1 / 100)


def test_bucket_without_classes_has_no_interval() -> None:
    rng = np.random.default_rng(1)
    y, group, _ = data(rng)
    boot = paired_bootstrap(y, group, {"a": y, "b": noisy(rng, y, 0.5)}, np.full(12, "head"), replicates=9)
    found = boot.difference("a", "b", "tail_f1")
    assert np.isnan([found.value, found.low, found.high, found.p]).all()


def test_loss_is_the_share_of_each_draw_that_is_gone() -> None:
    rng = np.random.default_rng(8)
    y, group, buckets = data(rng)
    guesses = {"base": noisy(rng, y, 0.1), "worse": noisy(rng, y, 0.5), "hopeless": np.full_like(y, 11)}
    boot = paired_bootstrap(y, group, guesses, buckets, replicates=200)
    base, worse = boot.draws[:2, METRICS.index("head_f1")]
    lost = boot.loss("worse", "base", "head_f1")
    assert lost.value == pytest.approx(1 - boot.observed[1, 1] / boot.observed[0, 1])
    assert (lost.low, lost.high) == pytest.approx(tuple(np.quantile(1 - worse / base, [0.025, 0.975])))
    assert 0 < lost.low < lost.value < lost.high < 1
    assert boot.loss("base", "worse", "head_f1").high < 0  # a gain
    assert boot.loss("hopeless", "base", "head_f1").value == 1
    assert boot.loss("base", "hopeless", "head_f1").value == 0  # where nothing was right, nothing can be lost
    nobody = paired_bootstrap(y, group, guesses, np.full(12, "torso"), replicates=5)
    assert np.isnan(nobody.loss("worse", "base", "head_f1").value)


def test_rare_class_drops_out_of_both_sides() -> None:
    """One row of the only tail class: a draw without it says nothing, for either side."""
    y = np.array([0] * 30 + [1])
    boot = paired_bootstrap(y, np.arange(31), {"a": y, "b": np.zeros(31, int)}, ["head", "tail"], replicates=200)
    tail = boot.draws[:, METRICS.index("tail_f1")]
    assert 0 < np.isnan(tail[0]).mean() < 1
    np.testing.assert_array_equal(np.isnan(tail[0]), np.isnan(tail[1]))
    assert np.nanmin(tail[0]) == 1


def test_clusters_widen_the_interval() -> None:
    """Ten copies of every row under one title are one piece of evidence, not ten."""
    rng = np.random.default_rng(2)
    y, _, buckets = data(rng, n=200)
    a, b = noisy(rng, y, 0.3), noisy(rng, y, 0.3)
    y10, a10, b10, title = (np.repeat(x, 10) for x in (y, a, b, np.arange(200)))
    apart = paired_bootstrap(y10, np.arange(2000), {"a": a10, "b": b10}, buckets, replicates=300)
    together = paired_bootstrap(y10, title, {"a": a10, "b": b10}, buckets, replicates=300)
    narrow, wide = (x.difference("a", "b", "accuracy") for x in (apart, together))
    assert (wide.high - wide.low) > 2 * (narrow.high - narrow.low)


def test_intervals_cover_and_the_test_keeps_its_level() -> None:
    """Small simulation with clusters: about 95 % cover the true difference; without one, about 5 % are rejected."""
    rng = np.random.default_rng(11)
    classes, n, repeats = 10, 600, 120
    share = 1 / np.arange(1, classes + 1)
    share /= share.sum()
    buckets = np.where(np.arange(classes) < 3, "head", "tail")
    title = np.repeat(np.arange(n // 2), 2)

    def sample(accuracy: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        y = np.repeat(rng.choice(classes, n // 2, p=share), 2)
        luck, wrong = np.repeat(rng.random(n // 2), 2), rng.choice(classes, n, p=share)
        other = np.where(np.repeat(rng.random(n // 2), 2) < 0.8, luck, np.repeat(rng.random(n // 2), 2))
        return y, {"a": np.where(luck < 0.8, y, wrong), "b": np.where(other < accuracy, y, wrong)}

    for accuracy in (0.8, 0.86):
        truth = np.mean(
            [
                np.subtract(*paired_bootstrap(y, title, p, buckets, replicates=1).observed[::-1])
                for y, p in (sample(accuracy) for _ in range(600))
            ],
            axis=0,
        )[METRICS.index("macro_f1")]
        found = [
            paired_bootstrap(y, title, p, buckets, replicates=199, seed=s).difference("b", "a", "macro_f1")
            for s, (y, p) in enumerate(sample(accuracy) for _ in range(repeats))
        ]
        covered = np.mean([e.low <= truth <= e.high for e in found])
        assert 0.88 <= covered <= 0.995
        rejected = np.mean([e.p <= 0.05 for e in found])
        if accuracy == 0.8:
            assert rejected <= 0.11
        else:
            assert rejected > 0.5


@given(st.lists(st.floats(0, 1), max_size=30))
@settings(max_examples=60, deadline=None)
def test_holm_equals_the_step_down_procedure(p: list[float]) -> None:
    """The corrected value is the smallest level at which the sequential procedure rejects."""
    corrected = holm(p)
    order = sorted(range(len(p)), key=lambda i: p[i])
    for level in (0.01, 0.05, 0.2, 0.7):
        rejected = set()
        for step, i in enumerate(order):
            if p[i] * (len(p) - step) > level:
                break
            rejected.add(i)
        assert {i for i in range(len(p)) if corrected[i] <= level} == rejected
    assert np.all(corrected >= np.asarray(p) * (1 - 1e-12)) if p else len(corrected) == 0


def test_holm_textbook() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_bad_input_is_refused_with_all_faults() -> None:
    with pytest.raises(InputError, match=r"a has 2 entries, y has 3.*b holds codes from 0 to 9"):
        paired_bootstrap([0, 1, 1], [0, 1, 2], {"a": [0, 1], "b": [0, 1, 9]}, ["head", "tail"])
    with pytest.raises(SettingError, match="replicates"):
        paired_bootstrap([0], [0], {"a": [0]}, ["head"], replicates=0)
    boot = paired_bootstrap([0], [0], {"a": [0]}, ["head"], replicates=1)
    with pytest.raises(SettingError, match="not a metric"):
        boot.interval("a", "nll")
    with pytest.raises(InputError, match="p-values"):
        holm([0.5, float("nan")])


@pytest.mark.parametrize("differing", [1, 2, 3, 5])
def test_a_few_groups_are_no_evidence_however_often_they_are_drawn(differing: int) -> None:
    y = np.array([0] * 60 + [1] * 60)
    group = np.repeat(np.arange(12), 10)
    base, better = y.copy(), y.copy()
    base[group < differing] = 1 - y[group < differing]
    found = paired_bootstrap(y, group, {"none": base, "remedy": better}, np.array(["head", "tail"]), replicates=500)
    assert found.difference("remedy", "none", "accuracy").p >= 2.0 ** (1 - differing)

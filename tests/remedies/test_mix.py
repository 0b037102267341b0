"""Blends of rows: who is blended with whom, and whose label the blend has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.remedies import Prior, parse

COUNTS = (200, 60, 12, 3)


def made(spec, counts=COUNTS, seed=0):
    target = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    vectors = np.random.default_rng(2).standard_normal((len(target), 3)).astype(np.float32)
    prior = Prior(np.bincount(target, minlength=len(counts)))
    return parse(spec).resample(vectors, target, prior, np.random.default_rng(seed)), target


@given(st.sampled_from([1.0, 3.0, 10.0]), st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]), st.integers(0, 99))
def test_remix_labels_blends_by_the_rule_of_the_paper(kappa, tau, seed):
    rows, target = made(f"remix(alpha=1.0, kappa={kappa}, tau={tau})", seed=seed)
    for first, second, step, share in zip(rows.first, rows.second, rows.step, rows.share, strict=True):
        # Equation 4, of the two rows as (i, j) with lambda = 1 - step: how much of the label i keeps.
        i, j = COUNTS[target[first]], COUNTS[target[second]]
        lam = np.float32(1.0) - step
        kept = {0.0} if i / j >= kappa and lam < tau else {1.0} if i / j <= 1 / kappa and 1 - lam < tau else {lam}
        if i == j and kappa == 1.0:
            kept |= {0.0, 1.0, lam}  # both conditions may hold: the groups are the same
        assert any(1 - share == pytest.approx(k) for k in kept)


def test_remix_with_a_kappa_that_nothing_reaches_is_mixup():
    remix, mixup = (made(spec)[0] for spec in ("remix(alpha=1.0, kappa=1000.0)", "mixup(alpha=1.0)"))
    for field in ("first", "second", "step", "target", "other", "share"):
        np.testing.assert_array_equal(getattr(remix, field), getattr(mixup, field))


def test_rare_groups_have_more_of_the_labels_with_remix_and_balanced_mixup():
    def weight_of_rarest(spec):
        rows, _ = made(spec)
        return float(((rows.target == 3) * (1 - rows.share) + (rows.other == 3) * rows.share).sum())

    mixup, remix, balanced = (weight_of_rarest(f"{s}(alpha=1.0)") for s in ("mixup", "remix", "balanced_mixup"))
    assert mixup < remix
    assert 10 * mixup < balanced


def test_balanced_mixup_draws_groups_alike_and_rows_of_a_group_alike():
    groups, rows_of_largest = np.zeros(4), np.zeros(sum(COUNTS))
    for seed in range(60):
        rows, target = made("balanced_mixup", seed=seed)
        assert (rows.first == np.arange(len(target))).all()
        assert (rows.other == target[rows.second]).all()
        np.testing.assert_array_equal(rows.share, rows.step)
        groups += np.bincount(rows.other, minlength=4)
        rows_of_largest += np.bincount(rows.second, minlength=len(target))
    assert groups / groups.sum() == pytest.approx(np.full(4, 0.25), abs=0.02)
    _, target = made("balanced_mixup")
    drawn = rows_of_largest[target == 0]
    assert drawn.min() > 0.3 * drawn.mean()
    assert drawn.max() < 2.0 * drawn.mean()


@pytest.mark.parametrize("spec", ["balanced_mixup(alpha=0.1)", "balanced_mixup(alpha=1.0)"])
def test_the_part_of_the_drawn_row_is_that_of_its_distribution(spec):
    alpha = parse(spec).alpha
    steps = np.concatenate([made(spec, seed=seed)[0].step for seed in range(30)])
    assert steps.mean() == pytest.approx(alpha / (alpha + 1), abs=0.02)

"""The copy test fires on what copies, on what is elsewhere, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from evenshelf.remedies.memorisation import CopyTest, copy_test

COUNTS = (150, 60, 25, 2, 1)
GROUP = np.repeat(np.arange(5), COUNTS)
CENTRES = 3.0 * np.random.default_rng(9).standard_normal((5, 6))


def drawn(group: NDArray[np.int64], seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    spread = 0.2 + np.arange(5)[group, None]  # groups differ in how far their rows lie apart
    return (CENTRES[group] + spread * rng.standard_normal((len(group), 6))).astype(np.float32)


def judged(made: NDArray[np.float32], of: NDArray[np.int64] = GROUP) -> CopyTest:
    return copy_test(made, of, drawn(GROUP, 0), GROUP, np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(1, 6))
def test_rows_of_the_same_distribution_pass(seed: int) -> None:
    found = judged(drawn(GROUP, seed))
    assert abs(found.z) < 3.5
    assert 0.85 < found.ratio < 1.2
    assert found.copies.mean() < 0.05
    assert found.judgement == "like the data"


@pytest.mark.parametrize("noise", [0.0, 1e-3, 0.05])
def test_copies_are_found_one_by_one(noise: float) -> None:
    given, fresh = drawn(GROUP, 0), drawn(GROUP, 1)
    rng = np.random.default_rng(3)
    copied = np.arange(len(GROUP)) % 2 == 0
    near = given + np.float32(noise * 0.2) * rng.standard_normal(given.shape).astype(np.float32)
    found = judged(np.where(copied[:, None], near, fresh))
    assert found.copies[copied].all()
    assert found.copies[~copied].mean() < 0.05
    assert found.judgement == "copies"


def test_a_generator_that_copies_is_far_below_zero() -> None:
    given = drawn(GROUP, 0)
    found = judged(given)
    assert found.z < -10
    assert found.ratio < 0.2


def test_rows_that_are_too_near_but_no_copies_are_told() -> None:
    given = drawn(GROUP, 0)
    order = np.concatenate([np.roll(np.flatnonzero(g == GROUP), 1) for g in range(5)])
    # a third of the way to another row: nearer than rows are, farther than a copy
    found = judged(np.float32(0.67) * given + np.float32(0.33) * given[order])
    big = GROUP < 3
    assert found.copies[big].mean() < 0.1
    assert found.z < -3
    assert found.judgement == "too near"


def test_rows_that_are_elsewhere_are_told() -> None:
    far = drawn(GROUP, 1) + np.float32(20.0)
    found = judged(far)
    assert found.z > 10
    assert not found.copies.any()
    assert found.judgement == "unlike the data"


def test_a_group_of_one_row_is_judged_by_what_others_have_between_them() -> None:
    given = drawn(GROUP, 0)
    alone = given[GROUP == 4]
    made = np.concatenate([drawn(GROUP, 1), alone, alone + np.float32(100.0)])
    found = judged(made, np.concatenate([GROUP, [4, 4]]))
    assert found.copies[-2:].tolist() == [True, False]


def test_where_no_group_has_two_rows_only_equal_ones_are_copies() -> None:
    given = np.eye(3, dtype=np.float32)
    made = np.array([[1, 0, 0], [0, 0.5, 0], [0, 0, 2]], np.float32)
    found = copy_test(made, np.arange(3), given, np.arange(3), np.random.default_rng(0))
    assert found.copies.tolist() == [True, False, False]
    assert np.isnan(found.ratio)
    assert found.z == 0.0


@pytest.mark.parametrize("equal", [4, 9, 10])
def test_rows_that_are_equal_in_the_given_axes_leave_the_others_to_judge_by(equal: int) -> None:
    rng = np.random.default_rng(0)
    given = rng.standard_normal((10, 3)).astype(np.float32)
    given[:equal] = given[0]
    made = np.concatenate([given[:1], rng.standard_normal((20, 3)).astype(np.float32)])
    with np.errstate(all="raise"):
        found = copy_test(made, np.zeros(21, np.int64), given, np.zeros(10, np.int64), np.random.default_rng(0))
    assert found.copies.tolist() == [True] + [False] * 20
    assert np.isfinite(found.ratio) == (equal < 10)


def test_the_score_is_that_of_scipy_for_one_group() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    given, made = (rng.standard_normal((n, 3)).astype(np.float32) for n in (500, 400))
    found = copy_test(made, np.zeros(400, np.int64), given, np.zeros(500, np.int64), np.random.default_rng(0))

    def nearest(rows: NDArray[np.float32], own: bool) -> NDArray[np.float64]:
        apart = np.linalg.norm(rows[:, None].astype(np.float64) - given, axis=2)
        return np.sort(apart, axis=1)[:, 1 if own else 0]

    theirs = stats.mannwhitneyu(
        nearest(made, own=False), nearest(given, own=True), use_continuity=False, method="asymptotic"
    )
    score = (theirs.statistic - 400 * 500 / 2) / np.sqrt(400 * 500 * 901 / 12)
    # but for the one row in 500 that is left out
    assert found.z == pytest.approx(score, abs=0.3)

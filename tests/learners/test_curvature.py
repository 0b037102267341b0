"""The curvature that steps are measured with is the inverse that it says, whatever the blocks of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.learners.curvature import Curvature, Diagonal


def head(seed: int, rows: int, axes: int, classes: int):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(rows, axes + 1)).astype(np.float32)
    vectors[:, 0] = 1.0
    p = rng.dirichlet(np.full(classes, 0.3), rows)
    doubt = (p * (1 - p) * rng.uniform(0.5, 2.0, (rows, 1)) / rows).astype(np.float32)
    penalty = np.full((axes + 1, 1), 1e-3, np.float32)
    penalty[0] = 0.0
    gradient = rng.normal(size=(axes + 1, classes)).astype(np.float32)
    return vectors, doubt, penalty, gradient


def dense(vectors, doubt, penalty, kept):
    """The matrix of one class, in double precision: the rows kept, and a diagonal for the others."""
    vectors, doubt = vectors.astype(np.float64), doubt.astype(np.float64)
    chosen = np.argsort(-doubt)[:kept]
    whole = (vectors**2).T @ doubt
    rest = whole - (vectors[chosen] ** 2).T @ doubt[chosen]
    return (vectors[chosen].T * doubt[chosen]) @ vectors[chosen] + np.diag(
        np.maximum(rest, 1e-3 * whole) + penalty[:, 0] + 1e-12
    )


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(1, 60),
    axes=st.integers(1, 12),
    classes=st.integers(2, 5),
    kept=st.integers(1, 80),
)
def test_it_solves_the_system_of_each_class(seed: int, rows: int, axes: int, classes: int, kept: int) -> None:
    vectors, doubt, penalty, gradient = head(seed, rows, axes, classes)
    found = Curvature([vectors], doubt, penalty, np.zeros(classes, bool), kept).solve(gradient)
    for c in range(classes):
        matrix = dense(vectors, doubt[:, c], penalty, kept)
        # in float32, and nearly singular where all rows are kept
        np.testing.assert_allclose(matrix @ found[:, c], gradient[:, c], atol=0.05 * np.abs(gradient[:, c]).max())


@pytest.mark.parametrize("cut", [1, 17, 39])
def test_blocks_make_no_difference(cut: int) -> None:
    vectors, doubt, penalty, gradient = head(0, 40, 6, 4)
    none = np.zeros(4, bool)
    one = Curvature([vectors], doubt, penalty, none, 8).solve(gradient)
    two = Curvature([vectors[:cut], vectors[cut:]], doubt, penalty, none, 8).solve(gradient)
    np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-4)


def test_frozen_classes_do_not_move_and_the_others_go_downhill() -> None:
    vectors, doubt, penalty, gradient = head(1, 50, 5, 4)
    frozen = np.array([False, True, False, False])
    for inverse in (Curvature([vectors], doubt, penalty, frozen, 10), Diagonal(np.ones((6, 4)), frozen)):
        found = inverse.solve(gradient)
        assert (found[:, 1] == 0).all()
        assert ((found * gradient).sum(axis=0)[~frozen] > 0).all()


def test_a_class_that_no_row_doubts_is_left_to_the_penalty() -> None:
    vectors, doubt, penalty, gradient = head(2, 30, 4, 3)
    doubt[:, 2] = 0.0
    found = Curvature([vectors], doubt, penalty, np.zeros(3, bool), 5).solve(gradient)
    np.testing.assert_allclose(found[1:, 2], gradient[1:, 2] / penalty[1:, 0], rtol=1e-3)
    assert np.isfinite(found).all()

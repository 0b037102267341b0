"""What every loss promises: a finite value, its true gradient, and nothing but sums over rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.remedies import Loss
from evenshelf.testing.check import EXAMPLES, Check, gather, locked, run_all
from evenshelf.testing.strategies import scored_rows

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

STEP = 0.03
EXTREME = 1e4
"""Scores of this size are met in training: absent classes are kept out by a bias of minus ten thousand."""


@dataclass(frozen=True)
class _Subject:
    loss: Loss
    groups: int

    def __call__(self, scores: Floats, target: Codes, weight: Floats) -> tuple[float, Floats]:
        """Value and gradient, on copies that are protected where the contract says so."""
        value, gradient = self.loss.value_and_gradient(
            np.array(scores, np.float32), locked(target), locked(np.asarray(weight, np.float32))
        )
        return value, np.array(gradient)


def loss_checks(loss: Loss, groups: int, name: str | None = None) -> list[Check]:
    """Checks of a loss over `groups` groups.

    Parameters
    ----------
    loss
        The loss, ready for so many groups.
    groups
        At least 2.
    name
        What to call it; by default the name of its class.
    """
    return gather(
        name or type(loss).__name__,
        gives_a_number_and_a_gradient_of_the_shape_of_the_scores,
        gradient_is_that_of_the_value,
        is_finite_at_extreme_scores,
        is_a_weighted_sum_over_rows,
        does_not_care_for_a_shift_of_all_scores,
        class_weights_are_positive,
        of=_Subject(loss, groups),
    )


def check_loss(loss: Loss, groups: int) -> None:
    """Run :func:`loss_checks`; raise ``AssertionError`` (or a group of errors) if any fails."""
    run_all(loss_checks(loss, groups))


def gives_a_number_and_a_gradient_of_the_shape_of_the_scores(subject: _Subject) -> None:
    """``(float, [n, G] float32)``."""

    @EXAMPLES
    @given(rows=scored_rows(subject.groups))
    def holds(rows: tuple[Floats, Codes, Floats]) -> None:
        scores, target, weight = rows
        value, gradient = subject(scores, target, weight)
        assert isinstance(value, float), f"the value is a {type(value).__name__}, not a float"
        assert gradient.shape == scores.shape, f"the gradient is {gradient.shape}, the scores are {scores.shape}"
        assert gradient.dtype == np.float32, f"the gradient is {gradient.dtype}, not float32"

    holds()


def gradient_is_that_of_the_value(subject: _Subject) -> None:
    """Against central differences of the value."""

    @EXAMPLES
    @given(rows=scored_rows(subject.groups, scale=3.0, max_rows=2))
    def holds(rows: tuple[Floats, Codes, Floats]) -> None:
        scores, target, weight = rows
        _, gradient = subject(scores, target, weight)
        for place in np.ndindex(*scores.shape):
            up, down = scores.copy(), scores.copy()
            up[place] += STEP
            down[place] -= STEP
            width = float(up[place]) - float(down[place])
            slope = (subject(up, target, weight)[0] - subject(down, target, weight)[0]) / width
            allowed = 5e-3 * max(1.0, float(weight[place[0]]) * (1.0 + abs(slope)))
            assert abs(slope - gradient[place]) <= allowed, (
                f"at {place} the gradient is {gradient[place]:.5g}, but the value changes by {slope:.5g} per unit"
            )

    holds()


def is_finite_at_extreme_scores(subject: _Subject) -> None:
    """Also where a group is excluded by a score of minus ten thousand, true groups included."""

    @EXAMPLES
    @given(
        rows=scored_rows(subject.groups),
        extreme=st.lists(
            st.sampled_from([0.0, -EXTREME, EXTREME, 88.0, -104.0]), min_size=subject.groups, max_size=subject.groups
        ),
    )
    def holds(rows: tuple[Floats, Codes, Floats], extreme: list[float]) -> None:
        scores, target, weight = rows
        value, gradient = subject(scores + np.array(extreme, np.float32), target, weight)
        assert np.isfinite(value), f"the value is {value}"
        assert np.isfinite(gradient).all(), f"the gradient is {gradient}"

    holds()


def is_a_weighted_sum_over_rows(subject: _Subject) -> None:
    """Learners call it by blocks of rows, and merge equal rows into one with a weight."""

    @EXAMPLES
    @given(rows=scored_rows(subject.groups), factor=st.sampled_from([0.5, 3.0, 1000.0]))
    def holds(rows: tuple[Floats, Codes, Floats], factor: float) -> None:
        scores, target, weight = rows
        value, gradient = subject(scores, target, weight)
        parts = [subject(scores[i : i + 1], target[i : i + 1], weight[i : i + 1]) for i in range(len(target))]
        scale = max(1.0, float(np.abs(gradient).max()))
        total = sum(part for part, _ in parts)
        assert np.isclose(value, total, rtol=1e-4, atol=1e-4), f"{value} together, {total} row by row"
        alone = np.concatenate([part for _, part in parts])
        np.testing.assert_allclose(gradient, alone, rtol=1e-4, atol=1e-5 * scale)
        more, steeper = subject(scores, target, weight * np.float32(factor))
        assert np.isclose(more, factor * value, rtol=1e-4, atol=1e-4 * factor), (
            f"{value} becomes {more} where rows weigh {factor} times as much"
        )
        np.testing.assert_allclose(steeper, factor * gradient, rtol=1e-4, atol=1e-5 * scale * factor)

    holds()


def does_not_care_for_a_shift_of_all_scores(subject: _Subject) -> None:
    """Scores are log-probabilities up to a constant, so the gradient of each row sums to zero."""

    @EXAMPLES
    @given(rows=scored_rows(subject.groups))
    def holds(rows: tuple[Floats, Codes, Floats]) -> None:
        scores, target, weight = rows
        _, gradient = subject(scores, target, weight)
        sums = gradient.sum(axis=1)
        allowed = 1e-4 * np.maximum(1.0, np.abs(gradient).max(axis=1))
        assert (np.abs(sums) <= allowed).all(), f"the gradients of the rows sum to {sums}, not to 0"

    holds()


def class_weights_are_positive(subject: _Subject) -> None:
    """``class_weight()`` is ``None`` or ``[G]``, finite and above zero."""
    weights = subject.loss.class_weight()
    if weights is not None:
        check_weights(weights, subject.groups)


def check_weights(weights: Floats, groups: int) -> None:
    """Raise ``AssertionError`` unless there is one finite, positive float32 weight per group."""
    assert weights.shape == (groups,), f"there are {weights.shape} weights for {groups} groups"
    assert weights.dtype == np.float32, f"weights are {weights.dtype}, not float32"
    assert np.isfinite(weights).all(), f"weights are not finite: {weights}"
    assert (weights > 0).all(), f"weights are not all above 0: {weights}"

"""Expectation maximisation with long steps that never go down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evenshelf.clicks.log import Floats

Step = Callable[[Floats], tuple[Floats, float]]
"""Takes parameters; gives those after one step of EM, and the objective before it."""


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where a maximisation ended.

    Attributes
    ----------
    parameters
        The last ones.
    path
        Objective after each cycle; non-decreasing up to rounding.
    converged
        Whether a step became as short as was asked for.
    """

    parameters: Floats
    path: tuple[float, ...]
    converged: bool


def ascend(
    step: Step,
    start: Floats,
    *,
    low: Floats | float,
    high: Floats | float,
    tolerance: Floats | float = 1e-4,
    most: int = 200,
) -> Ascent:
    """Maximise by EM, squared: every second step is stretched along the way the last two went (SQUAREM, scheme S3).

    A stretched step is kept only if the objective does not fall short of that of the plain steps, so the objective
    never goes down, as in plain EM, which needs many more steps where latent variables explain much.

    Parameters
    ----------
    step
        One step of EM.
    start
        Parameters without bounds by nature, such as logits.
    low, high
        Bounds for stretched steps.
    tolerance
        It ends when no parameter moves by more in a plain step; one for all, or for each.
    most
        Cycles, of two to three steps each.

    References
    ----------
    Varadhan & Roland 2008, Simple and globally convergent methods for accelerating the convergence of any EM algorithm.
    """
    here, path, converged = start, [], False
    for _ in range(most):
        first, _ = step(here)
        if (np.abs(first - here) <= tolerance).all():
            here, converged = first, True
            break
        second, after_one = step(first)
        went, bend = first - here, second - 2 * first + here
        bent = float(np.sqrt((bend**2).sum()))
        stretch = max(1.0, float(np.sqrt((went**2).sum())) / bent) if bent > 0 else 1.0
        landed = second
        if stretch > 1.0:
            far = np.clip(here + 2 * stretch * went + stretch**2 * bend, low, high)
            after_far, objective = step(far)
            if np.isfinite(objective) and objective >= after_one:
                landed = after_far
        here = landed
        path.append(after_one)
    return Ascent(here, (*path, step(here)[1]), converged)

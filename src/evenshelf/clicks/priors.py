"""Beta priors learned from the log itself (empirical Bayes), for rates that few rows say something of."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, digamma, polygamma

from evenshelf.clicks.log import Floats

LEAST, MOST = 0.02, 2000.0
"""Bounds of both parameters."""

_LOW, _HIGH = np.log(LEAST), np.log(MOST)
_DIGITS = 2
_LONGEST = 2.0
_STILL = 1e-7
_MOST_STEPS = 100
_MOST_HALVED = 25


def beta_prior(hits: Floats, trials: Floats) -> tuple[float, float]:
    """The Beta prior under which hits of many rates are most likely (beta-binomial, maximum likelihood).

    Newton's method on the logarithms of both parameters, with steps that are halved until they do not go down.

    Parameters
    ----------
    hits, trials
        ``[P]`` of each rate, ``0 <= hits <= trials``; they need not be whole, and are rounded to hundredths. Rates
        without a trial say nothing.

    Returns
    -------
    tuple
        Parameters, each in [LEAST, MOST]; a flat prior with half a hit in one trial if there is no trial.
    """
    # expected counts of many rates differ by next to nothing
    rounded = np.round(np.stack([hits, trials], 1), _DIGITS)
    seen, count = np.unique(rounded[rounded[:, 1] > 0], axis=0, return_counts=True)
    if not len(seen):
        return 0.5, 0.5
    y, n = seen.T
    mean = float(np.clip((count @ y + 0.5) / (count @ n + 1), 1e-4, 1 - 1e-4))

    def value(log: Floats) -> float:
        a, b = np.exp(log)
        return float(count @ (betaln(y + a, n - y + b) - betaln(a, b)))

    here = np.clip(np.log([4 * mean, 4 * (1 - mean)]), _LOW, _HIGH)
    best = value(here)
    for _ in range(_MOST_STEPS):
        a, b = both = np.exp(here)
        shared, bent = digamma(n + a + b) - digamma(a + b), trigamma(n + a + b) - trigamma(a + b)
        slope = np.array(
            [count @ (digamma(y + a) - digamma(a) - shared), count @ (digamma(n - y + b) - digamma(b) - shared)]
        )
        bend = np.full((2, 2), -float(count @ bent))
        bend[0, 0] += count @ (trigamma(y + a) - trigamma(a))
        bend[1, 1] += count @ (trigamma(n - y + b) - trigamma(b))
        slope, bend = both * slope, np.outer(both, both) * bend + np.diag(both * slope)
        # where it is not concave, the step leans towards the gradient
        bend -= max(float(np.linalg.eigvalsh(bend).max()), 0.0) * 1.5 * np.eye(2) + 1e-9 * np.eye(2)
        move = uphill(-bend, slope, here, _LOW, _HIGH)
        move *= min(1.0, _LONGEST / max(float(np.abs(move).max()), 1e-300))
        for halved in range(_MOST_HALVED):
            there = np.clip(here + move / 2**halved, _LOW, _HIGH)
            if value(there) >= best:
                break
        else:
            break
        moved, here, best = float(np.abs(there - here).max()), there, value(there)
        if moved < _STILL:
            break
    a, b = np.exp(here)
    return float(a), float(b)


def uphill(curvature: Floats, slope: Floats, here: Floats, low: Floats | float, high: Floats | float) -> Floats:
    """``[2]`` Newton's step within bounds: a parameter at a bound that the slope leads out of stays, the others move.

    Parameters
    ----------
    curvature
        ``[2, 2]`` positive definite: minus the second derivatives, or what stands for them.
    slope, here
        ``[2]``.
    low, high
        The bounds.
    """
    free = ~(((here <= low) & (slope < 0)) | ((here >= high) & (slope > 0)))
    move = np.zeros(len(here))
    move[free] = np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
    return move


def trigamma(values: Floats) -> Floats:
    """Derivative of digamma."""
    return np.asarray(polygamma(1, values))

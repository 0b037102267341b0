"""Beta priors learned from the log itself (empirical Bayes), for rates that few rows say something of."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, digamma

from evenshelf.clicks.log import Floats

LEAST, MOST = 0.02, 2000.0
"""Bounds of both parameters."""


def beta_prior(hits: Floats, trials: Floats) -> tuple[float, float]:
    """The Beta prior under which hits of many rates are most likely (beta-binomial, maximum likelihood).

    Parameters
    ----------
    hits, trials
        ``[P]`` of each rate, ``0 <= hits <= trials``; they need not be whole. Rates without a trial say nothing.

    Returns
    -------
    tuple
        Parameters, each in [LEAST, MOST]; a flat prior with half a hit in one trial if there is no trial.
    """
    seen, count = np.unique(np.stack([hits, trials], 1)[trials > 0], axis=0, return_counts=True)
    if not len(seen):
        return 0.5, 0.5
    y, n = seen.T
    mean = float(np.clip((count @ y + 0.5) / (count @ n + 1), 1e-4, 1 - 1e-4))

    def minus(log: Floats) -> tuple[float, Floats]:
        a, b = np.exp(log)
        value = count @ (betaln(y + a, n - y + b) - betaln(a, b))
        both = digamma(n + a + b) - digamma(a + b)
        slope = np.array(
            [count @ (digamma(y + a) - digamma(a) - both), count @ (digamma(n - y + b) - digamma(b) - both)]
        )
        return -float(value), -slope * np.exp(log)

    bounds = [(np.log(LEAST), np.log(MOST))] * 2
    start = np.clip(np.log([4 * mean, 4 * (1 - mean)]), *bounds[0])
    a, b = np.exp(minimize(minus, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
    return float(a), float(b)

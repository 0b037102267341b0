"""Tests of nothing against nothing: how often a difference is found where there is none (A/A tests)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from evenshelf.errors import InputError
from evenshelf.experiments.effects import Floats, always_valid, effect


@dataclass(frozen=True, eq=False)
class Placebo:
    """What came of splitting the same units again and again.

    Attributes
    ----------
    runs
        Number of splits.
    rate
        Share of them in which a difference was found.
    low, high
        Its 99 % interval (Clopper & Pearson).
    p
        ``[runs]`` p-values; with `looks`, the lowest of each run.
    covered
        Share of the runs whose interval holds the true difference, none.
    """

    runs: int
    rate: float
    low: float
    high: float
    p: Floats
    covered: float


def placebo(
    values: Floats,
    *,
    runs: int = 500,
    seed: int = 0,
    alpha: float = 0.05,
    share: float = 0.5,
    looks: int = 1,
    sequential: bool = False,
    planned: int = 10_000,
) -> Placebo:
    """Split units at random, many times, and test what cannot differ.

    Parameters
    ----------
    values
        ``[n, 2]`` numerator and denominator of each unit, or ``[n, 4]`` with those of before.
    runs
        Number of splits.
    seed
        Of the splits.
    alpha
        Chance of a false alarm that the test claims.
    share
        Of the units that get the variant.
    looks
        Times at which the test is looked at, with as many more units each time, in random order; a difference counts if
        any look finds it.
    sequential, planned
        See :func:`~evenshelf.experiments.effects.always_valid`.

    Raises
    ------
    InputError
        If there are fewer than 20 units for each look.
    """
    if len(values) < 20 * looks:
        raise InputError(f"{len(values)} units are too few for A/A tests with {looks} looks: 20 a look is the least.")
    rng = np.random.default_rng(seed)
    ends = [len(values) * (k + 1) // looks for k in range(looks)]
    lowest, covered = np.ones(runs), 0
    for run in range(runs):
        order = rng.permutation(len(values)) if looks > 1 else np.arange(len(values))
        treated = rng.random(len(values)) < share
        holds = True
        for end in ends:
            seen, sides = values[order[:end]], treated[:end]
            found = effect(seen[~sides], seen[sides], alpha=alpha)
            if sequential:
                found = always_valid(found, end, alpha=alpha, planned=planned)
            if np.isfinite(found.p):
                lowest[run] = min(lowest[run], found.p)
                holds = holds and found.low <= 0 <= found.high
        covered += holds
    alarms = int((lowest < alpha).sum())
    interval = binomtest(alarms, runs).proportion_ci(0.99)
    return Placebo(runs, alarms / runs, float(interval.low), float(interval.high), lowest, covered / runs)

"""The difference that a variant makes to a metric, with its intervals.

The estimate is tea-tasting's: a ratio of sums with the variance of the delta method over units (Deng, Knoblich & Lu
2018), so that the many events of one unit count as one draw; adjusted by the same ratio before the exposure (CUPED,
Deng et al. 2013), which takes out what units differed in anyway and cannot be an effect. Intervals of relative
differences are those of the logarithm of the ratio.

Always-valid intervals are asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024,
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics; their p-value is that of
the normal mixture sequential test, Robbins 1970): with n units in all, a standard error s and a constant r,

    half width = s * sqrt(2 (n r^2 + 1) / (n r^2) * log(sqrt(n r^2 + 1) / alpha)),

which holds at all looks at once, for as long as it takes; r is chosen so that it is narrowest at the planned number of
units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import MissingExtraError

Floats = NDArray[np.float64]

NUMERATOR, DENOMINATOR, NUMERATOR_BEFORE, DENOMINATOR_BEFORE = _COLUMNS = ("n", "d", "n0", "d0")

NAN = math.nan


@dataclass(frozen=True)
class Effect:
    """What a variant changes.

    Attributes
    ----------
    control, variant
        Value of the metric, adjusted by what was before if there was anything.
    difference, low, high
        Variant less control, in units of the metric, and its interval.
    relative, relative_low, relative_high
        The same as a share of the control's value; NaN where that is not above zero.
    p
        Two-sided; NaN where nothing varies.
    error
        Standard error of `difference`.
    log_error
        Standard error of the logarithm of the ratio of both; NaN where one of them is not above zero.
    saved
        Share of the variance that CUPED takes out, 0 to 1.
    """

    control: float
    variant: float
    difference: float
    low: float
    high: float
    relative: float
    relative_low: float
    relative_high: float
    p: float
    error: float
    log_error: float
    saved: float = 0.0


def tea() -> Any:
    """The package tea-tasting.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import tea_tasting  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("tea-tasting", "experiments", "The readout of an experiment") from error
    return tea_tasting


def moments(values: Floats) -> Any:
    """Count, means and covariances of the units of a variant, as tea-tasting takes them.

    Parameters
    ----------
    values
        ``[n, 2]`` numerator and denominator of each unit, or ``[n, 4]`` with those of before.
    """
    names = _COLUMNS[: values.shape[1]]
    covariance = np.atleast_2d(np.cov(values, rowvar=False))
    means = values.mean(axis=0)
    places = range(len(names))
    return tea().aggr.Aggregates(
        count_=len(values),
        mean_={names[k]: float(means[k]) for k in places},
        var_={names[k]: float(covariance[k, k]) for k in places},
        cov_={(names[j], names[k]): float(covariance[j, k]) for j in places for k in places if j < k},
    )


def ratio_metric(*, adjusted: bool, use_t: bool = True, **settings: Any) -> Any:
    """The metric of tea-tasting that all is computed by."""
    before = (NUMERATOR_BEFORE, DENOMINATOR_BEFORE) if adjusted else (None, None)
    return tea().RatioOfMeans(NUMERATOR, DENOMINATOR, *before, use_t=use_t, equal_var=False, **settings)


def effect(control: Floats, variant: Floats, *, alpha: float) -> Effect:
    """The difference between two variants.

    Parameters
    ----------
    control, variant
        ``[n, 2]`` numerator and denominator of each unit, or ``[n, 4]`` with those of before its exposure.
    alpha
        One less the level of the intervals.
    """
    adjusted = control.shape[1] == 4 and _adjustable(np.vstack([control, variant]))
    sides = [side[:, : 4 if adjusted else 2] for side in (control, variant)]
    rates = [_rate(side) for side in sides]
    if not all(map(math.isfinite, rates)):
        return Effect(rates[0], rates[1], *[NAN] * 9)
    if not any(_spread(side) for side in sides):
        difference = rates[1] - rates[0]
        return Effect(rates[0], rates[1], difference, *[NAN] * 8)
    arms = [moments(side) for side in sides]
    found = ratio_metric(adjusted=adjusted, confidence_level=1 - alpha).analyze_aggregates(*arms)
    variances = _variances(arms, adjusted=adjusted)
    error = math.sqrt(sum(variances))
    plain = sum(_variances(arms, adjusted=False))
    positive = found.control > 0 and found.treatment > 0
    return Effect(
        found.control,
        found.treatment,
        found.effect_size,
        found.effect_size_ci_lower,
        found.effect_size_ci_upper,
        found.rel_effect_size if found.control > 0 else NAN,
        found.rel_effect_size_ci_lower if positive else NAN,
        found.rel_effect_size_ci_upper if positive else NAN,
        found.pvalue,
        error,
        math.hypot(*(math.sqrt(v) / at for v, at in zip(variances, (found.control, found.treatment), strict=True)))
        if positive
        else NAN,
        max(0.0, 1 - error**2 / plain) if adjusted else 0.0,
    )


def always_valid(found: Effect, units: int, *, alpha: float, planned: int) -> Effect:
    """An effect with an interval and a p-value that hold however often one looks.

    Parameters
    ----------
    found
        The effect as it is for a single look.
    units
        Of both variants together.
    alpha
        One less the level, for all looks together.
    planned
        Number of units at which the interval is narrowest; chosen before the start.
    """
    if not found.error > 0:
        return found
    scale = units * mixture(alpha, planned) ** 2
    width = math.sqrt(2 * (scale + 1) / scale * math.log(math.sqrt(scale + 1) / alpha))
    z = found.difference / found.error
    exponent = 0.5 * math.log(scale + 1) - z * z * scale / (2 * (scale + 1))
    half = width * found.error
    stretch, ratio = width * found.log_error, found.variant / found.control if found.control > 0 else NAN
    return replace(
        found,
        low=found.difference - half,
        high=found.difference + half,
        relative_low=ratio * math.exp(-stretch) - 1,
        relative_high=ratio * math.exp(stretch) - 1,
        p=math.exp(min(exponent, 0.0)),
    )


def mixture(alpha: float, planned: int) -> float:
    """The constant r that makes a confidence sequence narrowest at a number of units (ibid., section 2.4)."""
    return math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned)


def _variances(arms: Sequence[Any], *, adjusted: bool) -> list[float]:
    """Variance of the metric of each variant, by the delta method."""
    ratio, before = (NUMERATOR, DENOMINATOR), (NUMERATOR_BEFORE, DENOMINATOR_BEFORE)
    if not adjusted:
        return [float(arm.ratio_var(*ratio)) / arm.count() for arm in arms]
    both = arms[0] + arms[1]
    slope = both.ratio_cov(*ratio, *before) / both.ratio_var(*before)
    return [
        float(arm.ratio_var(*ratio) - 2 * slope * arm.ratio_cov(*ratio, *before) + slope**2 * arm.ratio_var(*before))
        / arm.count()
        for arm in arms
    ]


def _rate(side: Floats) -> float:
    total = float(side[:, 1].sum())
    return float(side[:, 0].sum()) / total if total > 0 else NAN


def _spread(side: Floats) -> bool:
    """Whether the ratio varies between units."""
    return bool(np.ptp(side[:, 0] - _rate(side) * side[:, 1]) > 1e-12)


def _adjustable(both: Floats) -> bool:
    """Whether anything was before that could explain a difference."""
    return bool(both[:, 3].sum() > 0 and np.ptp(both[:, 2] - _rate(both[:, 2:]) * both[:, 3]) > 1e-12)

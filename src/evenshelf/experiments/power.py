"""How small an effect can be found with so many units, and how many units an effect takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from evenshelf.experiments.effects import Floats, effect, moments, ratio_metric


@dataclass(frozen=True)
class Power:
    """What can be found.

    Attributes
    ----------
    units
        Those that are there, of control and variant together.
    detectable
        The smallest relative effect that is found with the asked power; NaN where nothing can be told.
    effect
        The relative effect that is asked for.
    reached
        Chance of finding `effect` with the units that are there.
    needed
        Units, of both together, with which `effect` is found with the asked power.
    """

    units: int
    detectable: float
    effect: float
    reached: float
    needed: float


def power_of(values: Floats, *, units: int, relative: float, alpha: float, power: float, treated: float = 0.5) -> Power:
    """Power by the variance that units have.

    Parameters
    ----------
    values
        ``[n, 2]`` numerator and denominator of each unit, or ``[n, 4]`` with those of before.
    units
        Units of control and variant together.
    relative
        The relative effect that is asked for, above 0.
    alpha, power
        Two-sided chance of a false alarm, and chance of finding the effect.
    treated
        Share of the units that get the variant, of those of both.
    """
    adjusted = values.shape[1] == 4 and effect(values, values, alpha=alpha).saved > 0
    used = values[:, : 4 if adjusted else 2]
    total = used[:, 1].sum()
    if len(used) < 2 or units < 4 or not total > 0 or not used[:, 0].sum() > 0 or not _varies(used):
        return Power(units, math.nan, relative, math.nan, math.nan)
    sample = moments(used)
    # by the normal distribution: the non-central t of scipy gives no number for large effects
    shared: dict[str, Any] = {"adjusted": adjusted, "use_t": False, "alpha": alpha, "ratio": treated / (1 - treated)}
    found = ratio_metric(**shared, power=power, n_obs=units).solve_power_from_aggregates(sample, "rel_effect_size")
    reached = ratio_metric(**shared, rel_effect_size=relative, n_obs=units).solve_power_from_aggregates(sample, "power")
    needed = ratio_metric(**shared, rel_effect_size=relative, power=power).solve_power_from_aggregates(sample, "n_obs")
    return Power(units, float(found[0].rel_effect_size), relative, float(reached[0].power), float(needed[0].n_obs))


def _varies(values: Floats) -> bool:
    rate = values[:, 0].sum() / values[:, 1].sum()
    return bool(np.ptp(values[:, 0] - rate * values[:, 1]) > 1e-12)

"""Seasons and weekdays: how demand for a category moves over the period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.special import i0

from evenshelf.shop.simulation.assortment import CATEGORIES
from evenshelf.shop.simulation.parameters import PARAMETERS as P
from evenshelf.shop.simulation.settings import START

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.settings import Settings

    Floats = NDArray[np.float64]

YEAR = 365.25


class Season:
    """Factors of demand.

    Attributes
    ----------
    amplitude, peak
        (categories,) Of the yearly wave, the peak as a day of the year.
    factor
        (categories, days) Mean 1 over a whole year.
    weekday
        (days,) 1, or more on a weekend.
    """

    def __init__(self, settings: Settings) -> None:
        rng = settings.rng("season")
        self.amplitude = rng.uniform(P.season_least, P.season_most, size=CATEGORIES)
        self.peak = rng.uniform(0, YEAR, size=CATEGORIES)
        day = np.arange(settings.days)
        wave = np.cos(2 * np.pi * (day - self.peak[:, None]) / YEAR)
        self.factor = np.exp(self.amplitude[:, None] * wave) / i0(self.amplitude)[:, None]
        self.weekday = np.where((day + START.weekday()) % 7 >= 5, P.weekend, 1.0)

    def frame(self, labels: pl.Series) -> pl.DataFrame:
        """Return all factors: category, day (from 0), season, weekday."""
        days = self.weekday.size
        return pl.DataFrame(
            {
                "category": labels.gather(np.repeat(np.arange(CATEGORIES), days)),
                "day": np.tile(np.arange(days, dtype=np.int32), CATEGORIES),
                "season": self.factor.ravel(),
                "weekday": np.tile(self.weekday, CATEGORIES),
            }
        )

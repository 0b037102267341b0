"""What stands above a row in its list, and means of rows by rank."""

from __future__ import annotations

import numpy as np

from evenshelf.clicks.log import Bools, ClickLog, Floats


def clicks_above(log: ClickLog) -> Floats:
    """``[N]`` how many rows above each in its list were clicked."""
    before = np.cumsum(log.clicked) - log.clicked
    return np.asarray(before - before[log.start[:-1]][log.listing], np.float64)


def last_clicked(log: ClickLog) -> Bools:
    """``[N]`` whether a row is the last of its list that was clicked."""
    clicks = np.bincount(log.listing, log.clicked)
    return np.asarray(log.clicked & (clicks_above(log) == clicks[log.listing] - 1))


def by_rank(log: ClickLog, values: Floats) -> Floats:
    """``[K]`` mean of values of rows by rank; that of the rank above where there is no row."""
    shown = np.bincount(log.rank - 1)
    sums = np.bincount(log.rank - 1, values)
    there = np.flatnonzero(shown)
    nearest = there[np.maximum(np.searchsorted(there, np.arange(len(shown)), side="right") - 1, 0)]
    return np.asarray(sums[nearest] / shown[nearest])

"""What stands above a row in its list, and means of rows by rank."""

from __future__ import annotations

import numpy as np

from evenshelf.clicks.log import Bools, ClickLog, Floats
from evenshelf.clicks.sums import sums


def clicks_above(log: ClickLog) -> Floats:
    """``[N]`` how many rows above each in its list were clicked."""
    clicked = log.clicked.astype(np.float64)
    before = np.cumsum(clicked) - clicked
    return np.asarray(before - before[log.start[:-1]][log.listing])


def last_clicked(log: ClickLog) -> Bools:
    """``[N]`` whether a row is the last of its list that was clicked."""
    clicks = sums(log.listing, log.clicked)
    return np.asarray(log.clicked & (clicks_above(log) == clicks[log.listing] - 1))


def by_rank(log: ClickLog, values: Floats) -> Floats:
    """``[K]`` mean of values of rows by rank; that of the rank above where there is no row."""
    shown = sums(log.rank - 1)
    return carried(sums(log.rank - 1, values) / np.maximum(shown, 1), shown)


def carried(values: Floats, shown: Floats) -> Floats:
    """``[K]`` values by rank; where there is no row, that of the next rank above that has some, or else the first."""
    there = np.flatnonzero(shown)
    return np.asarray(values[there[np.maximum(np.searchsorted(there, np.arange(len(shown)), side="right") - 1, 0)]])

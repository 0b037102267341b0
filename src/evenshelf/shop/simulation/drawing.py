"""Weighted draws, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_LONG_AGO = 1 << 20


class Shelf:
    """Draws items of a group with chances proportional to weights, among those launched so far.

    Entries are sorted by group and launch, so that those launched until any day are the first ones of their group.

    Parameters
    ----------
    group
        (m,) Group of each entry, from 0 to `groups` - 1.
    items
        (m,) Item of each entry.
    weight
        (n,) Weight of each item, above 0.
    launch
        (n,) Day of each item's launch; may be negative.
    groups
        How many groups there are.
    """

    def __init__(self, group: Ints, items: Ints, weight: Floats, launch: NDArray[np.int32], groups: int) -> None:
        day = np.maximum(launch[items], -1) + 1
        order = np.lexsort((day, group))
        self._items = items[order]
        self._key = group[order] * _LONG_AGO + day[order]
        self._before = np.concatenate([[0.0], np.cumsum(weight[self._items])])
        self._start = np.searchsorted(group[order], np.arange(groups))

    def _ends(self, group: Ints, day: Ints) -> Ints:
        return np.asarray(np.searchsorted(self._key, group * _LONG_AGO + day + 1, side="right"))

    def total(self, group: Ints, day: Ints) -> Floats:
        """Return the sum of the weights of a group's items on a day, 0 if there are none."""
        return np.asarray(self._before[self._ends(group, day)] - self._before[self._start[group]])

    def draw(self, group: Ints, day: Ints, rng: np.random.Generator) -> Ints:
        """Return an item for each group and day; there must be one."""
        start, end = self._start[group], self._ends(group, day)
        low = self._before[start]
        at = low + rng.random(group.shape) * (self._before[end] - low)
        # Rounding may put a draw at the very end into the next group.
        found = np.clip(np.searchsorted(self._before, at, side="right") - 1, start, end - 1)
        return np.asarray(self._items[found])


class Rows:
    """Draws a column of a matrix of weights for given rows.

    Parameters
    ----------
    weights
        (r, c) Not negative; a row must have a positive sum to be drawn from.
    """

    def __init__(self, weights: Floats) -> None:
        total = weights.sum(axis=1, keepdims=True)
        share = np.cumsum(weights / np.where(total > 0, total, 1), axis=1)
        # The last place with any weight ends at 1, whatever was lost by rounding.
        last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
        share[np.arange(weights.shape[1]) >= last[:, None]] = 1.0
        self._flat = (share + np.arange(len(weights))[:, None]).ravel()
        self._columns = weights.shape[1]

    def draw(self, row: Ints, rng: np.random.Generator) -> Ints:
        """Return a column for each row."""
        at = np.searchsorted(self._flat, row + rng.random(row.shape), side="right")
        return np.asarray(np.clip(at - row * self._columns, 0, self._columns - 1))


def chance(probability: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return True with each probability."""
    return np.asarray(rng.random(probability.shape) < probability)

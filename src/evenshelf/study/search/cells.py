"""Scores of some items for each of some queries: as many numbers as there are such pairs, not one for every item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.tasks.top_items import NO_ITEM, tie_order

HELD = 1 << 22
"""Scores that are held at a time."""

Codes = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cells:
    """Pairs of a query and an item, each once; all others are as if minus infinity were their score.

    Attributes
    ----------
    queries, items
        How many there are of both.
    line, item
        ``[c]`` queries, ascending, and for each the items, ascending.
    """

    queries: int
    items: int
    line: Codes
    item: Codes

    @classmethod
    def of(cls, queries: int, items: int, line: Codes, item: Codes) -> Cells:
        """Pairs in any order, which may come again."""
        return cls(queries, items, *np.divmod(np.unique(line * items + item), items))

    def find(self, line: Codes, item: Codes) -> Codes:
        """``[m]`` places of pairs, all of which are there."""
        return np.searchsorted(self.line * self.items + self.item, line * self.items + item)

    @property
    def column(self) -> Codes:
        """``[c]`` how many items of the same query come before each."""
        return self._in_lines(self.line)

    def table(self, values: Floats) -> Floats:
        """``[Q, W]`` values side by side, as wide as the longest line, and minus infinity after the shorter ones."""
        column = self.column
        found = np.full((self.queries, int(column.max(initial=-1)) + 1), -np.inf, np.float32)
        found[self.line, column] = values
        return found

    def cut(self, told: csr_array) -> csr_array:
        """``[Q, W]`` what is told of pairs ``[Q, I]``, where :meth:`table` has them; others are not told of."""
        column = self.column
        pair = told.tocoo()
        at = self.find(*(axis.astype(np.int64) for axis in pair.coords))
        shape = (self.queries, int(column.max(initial=-1)) + 1)
        return csr_array((pair.data, (self.line[at], column[at])), shape=shape)

    def in_full(self, values: Floats, change: Callable[[Floats, Codes], Floats], lines: Codes) -> Floats:
        """Values changed by what has to see a score for every item, a few queries at a time.

        Parameters
        ----------
        values
            ``[c]``.
        change
            ``[b, I]`` scores from ``[b, I]`` scores and from ``[b]`` queries.
        lines
            Queries that are changed, ascending; the values of others stay.
        """
        found, block = values.copy(), max(1, HELD // max(self.items, 1))
        first = np.searchsorted(self.line, np.arange(self.queries + 1))
        for start in range(0, len(lines), block):
            some = lines[start : start + block]
            sizes = first[some + 1] - first[some]
            row = np.repeat(np.arange(len(some)), sizes)
            own = np.arange(sizes.sum()) + np.repeat(first[some] - (np.cumsum(sizes) - sizes), sizes)
            table = np.full((len(some), self.items), -np.inf, np.float32)
            table[row, self.item[own]] = values[own]
            found[own] = change(table, some)[row, self.item[own]]
        return found

    def places(self, values: Floats, *, seed: int) -> NDArray[np.float64]:
        """``[c]`` place of each in the list of its query, from 0, ties as in :mod:`evenshelf.tasks.top_items`.

        Returns
        -------
        Infinity where the value is minus infinity, so that it is not shown.
        """
        order = np.lexsort((tie_order(self.items, seed)[self.item], -values, self.line))
        found = np.empty(len(values))
        found[order] = self._in_lines(self.line[order])
        return np.where(np.isneginf(values), np.inf, found)

    def first(self, values: Floats, place: NDArray[np.float64], k: int) -> tuple[Codes, Floats]:
        """``[Q, k]`` items that are shown first, and their values; :data:`NO_ITEM` and minus infinity after the last.

        Parameters
        ----------
        values, place
            ``[c]``, the latter those of :meth:`places`.
        k
            >= 0, places.
        """
        listed = np.flatnonzero(place < k)
        at = self.line[listed], place[listed].astype(np.int64)
        items, kept = np.full((self.queries, k), NO_ITEM, np.int64), np.full((self.queries, k), -np.inf, np.float32)
        items[at], kept[at] = self.item[listed], values[listed]
        return items, kept

    def _in_lines(self, line: Codes) -> Codes:
        sizes = np.bincount(line, minlength=self.queries)
        return np.arange(len(line)) - np.repeat(np.cumsum(sizes) - sizes, sizes)

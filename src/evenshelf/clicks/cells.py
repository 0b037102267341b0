"""A log counted up: how often each pair of query and item was shown at each rank, and clicked there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from evenshelf.clicks.evidence import Pairs
from evenshelf.clicks.log import Bools, ClickLog, Codes, Floats
from evenshelf.clicks.sums import sums


@dataclass(frozen=True, eq=False)
class Cells:
    """All there is to know of a log for a model in which rows do not depend on each other.

    Attributes
    ----------
    pairs
        P queries with items.
    depth
        K, the lowest rank.
    pair, rank
        ``[C]`` number of the pair and rank from 0 of each cell.
    shown, clicks
        ``[C]`` rows and clicks of each cell.
    cell
        ``[N]`` cell of each row of the log.
    """

    pairs: Pairs
    depth: int
    pair: Codes
    rank: Codes
    shown: Floats
    clicks: Floats
    cell: Codes

    @classmethod
    def of(cls, log: ClickLog) -> Cells:
        """Count a log."""
        pairs, depth = Pairs.of(log), log.depth
        key, cell = np.unique(pairs.find(log) * depth + log.rank - 1, return_inverse=True)
        shown, clicks = sums(cell).astype(np.float64), sums(cell, log.clicked)
        return cls(pairs, depth, key // depth, key % depth, shown, clicks, cell.astype(np.int64))

    def part(self, log: ClickLog, rows: Bools) -> Cells:
        """Some rows, ``[N]``, of the same log; the cells stay, some perhaps with none."""
        size, kept = len(self.pair), self.cell[rows]
        shown, clicks = sums(kept, None, size), sums(kept, log.clicked[rows], size)
        return replace(self, shown=shown.astype(np.float64), clicks=clicks)

    @property
    def clicks_by_rank(self) -> Floats:
        """``[K]``."""
        return sums(self.rank, self.clicks, self.depth)

    @property
    def clicks_by_pair(self) -> Floats:
        """``[P]``."""
        return sums(self.pair, self.clicks, len(self.pairs))

    def patterns(self) -> Patterns:
        """Pairs with the same counts, taken together.

        In the long tail most pairs were shown once or twice, so there are few patterns where there are many pairs.
        """
        misses = self.shown - self.clicks
        clicks = self.clicks_by_pair
        # equal sums of random 64-bit multiples are equal counts, but for a chance of one in many millions of millions
        factor = np.random.default_rng(0).integers(1, 2**63, self.depth + 1, dtype=np.uint64)
        mark = clicks.astype(np.uint64) * factor[-1]
        np.add.at(mark, self.pair, misses.astype(np.uint64) * factor[self.rank])
        _, example, of_pair, count = np.unique(mark, return_index=True, return_inverse=True, return_counts=True)
        shape = (len(self.pairs), self.depth)
        table = sparse.csr_array((misses, (self.pair, self.rank)), shape=shape)[example]
        shown = sums(self.pair, self.shown, len(self.pairs))[example]
        # a pair that is in no list of a part says nothing there
        count = np.where(shown > 0, count, 0)
        return Patterns(table, clicks[example], shown, count.astype(np.float64), of_pair.astype(np.int64))


@dataclass(frozen=True, eq=False)
class Patterns:
    """Different counts that pairs have.

    Attributes
    ----------
    misses
        ``[Q, K]`` sparse: rows by rank that were not clicked.
    clicks, shown
        ``[Q]`` clicks and rows at all ranks.
    count
        ``[Q]`` pairs with these counts; 0 where they were never shown.
    of_pair
        ``[P]`` pattern of each pair.
    """

    misses: sparse.csr_array
    clicks: Floats
    shown: Floats
    count: Floats
    of_pair: Codes

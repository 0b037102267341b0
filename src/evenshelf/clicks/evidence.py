"""What clicks say of each query and item: how attractive it is, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import betaincinv

from evenshelf.clicks.log import ClickLog, Codes, Floats
from evenshelf.errors import SettingError


@dataclass(frozen=True, eq=False)
class Pairs:
    """Queries with items that were shown for them.

    Attributes
    ----------
    queries, items
        Names by code.
    key
        ``[P]`` code of the query times number of items plus code of the item, ascending.
    """

    queries: tuple[str, ...]
    items: tuple[str, ...]
    key: Codes

    @classmethod
    def of(cls, log: ClickLog) -> Pairs:
        """Those of a log."""
        return cls(log.queries, log.items, np.unique(log.pair))

    @classmethod
    def none(cls, log: ClickLog) -> Pairs:
        """No pair, for what is the same of all."""
        return cls(log.queries, log.items, np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.key)

    @cached_property
    def query(self) -> Codes:
        """``[P]`` code of the query."""
        return self.key // max(len(self.items), 1)

    @cached_property
    def item(self) -> Codes:
        """``[P]`` code of the item."""
        return self.key % max(len(self.items), 1)

    def find(self, log: ClickLog) -> Codes:
        """``[N]`` number of the pair of each row of a log, -1 where it is none of these. Names decide, not codes."""
        if log.queries is self.queries and log.items is self.items:
            wanted = log.pair
        else:
            query, item = _codes(log.queries, self.queries)[log.query], _codes(log.items, self.items)[log.item]
            wanted = np.where((query < 0) | (item < 0), -1, query * len(self.items) + item)
        if not len(self):
            return np.full(len(wanted), -1, np.int64)
        place = np.minimum(np.searchsorted(self.key, wanted), len(self) - 1)
        return np.where(self.key[place] == wanted, place, -1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Attraction:
    """The chance that an item is clicked by somebody who looks at it, for each query and item: a Beta distribution.

    Attributes
    ----------
    pairs
        P queries with items.
    a, b
        ``[P]`` parameters of the distribution of each, above 0.
    before
        ``[P, 2]`` parameters that they had before clicks were looked at.
    prior
        Parameters of what is known of a pair that was never shown.
    """

    pairs: Pairs
    a: Floats
    b: Floats
    before: Floats
    prior: tuple[float, float]

    @classmethod
    def counted(cls, pairs: Pairs, hits: Floats, trials: Floats, prior: tuple[float, float]) -> Attraction:
        """What is known after ``[P]`` hits in trials, with one prior for all."""
        before = np.broadcast_to(np.asarray(prior), (len(pairs), 2))
        return cls(pairs, prior[0] + hits, prior[1] + np.maximum(trials - hits, 0), before, prior)

    @property
    def hits(self) -> Floats:
        """``[P]`` clicks that the distribution rests on, not below 0."""
        return np.maximum(self.a - self.before[:, 0], 0)

    @property
    def looks(self) -> Floats:
        """``[P]`` how many looks that is worth: expected ones, where a model cannot tell; not below the hits."""
        return self.hits + np.maximum(self.b - self.before[:, 1], 0)

    @property
    def mean(self) -> Floats:
        """``[P]`` expectation, in (0, 1): pairs that were shown rarely are drawn to the mean of all."""
        return np.asarray(self.a / (self.a + self.b))

    @property
    def usual(self) -> float:
        """Expectation of a pair that was never shown."""
        return self.prior[0] / sum(self.prior)

    @property
    def sd(self) -> Floats:
        """``[P]`` standard deviation."""
        return np.asarray(np.sqrt(self.mean * (1 - self.mean) / (self.a + self.b + 1)))

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """``[P]`` ends of the interval that leaves out as much on both sides.

        Raises
        ------
        SettingError
            If `level` is not in (0, 1).
        """
        if not 0 < level < 1:
            raise SettingError(f"The level of an interval must be between 0 and 1, not {level}.", hint="Such as 0.95.")
        side = (1 - level) / 2
        return np.asarray(betaincinv(self.a, self.b, side)), np.asarray(betaincinv(self.a, self.b, 1 - side))

    def with_unseen(self) -> Attraction:
        """The same with a last entry, which is none of `pairs`: a pair that was never shown."""
        a, b = np.append(self.a, self.prior[0]), np.append(self.b, self.prior[1])
        return replace(self, a=a, b=b, before=np.vstack([self.before, self.prior]))

    def at(self, log: ClickLog) -> Floats:
        """``[N]`` expectation for each row of a log."""
        return np.append(self.mean, self.usual)[self.pairs.find(log)]


def _codes(names: tuple[str, ...], known: tuple[str, ...]) -> Codes:
    """Code among the known names of each name, -1 if it is none."""
    code = {name: number for number, name in enumerate(known)}
    return np.array([code.get(name, -1) for name in names], np.int64)

"""How lists are filled place by place, and which items are of the head and of the tail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenshelf.remedies.offered import Offered
from evenshelf.remedies.rows import Codes, Prior

LAST = np.float32(-1e9)
"""Worth of an empty place, below that of any candidate."""


class Filling:
    """Lists that are being filled.

    Parameters
    ----------
    offered
        The candidates.

    Attributes
    ----------
    places
        How many there are to fill, at most k.
    """

    def __init__(self, offered: Offered) -> None:
        items = offered.items
        self.places = min(offered.length, items.shape[1])
        self._lines = np.arange(len(items))
        self._empty = items < 0
        self._taken = np.zeros(items.shape, bool)
        # what is never picked comes after all that is, in the order in which it was given
        self._turn = np.broadcast_to(np.arange(items.shape[1]) + items.shape[1], items.shape).copy()
        self._filled = 0

    def pick(self, worth: NDArray[np.floating]) -> Codes:
        """``[n]`` the candidates for the next place: of those left the one with the most worth, the first of equals.

        Parameters
        ----------
        worth
            ``[n, k]``.
        """
        open_ = np.where(self._empty, LAST, worth)
        open_[self._taken] = -np.inf
        chosen: Codes = open_.argmax(axis=1)
        self._taken[self._lines, chosen] = True
        self._turn[self._lines, chosen] = self._filled
        self._filled += 1
        return chosen

    @property
    def order(self) -> Codes:
        """``[n, k]`` candidates in the order in which they were picked, then the others."""
        order: Codes = np.argsort(self._turn, axis=1)
        return order


def popularity_part(prior: Prior, head: float, rest: float) -> Codes:
    """``[G]`` 0 for the head, 1 for the torso, 2 for the tail and what is cold, by shares of the examples.

    Groups with equal counts stay together, so that their numbers do not matter: they are head if those that are more
    frequent hold less than `head` of the examples, otherwise tail if with them more than `rest` is reached.

    Parameters
    ----------
    prior
        Of all groups.
    head, rest
        In [0, 1].
    """
    values, inverse, repeats = np.unique(-prior.counts, return_inverse=True, return_counts=True)
    mass = repeats * -values / max(prior.total, 1)
    end = np.cumsum(mass)
    part = np.where(end - mass < head - 1e-9, 0, np.where(end > rest + 1e-9, 2, 1))
    part[values == 0] = 2
    return part[inverse.reshape(-1)].astype(np.int64)

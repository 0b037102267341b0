"""The first items of lists by their scores, where equal scores do not tell how items are numbered."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evenshelf.tasks.histories import Codes

NO_ITEM = -1
"""Stands in a place of a list where there is nothing left to show."""


@lru_cache(maxsize=4)
def tie_order(items: int, seed: int = 0) -> Codes:
    """``[I]`` places of the items in an order that is drawn: of items that score alike the first in it comes first.

    Files often number items by first appearance, so that a tie that is broken by the number tells of time.

    Returns
    -------
    An array that is kept for the next call and cannot be written to.
    """
    order = np.random.default_rng([seed, items]).permutation(items).astype(np.int64)
    order.flags.writeable = False
    return order


def top(scores: NDArray[np.floating], k: int, *, seed: int = 0) -> Codes:
    """``[U, k]`` the items with the highest scores, best first.

    Items that score alike come in the order of :func:`tie_order`: the same in each list, whoever else is asked.

    Parameters
    ----------
    scores
        ``[U, I]``; minus infinity for what must not be shown.
    k
        >= 1, places of a list.
    seed
        Of the order of ties.

    Returns
    -------
    :data:`NO_ITEM` in the last places of lists for which fewer items may be shown.
    """
    users, items = scores.shape
    tie = tie_order(items, seed)
    kept = min(k, items)
    bound = np.partition(scores, items - kept, axis=1)[:, items - kept, None]
    picked = scores >= bound
    # only where more are equal to the last one than there is room for, it matters which of them are taken
    for line in np.flatnonzero(picked.sum(axis=1) > kept):
        equal = np.flatnonzero(scores[line] == bound[line])
        room = kept - int((scores[line] > bound[line]).sum())
        picked[line, equal[np.argsort(tie[equal])[room:]]] = False
    found = (np.flatnonzero(picked) % items).reshape(users, kept)
    value = np.take_along_axis(scores, found, axis=1)
    order = np.lexsort((tie[found], -value), axis=1)
    found, value = np.take_along_axis(found, order, axis=1), np.take_along_axis(value, order, axis=1)
    lists = np.full((users, k), NO_ITEM, np.int64)
    lists[:, :kept] = np.where(np.isneginf(value), NO_ITEM, found)
    return lists


def place_of(
    scores: NDArray[np.floating], user: NDArray[np.integer], item: NDArray[np.integer], *, seed: int = 0
) -> NDArray[np.float64]:
    """``[m]`` places of items in the whole lists that :func:`top` gives with the same seed, from 0.

    Parameters
    ----------
    scores
        ``[U, I]`` as in :func:`top`.
    user, item
        ``[m]`` lines of `scores`, and items.

    Returns
    -------
    Infinity where the item must not be shown.
    """
    tie = tie_order(scores.shape[1], seed)
    place = np.empty(len(user))
    for number, (line, code) in enumerate(zip(user, item, strict=True)):
        row, value = scores[line], scores[line, code]
        before = np.count_nonzero(row > value) + np.count_nonzero(tie[row == value] < tie[code])
        place[number] = np.inf if np.isneginf(value) else before
    return place

"""Likeness of items by who took them together: neighbourhood models, by counting.

All but :func:`taken_after` leave aside which of two items came first. In files whose dates are days, the order within a
day is that of ids, and whatever reads direction partly reads that. Inside of a basket there is no order: what the order
of its steps would decide is the mean over all orders, so that counts are the same in whichever they stand.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, sparray

from evenshelf.tasks.histories import Histories, numbered


def taken_together(histories: Histories, *, user_weight: float = 0.5) -> csr_array:
    """``[I, I]`` float32, how many users took both of two items; 0 of an item with itself.

    Parameters
    ----------
    user_weight
        Each user counts ``items ** -user_weight``: who takes everything says little of each.
    """
    took = histories.weights()
    sizes = np.maximum(np.asarray(took.sum(axis=1)).ravel(), 1.0)
    weighed = diags_array((sizes**-user_weight).astype(np.float32)) @ took
    return _apart(took.T @ weighed)


def taken_near(histories: Histories, *, user_weight: float = 0.25, decay: float = 0.65, most: int = 10) -> csr_array:
    """``[I, I]`` float32, how often two items were taken near each other by one user, in either order.

    Parameters
    ----------
    user_weight
        Each user counts ``steps ** -user_weight``.
    decay
        A pair ``g`` steps apart counts ``decay ** (g - 1)``. Steps of a basket have no order: what a pair counts is the
        mean over all orders that they could have.
    most
        Pairs further apart count nothing.
    """
    after = taken_after(histories, user_weight=user_weight, decay=decay, most=most)
    return csr_array(after + after.T)


def taken_after(histories: Histories, *, user_weight: float = 0.25, decay: float = 0.65, most: int = 10) -> csr_array:
    """``[I, I]`` float32, how often an item (column) was taken after another one (row) by the same user.

    Two items of a basket count half in each direction, as neither came first.

    Parameters
    ----------
    user_weight, decay, most
        As in :func:`taken_near`.
    """
    basket = numbered(histories.baskets)
    size = np.bincount(basket)
    begin = np.concatenate([[0], np.cumsum(size)])
    user = histories.user[begin[:-1]]
    shape = (len(size), len(histories.items))
    member = csr_array((np.ones(len(basket), np.float32), (basket, histories.item)), shape=shape)
    weight = np.maximum(histories.lengths, 1).astype(np.float64)[user] ** -user_weight
    inside, between = _windows(decay, most)
    total = csr_array((shape[1], shape[1]), dtype=np.float32)
    for apart in range(1, most + 1):
        first = np.flatnonzero(user[apart:] == user[:-apart])
        steps = begin[first + apart] - begin[first + 1]
        first, steps = first[steps < most], steps[steps < most]
        if not len(first):
            break
        sizes = size[first], size[first + apart]
        count = between[steps, np.minimum(sizes[0], most), np.minimum(sizes[1], most)] / (sizes[0] * sizes[1])
        total = total + _pairs(member[first], weight[first] * count, member[first + apart])
    several = np.flatnonzero(size > 1)
    if len(several):
        count = inside(size[several])
        total = total + _pairs(member[several], weight[several] * count, member[several])
    return _apart(total)


def _windows(
    decay: float, most: int
) -> tuple[Callable[[NDArray[np.integer]], NDArray[np.float64]], NDArray[np.float64]]:
    """What a pair counts on the mean over all orders inside of baskets.

    Returns
    -------
    For sizes of baskets >= 2, what a pair inside counts in one direction; and ``[k, n, m]`` the sum over all pairs of a
    basket with n steps and one with m, both at most `most`, with k steps between the two.
    """
    fade = np.array([decay**gap for gap in range(most)] + [0.0] * (2 * most))
    between = np.zeros((most, most + 1, most + 1))
    for one, two in np.ndindex(most, most):
        # a pair of the steps that are `one` before the end of the first and `two` behind the begin of the second
        between[:, one + 1 :, two + 1 :] += fade[one + two : one + two + most, None, None]
    gaps = np.arange(1, most + 1)
    sums, moments = (np.concatenate([[0.0], np.cumsum(part)]) for part in (fade[:most], fade[:most] * gaps))

    def inside(size: NDArray[np.integer]) -> NDArray[np.float64]:
        # of all orders, two given steps are g apart in 2 (n - g) of n (n - 1)
        widest = np.minimum(size - 1, most)
        return np.asarray((size * sums[widest] - moments[widest]) / (size * (size - 1.0)))

    return inside, between


def _pairs(rows: csr_array, weight: NDArray[np.floating], columns: csr_array) -> csr_array:
    """``[I, I]`` float32 how often items of baskets stand beside items of other ones, each pair of baskets weighed."""
    value = weight.astype(np.float32)
    if rows.nnz == columns.nnz == len(value):  # of baskets of one item each, places are known without a product
        times = value * rows.data * columns.data
        return csr_array((times, (rows.indices, columns.indices)), shape=(rows.shape[1], columns.shape[1]))
    return csr_array(rows.T @ (diags_array(value) @ columns))


def likeness(counts: csr_array, taken: NDArray[np.floating], *, alpha: float = 0.3, shrink: float = 5.0) -> csr_array:
    """``[I, I]`` asymmetric cosine: row, an item of a history; column, one that may be shown.

    ``counts[i, j] / (n[i] ** (1 - alpha) n[j] ** alpha + shrink)`` (Aiolli, RecSys 2013; shrinkage: Bell & Koren, ICDM
    2007).

    Parameters
    ----------
    counts
        Of :func:`taken_together` or :func:`taken_near`.
    taken
        ``[I]`` how often each item was taken, >= 0.
    alpha
        In [0, 1]: the larger, the less frequent items are shown for being frequent.
    shrink
        >= 0: pairs that rest on little are drawn to 0.
    """
    pairs = counts.tocoo()
    row, column = pairs.coords
    below = taken[row] ** (1.0 - alpha) * taken[column] ** alpha + shrink
    value = (pairs.data / np.maximum(below, 1e-9)).astype(np.float32)
    return csr_array((value, (row, column)), shape=counts.shape)


def lent(
    counts: csr_array, taken: NDArray[np.floating], near: csr_array, share: float = 0.5
) -> tuple[csr_array, NDArray[np.floating]]:
    """Counts to which items with similar texts have lent some of theirs, and how often each was taken then.

    A rare item has few pairs; those of its neighbours in the language stand in for what it has not been seen with.

    Parameters
    ----------
    counts, taken
        As in :func:`likeness`.
    near
        ``[I, I]`` rows that add up to one over the nearest items by text.
    share
        How much is lent, of what the neighbours have.

    Returns
    -------
    ``[I, I]`` and ``[I]``; pairs of less than a thousandth are dropped.
    """
    both = counts + share * (near @ counts) + share * (counts @ near.T)
    kept = csr_array(both, dtype=np.float32)
    kept.data[kept.data < 1e-3] = 0.0
    kept.eliminate_zeros()
    return _apart(kept), np.asarray(taken + share * (near @ taken))


def strongest(matrix: csr_array, most: int) -> csr_array:
    """``[I, I]`` with at most so many pairs a row, the largest; of equal ones those that stand first.

    Parameters
    ----------
    matrix
        Such as of :func:`likeness`.
    most
        >= 1.
    """
    kept = np.ones(matrix.nnz, bool)
    for row in np.flatnonzero(np.diff(matrix.indptr) > most):
        own = slice(matrix.indptr[row], matrix.indptr[row + 1])
        value = matrix.data[own]
        bound = np.partition(value, len(value) - most)[len(value) - most]
        above = value > bound
        equal = np.flatnonzero(value == bound)[: most - int(above.sum())]
        above[equal] = True
        kept[own] = above
    row, column = matrix.tocoo().coords
    return csr_array((matrix.data[kept], (row[kept], column[kept])), shape=matrix.shape)


def _apart(pairs: sparray) -> csr_array:
    """Without pairs of an item with itself."""
    found = pairs.tocoo()
    row, column = found.coords
    kept = (row != column) & (found.data != 0)
    return csr_array((found.data[kept].astype(np.float32), (row[kept], column[kept])), shape=found.shape)

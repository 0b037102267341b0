"""Rows with weights and mixed labels as plain rows: copies with one label each, or weighted rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenshelf.remedies import Rows

Codes = NDArray[np.int64]
Floats = NDArray[np.float32]


def copied(rows: Rows, rng: np.random.Generator) -> tuple[Codes, Codes]:
    """Whole copies of rows, each with one label, drawn.

    A class present in the rows never loses all of them by the draw, nor the label of the last row that is mainly its.

    Returns
    -------
    ``[c]`` which row each copy is of, and ``[c]`` its label.
    """
    index = np.repeat(np.arange(len(rows)), times(rows.weight, rows.target, rng))
    main, other, share = rows.target[index], rows.other[index], rows.share[index]
    if not share.any():
        return index, main
    label = np.where(rng.random(len(index)) < share, other, main)
    # a row that goes back to its main class may have been the last of the other one
    while len(lost := np.setdiff1d(main, label)):
        for group in lost:
            own = np.flatnonzero(main == group)
            label[own[share[own].argmin()]] = group
    return index, label


def weighted(rows: Rows) -> tuple[Codes, Codes, Floats]:
    """All rows with their weights; a mixed one comes twice, once for each label, so that nothing is drawn.

    Returns
    -------
    ``[c]`` which row, ``[c]`` its label and ``[c]`` its weight, > 0.
    """
    mixed = (rows.share > 0) & (rows.other != rows.target)
    share = np.where(mixed, rows.share, np.float32(0.0))
    twice = np.flatnonzero(mixed)
    index = np.concatenate([np.arange(len(rows)), twice])
    label = np.concatenate([rows.target, rows.other[twice]])
    weight = np.concatenate([rows.weight * (1.0 - share), rows.weight[twice] * share[twice]])
    kept = weight > 0
    return index[kept], label[kept], weight[kept].astype(np.float32)


def times(weight: Floats, group: Codes, rng: np.random.Generator) -> Codes:
    """How often each row is repeated: its weight where that is whole, otherwise it rounded up or down at random.

    Whole parts are certain. The rest is drawn by systematic resampling within each group (Kitagawa, Journal of
    Computational and Graphical Statistics 5(1), 1996): one uniform number a group, every row repeated as often as its
    weight in expectation, and the group as a whole never off by a row from the sum of its weights. A group keeps at
    least one row.

    Parameters
    ----------
    weight
        ``[m]`` > 0.
    group
        ``[m]``.

    Returns
    -------
    ``[m]`` >= 0.
    """
    exact = weight.astype(np.float64)
    found = np.floor(exact).astype(np.int64)
    rest = exact - found
    for rows in _by_group(group, np.flatnonzero(rest > 0)):
        edges = np.concatenate([[0.0], np.cumsum(rest[rows])])
        # weights are float32: a sum that is whole but for their rounding is meant to be whole
        whole = np.rint(edges[-1])
        if abs(edges[-1] - whole) <= 2.0**-23 * exact[rows].sum() and whole > 0:
            edges *= whole / edges[-1]
            edges[-1] = whole
        found[rows] += np.diff(np.floor(edges + rng.random())).astype(np.int64)
    for lost in np.setdiff1d(group, group[found > 0]):
        own = np.flatnonzero(group == lost)
        found[own[exact[own].argmax()]] = 1
    return found


def _by_group(group: Codes, among: Codes) -> list[Codes]:
    """The rows `among` of each group."""
    ordered = among[np.argsort(group[among], kind="stable")]
    cuts = np.flatnonzero(np.diff(group[ordered])) + 1
    return np.split(ordered, cuts) if len(ordered) else []

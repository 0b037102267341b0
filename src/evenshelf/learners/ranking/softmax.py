"""Slopes of losses over very many items: in blocks over all of them, or over a draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.remedies import Loss

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

UNSHOWN = -1e9
"""Score of what must not compete."""
CELLS = 2**22
"""Scores that are held at once."""


def full(loss: Loss, read: Floats, table: Floats, target: Codes, weight: Floats) -> tuple[float, Floats, Floats]:
    """A loss over all items and its slopes, in bounded memory.

    Parameters
    ----------
    loss
        Of scores.
    read
        ``[n, d]`` what is known of each example.
    table
        ``[I, d]`` vectors of the items; their product with `read` is the score.
    target
        ``[n]`` what came next.
    weight
        ``[n]`` what each example counts, class weights of the loss included.

    Returns
    -------
    Sum of the loss, and its slopes by `read` and by `table`.
    """
    total, by_read, by_table = 0.0, np.empty_like(read), np.zeros_like(table)
    rows = max(CELLS // max(len(table), 1), 1)
    for first in range(0, len(read), rows):
        part = slice(first, first + rows)
        value, slope = loss.value_and_gradient(read[part] @ table.T, target[part], weight[part])
        total += value
        by_read[part] = slope @ table
        by_table += slope.T @ read[part]
    return total, by_read, by_table


def sampled(read: Any, own: Any, table: Any, draw: tuple[Codes, Floats], *, target: Codes, weight: Floats) -> Any:
    """Sum of the loss over a draw of items, each example beside its own target, as a tensor.

    A drawn item that is the target of an example is none of its rivals, or it would count twice.

    Parameters
    ----------
    read
        ``[n, d]`` tensor, what is known of each example.
    own
        ``[n, d]`` tensor, vectors of the targets.
    table
        ``[m, d]`` tensor, vectors of the drawn items.
    draw
        ``[m]`` items and ``[m]`` what to add to their scores; see
        :meth:`evenshelf.remedies.negatives.Negatives.drawn`.
    target
        ``[n]`` what came next.
    weight
        ``[n]`` what each example counts.
    """
    import torch  # noqa: PLC0415 - slow to import, and optional

    groups, added = draw
    rivals = read @ table.T + torch.from_numpy(added)
    place = np.minimum(np.searchsorted(groups, target), len(groups) - 1)
    hit = np.flatnonzero(groups[place] == target)
    if len(hit):
        rivals = rivals.index_put((torch.from_numpy(hit), torch.from_numpy(place[hit])), torch.tensor(UNSHOWN))
    true = (read * own).sum(dim=1)
    value = torch.logaddexp(torch.logsumexp(rivals, dim=1), true) - true
    return (value * torch.from_numpy(weight)).sum()

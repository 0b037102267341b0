"""How well ranked lists hold one wanted item each: recall, NDCG and MRR, over all users and by kind of item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError

Floats = NDArray[np.float64]
CUTS = (5, 10, 20)
"""Lengths of lists that are looked at."""
BY_ITEMS = (0.2, 0.3, 0.5)
"""Head, torso and tail as shares of the items, as papers on recommendation cut them."""


def rank_of(scores: NDArray[np.floating], target: NDArray[np.integer]) -> Floats:
    """``[n]`` places of the wanted items in their lists, from 0; where scores are equal, the mean of the places.

    Parameters
    ----------
    scores
        ``[n, I]``; minus infinity for what must not be shown.
    target
        ``[n]`` wanted items.

    Returns
    -------
    Infinity where the wanted item must not be shown.
    """
    wanted = scores[np.arange(len(target)), target][:, None]
    above, equal = (scores > wanted).sum(axis=1), (scores == wanted).sum(axis=1)
    return np.where(np.isneginf(wanted[:, 0]), np.inf, above + (equal - 1) / 2)


def ranking_metrics(rank: Floats, among: NDArray[np.bool_] | None = None) -> dict[str, float]:
    """Means over users: ``recall_at_K``, ``ndcg_at_K`` for :data:`CUTS`, and ``mrr``.

    With one wanted item the share of lists that hold it is recall and hit rate in one, and NDCG is
    ``1 / log2(rank + 2)`` (Järvelin & Kekäläinen, ACM TOIS 20, 2002).

    Parameters
    ----------
    rank
        ``[n]`` from 0, as of :func:`rank_of`.
    among
        ``[n]`` users that are looked at; all if ``None``. Of none, all values are NaN.
    """
    kept = rank if among is None else rank[among]
    if not len(kept):
        return {name: float("nan") for name in _NAMES}
    gain = 1.0 / np.log2(kept + 2.0)
    found = {}
    for cut in CUTS:
        inside = kept < cut
        found[f"recall_at_{cut}"] = float(inside.mean())
        found[f"ndcg_at_{cut}"] = float(np.where(inside, gain, 0.0).mean())
    return {**found, "mrr": float((1.0 / (kept + 1.0)).mean())}


_NAMES = [*(f"{kind}_at_{cut}" for cut in CUTS for kind in ("recall", "ndcg")), "mrr"]


def cut_by_items(counts: NDArray[np.integer], shares: Sequence[float] = BY_ITEMS) -> NDArray[np.str_]:
    """``[I]`` head, torso or tail by shares of the items, the most frequent first; ``cold`` where nothing was taken.

    Items that are equally frequent are parted as they come, which with codes that are drawn is at random.

    Raises
    ------
    SettingError
        If there are not three shares that add up to one.
    """
    if len(shares) != 3 or not np.isclose(sum(shares), 1.0) or min(shares) < 0:
        raise SettingError(
            f"The shares {tuple(shares)} are not three that add up to one.",
            hint=f"Those of head, torso and tail are usually {BY_ITEMS}.",
        )
    place = np.empty(len(counts), np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    bounds = np.rint(np.cumsum(shares)[:2] * len(counts))
    names = np.array(["head", "torso", "tail"])[np.searchsorted(bounds, place, side="right")]
    return np.where(counts > 0, names, "cold")


def by_bucket(rank: Floats, bucket: NDArray[np.str_]) -> Mapping[str, dict[str, float]]:
    """The metrics of the users whose wanted item is of each bucket ``[n]``; only buckets that are there."""
    return {str(name): ranking_metrics(rank, bucket == name) for name in np.unique(bucket)}

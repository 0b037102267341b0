"""How well ranked lists hold what is wanted: recall, NDCG and MRR, over all users and by kind of item.

With one wanted item a user, as where the last step is held back, :func:`ranking_metrics`; with any number, as in
baskets and splits in time, :func:`several_metrics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError, SettingError
from evenshelf.tasks.measures import Metric
from evenshelf.tasks.top_items import tie_order

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
CUTS = (5, 10, 20)
"""Lengths of lists that are looked at."""
BY_ITEMS = (0.2, 0.3, 0.5)
"""Head, torso and tail as shares of the items, as papers on recommendation cut them."""


@dataclass(frozen=True)
class RankingMetric(Metric):
    """A metric of lists, with what it can be and where it is from.

    Attributes
    ----------
    low, high
        Ends of its range.
    paper
        Who defined it, and where.
    """

    low: float = 0.0
    high: float = 1.0
    paper: str = ""


_RECALL = "Cleverdon, Aslib Proceedings 19(6), 1967"
_NDCG = "Järvelin & Kekäläinen, ACM TOIS 20, 2002"
_MRR = "Voorhees, TREC-8, 1999"
_HITS = "Deshpande & Karypis, ACM TOIS 22(1), 2004"


def _at(cut: int) -> tuple[RankingMetric, ...]:
    first = f"the first {cut} items"
    return (
        RankingMetric(
            f"recall_at_{cut}",
            f"recall@{cut}",
            "higher",
            f"Share of what a user wants that is among {first}; mean over users.",
            paper=_RECALL,
        ),
        RankingMetric(
            f"hit_rate_at_{cut}",
            f"hit rate@{cut}",
            "higher",
            f"Share of users who find anything they want among {first}; with one wanted item each it is recall.",
            paper=_HITS,
        ),
        RankingMetric(
            f"ndcg_at_{cut}",
            f"NDCG@{cut}",
            "higher",
            f"The same, where earlier places count more: gain 1 / log2(place + 1) over that of the best list of {cut}.",
            paper=_NDCG,
        ),
    )


METRICS: Mapping[str, RankingMetric] = {
    metric.name: metric
    for metric in (
        *(metric for cut in CUTS for metric in _at(cut)),
        RankingMetric(
            "mrr",
            "MRR",
            "higher",
            "Mean over users of 1 / place of the first wanted item in the whole list.",
            paper=_MRR,
        ),
    )
}
"""Every metric that :func:`several_metrics` returns; :func:`ranking_metrics` leaves the hit rates out."""


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


def ranks_of(
    scores: NDArray[np.floating], user: NDArray[np.integer], item: NDArray[np.integer], *, seed: int = 0
) -> Floats:
    """``[m]`` places of wanted items in the lists of their users, from 0, where a user may want several.

    Where scores are equal, places are expected ones, as in :func:`rank_of`; but wanted items that are equal to each
    other cannot share their mean, or a list of five would hold ten of them. If w of e equal items are wanted, they
    have the expected places of w drawn from e (order statistics): those of the mean for w = 1.

    Parameters
    ----------
    scores
        ``[n, I]``; minus infinity for what must not be shown.
    user, item
        ``[m]`` lines of `scores` and wanted items, no pair twice.
    seed
        Which of several that are equal comes first is drawn.

    Returns
    -------
    Infinity where a wanted item must not be shown.

    Raises
    ------
    InputError
        If a user wants an item twice.
    """
    own = np.asarray(user, np.int64)
    wanted = np.asarray(item, np.int64)
    check_pairs(own, wanted)
    value = scores[own, wanted]
    above, equal = np.empty(len(own)), np.empty(len(own))
    for first in range(0, len(own), _PAIRS):
        part = slice(first, first + _PAIRS)
        line = scores[own[part]]
        above[part] = (line > value[part, None]).sum(axis=1)
        equal[part] = (line == value[part, None]).sum(axis=1)
    order = np.lexsort((tie_order(scores.shape[1], seed)[wanted], above, own))
    block = np.stack([own[order].astype(np.float64), above[order]])
    new = np.ones(len(own), bool)
    new[1:] = (block[:, 1:] != block[:, :-1]).any(axis=0)
    start = np.flatnonzero(new)
    size = np.diff(np.append(start, len(own)))
    place = np.empty(len(own))
    place[order] = np.arange(len(own)) - np.repeat(start, size) + 1
    together = np.empty(len(own))
    together[order] = np.repeat(size, size)
    return np.where(np.isneginf(value), np.inf, above + place * (equal + 1) / (together + 1) - 1)


_PAIRS = 256
"""Wanted items whose whole lists are looked at together."""


def check_pairs(user: NDArray[np.integer], item: NDArray[np.integer]) -> None:
    """Raise :class:`InputError` if there are not as many users as items, or a pair comes twice."""
    if len(user) != len(item):
        raise InputError(f"There are {len(user)} users for {len(item)} wanted items.", hint="Give one user an item.")
    order = np.lexsort((item, user))
    if ((np.diff(user[order]) == 0) & (np.diff(item[order]) == 0)).any():
        raise InputError("A user wants the same item twice.", hint="Give each pair of user and wanted item once.")


def several_metrics(
    user: NDArray[np.integer], rank: Floats, among: NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """Means of :func:`user_values` over the users who want anything; NaN if there are none.

    Parameters
    ----------
    user, rank
        As in :func:`user_values`.
    among
        ``[m]`` wanted items that are looked at, such as those of the tail; all if ``None``. Who wants none of them
        is left out, and the others do not count as wanted.
    """
    kept = np.ones(len(user), bool) if among is None else among
    _, values = user_values(np.asarray(user)[kept], rank[kept])
    return {name: float(value.mean()) if len(value) else float("nan") for name, value in values.items()}


def user_values(user: NDArray[np.integer], rank: Floats) -> tuple[Codes, dict[str, Floats]]:
    """Every metric of :data:`METRICS` for each user who wants anything.

    Gains of NDCG are 1 for what is wanted and 0 for all else; the best list of K holds ``min(K, wanted)`` of it, as
    ``min(K, wanted)`` is all that it can hold. Recall is over all that is wanted, and so below 1 where that is more
    than K.

    Parameters
    ----------
    user
        ``[m]`` who wants each item.
    rank
        ``[m]`` its place, from 0, as of :func:`ranks_of`; infinity if it is not shown at all.

    Returns
    -------
    ``[n]`` the users, in order, and ``[n]`` values by metric.
    """
    users, own, wanted = np.unique(np.asarray(user, np.int64), return_inverse=True, return_counts=True)
    count = len(users)
    gain = 1.0 / np.log2(rank + 2.0)
    found: dict[str, Floats] = {}
    for cut in CUTS:
        inside = rank < cut
        hits = np.bincount(own, inside, count)
        best = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(cut) + 2.0))])[np.minimum(wanted, cut)]
        found[f"recall_at_{cut}"] = hits / wanted
        found[f"hit_rate_at_{cut}"] = (hits > 0).astype(np.float64)
        found[f"ndcg_at_{cut}"] = np.bincount(own, np.where(inside, gain, 0.0), count) / best
    first = np.full(count, np.inf)
    np.minimum.at(first, own, rank)
    found["mrr"] = 1.0 / (first + 1.0)
    return users, found


def repeat_metrics(user: NDArray[np.integer], rank: Floats, again: NDArray[np.bool_]) -> dict[str, float]:
    """The metrics of what is bought again and of what is new to a user, apart: ``rebought_*`` and ``new_*``.

    Where most of a basket was bought before, one recall hides that nothing new is found (Li et al., ACM TOIS 41, 2023).

    Parameters
    ----------
    user, rank
        As in :func:`user_values`.
    again
        ``[m]`` whether the user had the item before.
    """
    parts = {"rebought": again, "new": ~again}
    return {
        f"{part}_{name}": value
        for part, among in parts.items()
        for name, value in several_metrics(user, rank, among).items()
    }


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

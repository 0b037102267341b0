"""What ranked lists are judged by: whether they hold what users wanted, over all users, by item and by kind of item.

A row is an item that a user wanted. With one wanted item a user, NDCG is ``1 / log2(rank + 2)`` within the cut; with
several it is the sum of that over the best such sum (Järvelin & Kekäläinen, ACM TOIS 20, 2002).

Frequent items are wanted most, so a mean over users hardly sees the tail. The mean over items, each of them a mean over
its users, is what macro averages are for classes; it is the estimate of Yang et al. (RecSys 2018) for shops in which
items are wanted as often as they were shown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenshelf.tasks.measures import Measures, Metric
from evenshelf.tasks.ranking_metrics import CUTS, several_metrics

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
K = 10
"""Length of the lists that decide."""
PARTS = ("head", "torso", "tail", "cold")

_OF = {
    "head": "the most frequent ones",
    "torso": "neither head nor tail",
    "tail": "the least frequent ones",
    "cold": "never taken before",
}
_ALL = (
    Metric(
        "macro_ndcg_at_10", "macro NDCG@10", "higher", "Mean over items of what their users see; each counts the same."
    ),
    *(
        Metric(f"{part}_ndcg_at_10", f"{part} NDCG@10", "higher", f"NDCG@10 of wanted items that are {_OF[part]}.")
        for part in PARTS
    ),
    Metric(
        "ndcg_at_10",
        "NDCG@10",
        "higher",
        "Whether the first ten hold what is wanted, and how early; frequent items dominate it.",
    ),
    *(
        Metric(f"recall_at_{k}", f"recall@{k}", "higher", f"Share of what is wanted that the first {k} hold.")
        for k in CUTS
    ),
    *(Metric(f"ndcg_at_{k}", f"NDCG@{k}", "higher", f"The same with {k} places.") for k in CUTS if k != K),
    *(
        Metric(f"hit_rate_at_{k}", f"hit rate@{k}", "higher", f"Share of users who see something wanted in {k} places.")
        for k in CUTS
    ),
    Metric("mrr", "MRR", "higher", "Mean over users of one over the place of the first wanted item."),
    *(
        Metric(
            f"{part}_recall_at_10",
            f"{part} recall@10",
            "higher",
            f"Share of wanted items that are {_OF[part]}, which the first ten hold.",
        )
        for part in PARTS
    ),
)

LISTS = Measures(
    name="lists",
    metrics={metric.name: metric for metric in _ALL},
    main="macro_ndcg_at_10",
    head="head_ndcg_at_10",
    torso="torso_ndcg_at_10",
    tail="tail_ndcg_at_10",
    overall="ndcg_at_10",
    each="NDCG@10",
    guess="showing everyone what is popular",
    likelihood=False,
    zone=0.0005,  # a list that holds the one wanted item of ten thousand in a tenth of cases is a good one
)
"""Of answers that are ranked lists."""


def gain(rank: NDArray[np.floating], cut: int = K) -> Floats:
    """``[n]`` what a wanted item at this place, from 0, is worth: ``1 / log2(rank + 2)``, and 0 beyond the cut."""
    inside = rank < cut
    return np.where(inside, 1.0 / np.log2(np.where(inside, rank, 0.0) + 2.0), 0.0)


def of_users(rank: NDArray[np.floating], user: Codes, users: int, cut: int = K) -> tuple[Floats, NDArray[np.int64]]:
    """``[users]`` NDCG of each, and how many items each wanted; 0 of who wanted none.

    Parameters
    ----------
    rank, user
        ``[n]`` place of each wanted item, and the code of who wanted it.
    """
    wanted = np.bincount(user, minlength=users).astype(np.int64)
    best = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(cut) + 2.0))])
    found = np.bincount(user, gain(rank, cut), minlength=users)
    return found / np.maximum(best[np.minimum(wanted, cut)], 1e-12), wanted


def list_measures(rank: NDArray[np.floating], item: Codes, user: Codes, bucket: NDArray[np.str_]) -> dict[str, float]:
    """All of :data:`LISTS`.

    Parameters
    ----------
    rank, item, user
        ``[n]`` of each wanted item its place (from 0), its code and who wanted it.
    bucket
        ``[I]`` head, torso, tail or cold.

    Returns
    -------
    A value for every metric; NaN where nothing is wanted.
    """
    found = dict.fromkeys(LISTS.metrics, float("nan"))
    if not len(rank):
        return found
    place = np.asarray(rank, np.float64)
    found |= several_metrics(user, place)
    items = np.bincount(item, minlength=len(bucket))
    mean = np.bincount(item, gain(rank), len(bucket))[items > 0] / items[items > 0]
    found["macro_ndcg_at_10"] = float(mean.mean())
    for part in PARTS:
        values = several_metrics(user, place, bucket[item] == part)
        found |= {f"{part}_{name}": values[name] for name in ("ndcg_at_10", "recall_at_10")}
    return found

"""What lists show besides what is wanted: how much of the catalogue, of its tail, how new and how varied.

Lists are ``[U, K]`` codes of items, best first, with :data:`~evenshelf.tasks.top_items.NO_ITEM` in places that are
empty; those count for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from evenshelf.errors import InputError
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import Codes, RankingMetric, check_pairs, cut_by_items

BUCKETS = ("head", "torso", "tail", "cold")
_GE = "Ge, Delgado-Battenfeld & Jannach, RecSys 2010"
_SINGH = "Singh & Joachims, KDD 2018"
_LONG_TAIL = "Abdollahpouri, Burke & Mobasher, FLAIRS 2019"
_REPEATS = "Li et al., ACM TOIS 41, 2023"
_INFINITE = float("inf")

METRICS: Mapping[str, RankingMetric] = {
    metric.name: metric
    for metric in (
        RankingMetric(
            "coverage",
            "coverage",
            "higher",
            "Share of the catalogue that is in the list of at least one user.",
            paper=_GE,
        ),
        RankingMetric(
            "gini",
            "Gini of exposure",
            "lower",
            "How unevenly places are spread over the catalogue: at 0 all items have as many, near 1 few have all.",
            paper="Fleder & Hosanagar, Management Science 55(5), 2009",
        ),
        RankingMetric(
            "tail_share",
            "tail share",
            "higher",
            "Share of places that go to items of the tail or cold.",
            paper=_LONG_TAIL,
        ),
        *(
            RankingMetric(
                f"{bucket}_exposure",
                f"{bucket} exposure",
                "lower" if bucket == "head" else "higher",
                f"Share of attention that goes to {bucket} items; a place has 1 / log2(place + 1) of it.",
                paper=_SINGH,
            )
            for bucket in BUCKETS
        ),
        RankingMetric(
            "novelty",
            "novelty",
            "higher",
            "Mean over places of the bits of surprise of an item, -log2 of the share of users who took it.",
            high=_INFINITE,
            paper="Zhou et al., PNAS 107(10), 2010; Vargas & Castells, RecSys 2011",
        ),
        RankingMetric(
            "diversity",
            "diversity within lists",
            "higher",
            "One minus the mean cosine of two items of a list; mean over lists of at least two items.",
            high=2.0,
            paper="Ziegler et al., WWW 2005",
        ),
        RankingMetric(
            "serendipity",
            "serendipity",
            "higher",
            "Share of a list that is wanted and that the list of what is popular does not hold; mean over users.",
            paper=f"{_GE}; Kaminskas & Bridge, ACM TiiS 7(1), 2016",
        ),
        RankingMetric(
            "repeat_share",
            "repeat share",
            "lower",
            "Share of places with what the user had before. Where people buy again, hold it against how much of what "
            "they want they had before.",
            paper=_REPEATS,
        ),
        RankingMetric(
            "repeat_hit_share",
            "repeat share of hits",
            "lower",
            "Share of the wanted items that are shown which the user had before: how much of recall is repetition.",
            paper=_REPEATS,
        ),
        RankingMetric(
            "rebought_recall_at_10",
            "recall@10, again",
            "higher",
            "Share of what a user wants and had that the first ten hold; mean over users who want such.",
            paper=_REPEATS,
        ),
        RankingMetric(
            "new_recall_at_10",
            "recall@10, new",
            "higher",
            "Share of what a user wants and never had that the first ten hold; mean over users who want such.",
            paper=_REPEATS,
        ),
    )
}
"""Every metric that is told of lists; :func:`list_metrics` returns all but the recalls."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What lists are judged by, of each item.

    Attributes
    ----------
    bucket
        ``[I]`` head, torso, tail or cold.
    takers
        ``[I]`` how many users took it.
    users
        How many users there are, >= 1.
    vectors
        ``[I, d]`` by which items are alike, of any length; 0 for items of which nothing is known, which are like no
        other. ``None`` where there are none.
    """

    bucket: NDArray[np.str_]
    takers: Codes
    users: int
    vectors: NDArray[np.floating] | csr_array | None = None

    @classmethod
    def of(cls, histories: Histories, vectors: NDArray[np.floating] | csr_array | None = None) -> Catalogue:
        """Count in the histories that were learned from."""
        takers = np.asarray((histories.weights() > 0).sum(axis=0), np.int64).ravel()
        return cls(cut_by_items(histories.counts), takers, len(histories.users), vectors)


def list_metrics(
    lists: Codes,
    catalogue: Catalogue,
    *,
    wanted: tuple[Codes, Codes] | None = None,
    popular: Codes | None = None,
    had: csr_array | None = None,
) -> dict[str, float]:
    """All of :data:`METRICS` for which there is what they need; NaN where there is nothing to average over.

    Parameters
    ----------
    lists
        ``[U, K]``.
    catalogue
        Of all items.
    wanted
        ``[m]`` users (lines of `lists`) and ``[m]`` items that they want, no pair twice.
    popular
        ``[U, K]`` lists that anyone would make: of what is popular, without what each user may not be shown.
    had
        ``[U, I]``, not 0 where a user had an item before.

    Raises
    ------
    InputError
        If a user wants an item twice.
    """
    items = len(catalogue.bucket)
    found = {
        "coverage": coverage(lists, items),
        "gini": gini(lists, items),
        "tail_share": tail_share(lists, catalogue.bucket),
        **{f"{bucket}_exposure": share for bucket, share in exposure(lists, catalogue.bucket).items()},
        "novelty": novelty(lists, catalogue.takers, catalogue.users),
    }
    if catalogue.vectors is not None:
        found["diversity"] = diversity(lists, catalogue.vectors)
    if wanted is not None and popular is not None:
        found["serendipity"] = serendipity(lists, *wanted, popular)
    if had is not None:
        found["repeat_share"] = repeat_share(lists, had)
        if wanted is not None:
            found["repeat_hit_share"] = repeat_hit_share(lists, *wanted, had)
    return found


def times_shown(lists: Codes, items: int) -> Codes:
    """``[I]`` in how many lists each item is."""
    return np.bincount(lists[lists >= 0], minlength=items).astype(np.int64)


def coverage(lists: Codes, items: int) -> float:
    """Share of the catalogue that is in any list; NaN of an empty catalogue."""
    return float((times_shown(lists, items) > 0).mean()) if items else float("nan")


def gini(lists: Codes, items: int) -> float:
    """Gini coefficient of :func:`times_shown`, from 0 to ``1 - 1 / I``; NaN where nothing is shown.

    ``sum over i of (2 i - I - 1) x[i] / (I sum x)``, x in rising order, i from 1.
    """
    shown = np.sort(times_shown(lists, items)).astype(np.float64)
    if not shown.sum():
        return float("nan")
    place = np.arange(1, items + 1)
    return float(((2 * place - items - 1) * shown).sum() / (items * shown.sum()))


def tail_share(lists: Codes, bucket: NDArray[np.str_]) -> float:
    """Share of places with items whose bucket ``[I]`` is tail or cold; NaN where nothing is shown."""
    return _mean(np.isin(bucket, ["tail", "cold"])[lists[lists >= 0]])


def exposure(lists: Codes, bucket: NDArray[np.str_]) -> dict[str, float]:
    """Shares of attention by bucket, which add up to one; NaN where nothing is shown.

    The first place has 1 of it, the p-th ``1 / log2(p + 1)``.
    """
    line, place = np.nonzero(lists >= 0)
    seen = 1.0 / np.log2(place + 2.0)
    of = bucket[lists[line, place]]
    whole = float(seen.sum()) or float("nan")
    return {name: float(seen[of == name].sum()) / whole for name in BUCKETS}


def novelty(lists: Codes, takers: Codes, users: int) -> float:
    """Mean over places of ``-log2(takers / users)`` in bits; who nobody took counts as taken by half a user.

    From 0, where all users took what is shown, to ``log2(2 users)``; NaN where nothing is shown.
    """
    return _mean(-np.log2(np.maximum(takers, 0.5) / users)[lists[lists >= 0]])


def diversity(lists: Codes, vectors: NDArray[np.floating] | csr_array) -> float:
    """Mean over lists of one minus the mean cosine of their pairs, in [0, 2], in [0, 1] where no entry is below 0.

    Lists of fewer than two items are left out; NaN if these are all.
    """
    rows = csr_array(vectors, dtype=np.float64)
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    unit = csr_array(diags_array(1.0 / np.where(length > 0, length, 1.0)) @ rows)
    line, place = np.nonzero(lists >= 0)
    shown = csr_array((np.ones(len(line)), (line, lists[line, place])), shape=(len(lists), unit.shape[0]))
    size = np.bincount(line, minlength=len(lists))
    # the squared length of a sum of unit vectors holds each pair twice, and each vector once with itself
    total = np.zeros(len(lists))
    for first in range(0, len(lists), _LINES):
        summed = shown[first : first + _LINES] @ unit
        total[first : first + _LINES] = np.asarray(summed.multiply(summed).sum(axis=1)).ravel()
    itself = shown @ (length > 0).astype(np.float64)
    several = size > 1
    pairs = (size * (size - 1.0))[several]
    return _mean(1.0 - (total - itself)[several] / pairs)


_LINES = 2000
"""Lists whose sums are held at once."""


def serendipity(lists: Codes, user: Codes, item: Codes, popular: Codes) -> float:
    """Mean over users who want anything of the share of their list that they want and `popular` does not hold.

    Parameters
    ----------
    lists, popular
        ``[U, K]`` and ``[U, L]``.
    user, item
        ``[m]`` who wants what.
    """
    shown = is_in(lists, user, item) & ~is_in(popular, user, item)
    asked = np.unique(user)
    hits = np.bincount(user, shown, len(lists))[asked]
    return _mean(hits / np.maximum((lists >= 0).sum(axis=1)[asked], 1))


def repeat_share(lists: Codes, had: csr_array) -> float:
    """Share of places with what the user had before (`had` ``[U, I]`` not 0); NaN where nothing is shown."""
    line, place = np.nonzero(lists >= 0)
    return _mean(had_before(had, line, lists[line, place]))


def repeat_hit_share(lists: Codes, user: Codes, item: Codes, had: csr_array) -> float:
    """Share of the wanted items that are shown which the user had before; NaN if none is shown."""
    shown = is_in(lists, user, item)
    return _mean(had_before(had, user[shown], item[shown]))


def had_before(had: csr_array, user: Codes, item: Codes) -> NDArray[np.bool_]:
    """``[m]`` whether each user had each item before; the wanted items of one user that are bought again, and new."""
    if not len(user):  # scipy gives a sparse array then
        return np.zeros(0, bool)
    return np.asarray(np.asarray(had[user, item]).ravel() != 0)


def is_in(lists: Codes, user: Codes, item: Codes) -> NDArray[np.bool_]:
    """``[m]`` whether each item is in the list of its user.

    Raises
    ------
    InputError
        If a user wants an item twice, or is not among the lists.
    """
    check_pairs(user, item)
    if len(user) and not 0 <= user.min() <= user.max() < len(lists):
        raise InputError(
            f"Users from {user.min()} to {user.max()} want items, and there are {len(lists)} lists.",
            hint="Number users by the lines of the lists.",
        )
    found: NDArray[np.bool_] = (lists[user] == item[:, None]).any(axis=1)
    return found


def _mean(values: NDArray[np.generic]) -> float:
    return float(np.mean(values.astype(np.float64))) if len(values) else float("nan")

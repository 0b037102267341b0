"""Texts alone: items whose words or vectors lie in the direction of what a user has; also items never taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_array, hstack

from evenshelf.learners.ranking.base import Evidence, ItemFacts, needed_texts, popularity_of
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.base import Codes, Floats, unit_lines
from evenshelf.rankers.popularity import Popularity
from evenshelf.rankers.texts import SCALE, Texts
from evenshelf.remedies import Remedy, Stage
from evenshelf.tasks.histories import Histories, numbered

AXES = 256
"""Of words, where a remedy asks for dense vectors."""
USERS = 5_000
"""Whose histories are gone through at once."""


def fit_text(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Texts:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

    An item is held against histories by its text. Under a remedy that pools it is held by what the remedy's penalty
    draws to (:meth:`Remedy.centre`), as under a penalty without end: rows are the histories about each step, and their
    means by item are what a class mean is. Items of which the remedy says nothing keep their text. Dense vectors are
    needed then, and words are brought to their leading axes.

    Raises
    ------
    InputError
        If nothing is known of what items are called.
    """
    needed_texts(evidence, "text")
    histories, decay = evidence.histories, setting["decay"]
    popularity = np.float32(setting["popularity"]) * Popularity.of(popularity_of(evidence)).log_share
    if Stage.POOL not in remedy.stages:
        rows = joined(evidence.facts, setting["share"])
        return Texts(rows, rows, popularity, decay)
    dense = dense_texts(evidence.facts, setting["share"], seed)
    centre = remedy.centre(dense, evidence.prior, history_means(histories, dense, decay))
    if centre is None:
        return Texts(dense, dense, popularity, decay)
    speaks = centre.any(axis=1, keepdims=True)
    heads = np.where(~speaks, np.float32(SCALE) * dense, centre).astype(np.float32)
    return Texts(dense, heads, popularity, decay)


def joined(facts: ItemFacts, share: float) -> csr_array | Floats:
    """``[I, d]`` words and vectors side by side, so that cosines add up; where one is missing, the other.

    Parameters
    ----------
    facts
        With words, vectors or both.
    share
        Of the vectors, in [0, 1].
    """
    if facts.words is None:
        assert facts.vectors is not None
        return facts.vectors
    if facts.vectors is None or share == 0.0:
        return facts.words
    parts = [np.sqrt(1.0 - share) * facts.words, csr_array(np.float32(np.sqrt(share)) * facts.vectors)]
    return csr_array(unit_lines(csr_array(hstack(parts), dtype=np.float32)))


def dense_texts(facts: ItemFacts, share: float, seed: int) -> Floats:
    """``[I, d]`` like :func:`joined`, with words in their :data:`AXES` leading axes."""
    if facts.words is None:
        assert facts.vectors is not None
        return facts.vectors
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415 - slow to import

    axes = min(AXES, min(facts.words.shape) - 1)
    words = facts.words.toarray() if axes < 2 else TruncatedSVD(axes, random_state=seed).fit_transform(facts.words)
    turned = unit_lines(np.asarray(words, np.float32))
    found = joined(ItemFacts(words=csr_array(turned), vectors=facts.vectors), share)
    return found.toarray() if isinstance(found, csr_array) else found


def history_means(histories: Histories, rows: Floats, decay: float) -> Floats:
    """``[I, d]`` mean of the histories about each item, less the mean of all; 0 of an item with none.

    A history is the mean of the vectors in the other baskets of the user, whichever came first, a basket further away
    counting `decay` less, at length 1. Who has but one basket has none.

    Parameters
    ----------
    histories
        All of them.
    rows
        ``[I, d]`` vectors of items.
    decay
        In (0, 1].
    """
    sums, counts = np.zeros(rows.shape), np.zeros(len(rows), np.int64)
    for _, some in histories.blocks(USERS):
        around, basket = _around(some, rows, decay)
        told = np.any(around != 0, axis=1)[basket]
        item = some.item[told]
        taken = csr_array((np.ones(len(item)), (item, basket[told])), shape=(len(rows), len(around)))
        sums += taken @ unit_lines(around)
        counts += np.bincount(item, minlength=len(rows))
    if not counts.any():
        return np.zeros(rows.shape, np.float32)
    means: Floats = (sums / np.maximum(counts, 1)[:, None] - sums.sum(axis=0) / counts.sum()).astype(np.float32)
    means[counts == 0] = 0.0
    return means


def _around(histories: Histories, rows: Floats, decay: float) -> tuple[Floats, Codes]:
    """``[B, d]`` sums over the baskets about each basket, and ``[N]`` the basket of each step."""
    basket = numbered(histories.user, histories.baskets)
    size = int(basket.max(initial=-1)) + 1
    holds = csr_array((np.ones(len(basket), np.float32), (basket, histories.item)), shape=(size, len(rows)))
    own = np.asarray(holds @ rows, np.float32)
    owner = np.zeros(size, np.int64)
    owner[basket] = histories.user
    first = np.searchsorted(owner, owner)
    place = np.arange(size) - first
    around = np.zeros_like(own)
    for turn, neighbour in ((place, -1), (np.bincount(owner)[owner] - 1 - place if size else place, 1)):
        seen = own.copy()
        order = np.argsort(turn, kind="stable")
        for some in np.split(order, np.cumsum(np.bincount(turn))[:-1])[1:]:
            around[some] += seen[some + neighbour]
            seen[some] += np.float32(decay) * seen[some + neighbour]
    return around, basket


TEXT = register(
    RankingLearner(
        name="text",
        title="texts alone",
        summary="Items whose texts are like those of what a user has; serves items never taken.",
        paper="Pazzani & Billsus, Content-Based Recommendation Systems, 2007; Rocchio, 1971",
        fit=fit_text,
        stages=(Stage.POOL,),
        grid={"decay": (0.5, 0.8, 1.0), "popularity": (0.01, 0.1, 0.3), "share": (0.5, 0.0, 1.0)},
        needs=("texts",),
        cost=5.0,
    )
)

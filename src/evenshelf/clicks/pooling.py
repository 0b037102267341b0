"""Evidence pooled over neighbouring queries, for queries that were asked rarely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from evenshelf.clicks.evidence import Attraction, Pairs
from evenshelf.clicks.log import ClickLog, Floats
from evenshelf.clicks.models.base import ClickModel
from evenshelf.clicks.models.position_based import PositionBased
from evenshelf.clicks.sums import sums
from evenshelf.errors import InputError, SettingError

STRENGTHS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""What is tried."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """A click model whose attractions lean on those of neighbouring queries.

    Attributes
    ----------
    model
        The model; its attraction also has items that were shown for neighbours alone.
    strength
        So many looks neighbours may lend a pair at most; 0 where they do not help.
    tried
        Bits a row of held-out lists by strength; empty if the strength was given.
    """

    model: ClickModel
    strength: float
    tried: Mapping[float, float]


def pool(
    log: ClickLog,
    similarity: Any,
    *,
    kind: type[ClickModel] = PositionBased,
    strength: float | None = None,
    strengths: Sequence[float] = STRENGTHS,
    share: float = 0.2,
    seed: int = 0,
) -> Pooled:
    """Fit a click model, and draw each attraction to that of the same item under neighbouring queries.

    Parameters
    ----------
    log
        Any.
    similarity
        ``[queries, queries]`` dense or sparse, in the order of ``log.queries``, not negative: what a look under the
        query of the column counts for the query of the row, such as cosines of their vectors, cut off below some value.
        The diagonal is not looked at.
    kind
        The click model.
    strength
        How much neighbours may lend at most, in looks; by default the one of `strengths` under which lists that are
        held out are most likely.
    strengths
        What is tried, each not negative; 0, no pooling, is always tried as well.
    share, seed
        Of lists that are held out to choose the strength.

    Raises
    ------
    InputError
        If the similarity does not fit the queries, or the log has fewer than two lists.
    SettingError
        If a strength is negative, or the model knows no pairs.
    """
    asked = [*strengths] if strength is None else [strength]
    if any(not (np.isfinite(one) and one >= 0) for one in asked):
        raise SettingError(f"A strength of pooling must not be negative: {', '.join(map(str, asked))}.")
    neighbours = _checked(similarity, len(log.queries))
    tried: dict[float, float] = {}
    if strength is None:
        rest, held = log.split(share, seed=seed)
        model = kind.fit(rest)
        for one in sorted({0.0, *asked}):
            tried[one] = replace(model, attraction=leaning(model.attraction, neighbours, one)).bits(held)
        strength = min(tried, key=lambda one: (tried[one], one))
    model = kind.fit(log)
    if not len(model.attraction.pairs):
        raise SettingError(
            f"{model.title} knows no difference between items, so there is nothing to pool.",
            hint="Take position_based, or another model of items.",
        )
    return Pooled(replace(model, attraction=leaning(model.attraction, neighbours, strength)), strength, tried)


def leaning(attraction: Attraction, similarity: sparse.csr_array, strength: float) -> Attraction:
    """Attractions with what neighbours lend.

    A pair whose neighbours have Y clicks in N looks, each weighed by its similarity, is lent ``N s / (N + s)`` looks
    with their click rate: never more than `s`, and never more than they have. So at strength 0, or without neighbours,
    it is what it was, and a pair with many looks of its own hardly changes.

    Parameters
    ----------
    attraction
        Of P pairs.
    similarity
        ``[queries, queries]``, not negative; the diagonal counts too.
    strength
        ``s``, not negative.

    Returns
    -------
    Attraction
        Of these pairs and those of neighbours.
    """
    if strength == 0:
        return attraction
    pairs = attraction.pairs
    shape, items = (len(pairs.queries), len(pairs.items)), len(pairs.items)
    lent = []
    for values in (attraction.hits, attraction.looks):
        found = (similarity @ sparse.csr_array((values, (pairs.query, pairs.item)), shape=shape)).tocoo()
        lent.append((found.row.astype(np.int64) * items + found.col, found.data))
    key = np.unique(np.concatenate([pairs.key, lent[1][0]]))
    hits, looks = (_at(key, *one) for one in lent)
    own = np.searchsorted(key, pairs.key)
    before = np.broadcast_to(np.asarray(attraction.prior), (len(key), 2)).copy()
    before[own] = attraction.before
    a, b = before[:, 0].copy(), before[:, 1].copy()
    a[own], b[own] = attraction.a, attraction.b
    part = strength / (looks + strength)
    a, b = a + part * hits, b + part * np.maximum(looks - hits, 0)
    return Attraction(Pairs(pairs.queries, pairs.items, key), a, b, before, attraction.prior)


def _at(key: Floats, where: Floats, values: Floats) -> Floats:
    """Values at keys, 0 elsewhere."""
    return sums(np.searchsorted(key, where), values, len(key))


def _checked(similarity: Any, queries: int) -> sparse.csr_array:
    """As a sparse matrix without its diagonal."""
    found = sparse.csr_array(similarity, dtype=np.float64)
    if found.shape != (queries, queries):
        raise InputError(
            f"The similarity of queries is {' x '.join(map(str, found.shape))}, and the log has {queries:,} queries.",
            hint="Give a row and a column for each name in log.queries, in that order.",
        )
    wrong = np.flatnonzero(~(np.isfinite(found.data) & (found.data >= 0)))
    if len(wrong):
        row = int(np.searchsorted(found.indptr, wrong[0], side="right")) - 1
        raise InputError(
            f"The similarity of queries, row {row}, column {found.indices[wrong[0]]}: {found.data[wrong[0]]} is not a "
            "number from 0 up.",
            hint="Cut cosines off at 0 or above.",
        )
    found = found.tolil()
    found.setdiag(0)
    cleared = found.tocsr()
    cleared.eliminate_zeros()
    return sparse.csr_array(cleared)

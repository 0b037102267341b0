"""What is known of each candidate of a search, as numbers that a model can learn an order from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.index.documents import FIELDS
from evenshelf.index.ranking import share_of_best, signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.index.ranking import Candidates, Ranked
    from evenshelf.index.understanding import Understood
    from evenshelf.index.view import View

    Floats = NDArray[np.float32]

_PRICE = "price"
FEATURES = (
    "usual",
    "words_share",
    "coverage",
    "cosine",
    "trust",
    "words",
    *(f"words_{field}" for field in FIELDS),
    "words_place",
    "cosine_place",
    "popularity",
    "price_place",
    "title_length",
    "query_words",
)
"""Columns of features, in order.

``usual``: the score that the usual fusion gives; ``words_share``, ``coverage``, ``cosine``: what that fusion weighs
(:func:`~evenshelf.index.ranking.signals`), the cosine times ``trust``, which is how far vectors are listened to;
``words`` and ``words_FIELD``: BM25 over all and over one field; ``..._place``: share of the found that have less;
``popularity``: logarithm of how often an item was taken, as a share of the
greatest that was found; ``title_length``:
logarithm of its characters; ``query_words``: groups of words that were asked.
"""
SIGNALS = ("words_share", "coverage", "cosine")
"""Of these, what the usual fusion weighs, the cosine as far as it is trusted."""


def features(view: View, query: Understood, candidates: Candidates, usual: Ranked, trust: float) -> Floats:
    """Return ``[n, F]`` the :data:`FEATURES` of candidates.

    Parameters
    ----------
    view
        The items.
    query
        What was asked.
    candidates
        At least one.
    usual
        Their scores by the usual fusion.
    trust
        In vectors, for this query, 0 to 1.
    """
    rows = candidates.rows
    own = signals(candidates, in_pieces=query.in_pieces)
    own[:, 2] *= np.float32(trust)
    measure, prices = candidates.measure, view.numbers(_PRICE, rows)
    columns = {
        "usual": usual.scores,
        **dict(zip(SIGNALS, own.T, strict=True)),
        "trust": np.full(len(rows), trust),
        "words": candidates.words,
        **{f"words_{field}": _by_field(view, query, rows, field) for field in FIELDS},
        "words_place": _place(candidates.words, measure),
        "cosine_place": _place(candidates.cosines, measure) * trust,
        "popularity": share_of_best(np.log1p(candidates.popularity), measure),
        "price_place": np.where(np.isnan(prices), 0.5, _place(prices, measure & ~np.isnan(prices))),
        "title_length": np.log1p(view.documents["title"].gather(rows).str.len_chars().to_numpy()),
        "query_words": np.full(len(rows), len(query.groups)),
    }
    return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float32)


def _by_field(view: View, query: Understood, rows: NDArray[np.int64], field: str) -> Floats:
    if not query.groups:
        return np.zeros(len(rows), np.float32)
    return view.reader.scores(view.reader.query(query, {field: 1.0}, needed=None), rows)


def _place(values: NDArray[np.floating], measure: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``[n]`` share of the others, of those that measure, that have less; at most 1."""
    ordered = np.sort(values[measure])
    return np.minimum(np.searchsorted(ordered, values) / max(len(ordered) - 1, 1), 1.0)


@dataclass(frozen=True, eq=False)
class Pool:
    """Candidates of a query, and some items besides, in the order in which the usual fusion ranks them.

    Attributes
    ----------
    ids
        ``[n]`` items.
    features
        ``[n, F]``, see :data:`FEATURES`.
    found
        ``[n]`` whether the search finds the item, and not only was asked about it.
    """

    ids: list[str]
    features: Floats
    found: NDArray[np.bool_]

"""How items that were found are ordered: what counts how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from evenshelf.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from evenshelf.index.understanding import Understood
    from evenshelf.index.view import View

    Floats = NDArray[np.float32]

FIELD_WEIGHTS: Mapping[str, float] = {
    "title": 1.0,
    "brand": 0.5,
    "category": 0.7,
    "attributes": 0.3,
    "description": 0.4,
}
FUSIONS = ("convex", "rrf", "words", "vectors")
_RRF = 60


@dataclass(frozen=True)
class Ranking:
    """Settings of a search.

    Attributes
    ----------
    fusion
        ``"convex"``: a weighted mean of both legs' scores, each scaled to its best; ``"rrf"``: reciprocal ranks
        (Cormack et al. 2009); ``"words"`` or ``"vectors"``: one leg alone.
    dense_weight
        Weight of the dense leg in a convex mean where it is trusted in full, 0 to 1.
    popularity_weight
        What the most popular candidate gains over one that nobody took.
    fields
        How much a word counts in each field.
    depth
        Candidates of each leg.
    enough
        If fewer items than this have all words, those that lack one are looked at as well, and so on.
    """

    fusion: str = "convex"
    dense_weight: float = 0.5
    popularity_weight: float = 0.05
    fields: Mapping[str, float] = field(default_factory=lambda: dict(FIELD_WEIGHTS))
    depth: int = 200
    enough: int = 10

    def __post_init__(self) -> None:
        if self.fusion not in FUSIONS:
            raise SettingError(f"There is no fusion {self.fusion!r}.", hint=f"Fusions: {', '.join(FUSIONS)}.")
        if not 0 <= self.dense_weight <= 1:
            raise SettingError(f"The weight of the dense leg is {self.dense_weight}, not between 0 and 1.")


@dataclass(frozen=True)
class Candidates:
    """Items that one of the legs found, and what both say of them.

    Attributes
    ----------
    rows
        Rows, ascending.
    words
        Scores by words, 0 of those that have none.
    cosines
        Cosines to the query.
    popularity
        How often each was taken, 0 if unknown.
    matched
        Whether the item was found by its words, not by its vector alone.
    """

    rows: NDArray[np.int64]
    words: Floats
    cosines: Floats
    popularity: Floats
    matched: NDArray[np.bool_]


@dataclass(frozen=True)
class Ranked:
    """Candidates, scored.

    Attributes
    ----------
    scores
        A score for each candidate, higher is better.
    parts
        What each part adds to it, by name.
    """

    scores: Floats
    parts: Mapping[str, Floats]


class Ranker(Protocol):
    """What scores candidates in the place of a fusion, such as a learned model."""

    def __call__(self, view: View, query: Understood, candidates: Candidates) -> Ranked:
        """Score candidates."""
        ...


def fuse(candidates: Candidates, ranking: Ranking, trust: float) -> Ranked:
    """Score candidates by what both legs say.

    Parameters
    ----------
    candidates
        At least one.
    ranking
        The settings.
    trust
        How well vectors do at queries like this one, against words: 0 to 1.
    """
    popular = np.log1p(candidates.popularity).astype(np.float32)
    best = float(popular.max(initial=0.0))
    prior = np.float32(ranking.popularity_weight / best if best > 0 else 0.0) * popular
    if ranking.fusion == "rrf":
        words = _reciprocal(candidates.words)
        vectors = np.float32(trust) * _reciprocal(candidates.cosines)
        # As large as the best possible sum is 1, so that the prior means the same in every fusion.
        most = np.float32((_RRF + 1) / 2)
        words, vectors = words * most, vectors * most
    else:
        weight = {"words": 0.0, "vectors": 1.0}.get(ranking.fusion, ranking.dense_weight * trust)
        words = np.float32(1 - weight) * _scaled(candidates.words, floor=0.0)
        vectors = np.float32(weight) * _scaled(candidates.cosines, floor=float(candidates.cosines.min(initial=0.0)))
    return Ranked(words + vectors + prior, {"words": words, "vectors": vectors, "popularity": prior})


def _scaled(scores: Floats, *, floor: float) -> Floats:
    top = float(scores.max(initial=floor))
    # Not negative: a cosine may lie below the floor by a rounding.
    return np.maximum(scores - np.float32(floor), 0) / np.float32(top - floor) if top > floor else np.zeros_like(scores)


def _reciprocal(scores: Floats) -> Floats:
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(len(scores), np.float32)
    ranks[order] = np.arange(1, len(scores) + 1)
    return np.where(scores > 0, 1 / (_RRF + ranks), 0).astype(np.float32)

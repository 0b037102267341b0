"""How items that were found are ordered: what counts how much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from evenshelf.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from evenshelf.index.understanding import Understood
    from evenshelf.index.view import View

    Floats = NDArray[np.float32]

FUSIONS = ("convex", "rrf", "words", "vectors")
_RRF = 60
COSINE = 1.4
"""Cosines of what answers a query well are about .7; this brings them to the scale of shares."""
_PIECES_TITLE, _PIECES_COVERAGE = 3.5, 8 / 3
FIRST = 4
"""Candidates to whose vectors the query's is moved by feedback."""


@dataclass(frozen=True)
class Ranking:
    """Settings of a search.

    Attributes
    ----------
    fusion
        ``"convex"``: a weighted mean of the scores by words, as a share of the best, and of cosines as they are, which
        keep how sure the dense leg is; ``"rrf"``: reciprocal ranks (Cormack et al. 2009); ``"words"`` or ``"vectors"``:
        one leg alone.
    dense_weight
        Weight of the dense leg in a convex mean where it is trusted in full, 0 to 1.
    coverage_weight
        Share of the words' side that goes by how many of the words an item has, each by how rare it is; in scripts
        without spaces 8/3 of that, at most all.
    title_bonus
        What a word in the title counts besides what it counts in the field where it counts most.
    feedback
        How far the query's vector is moved to those of the first candidates (Rocchio's pseudo-relevance feedback);
        0: not at all.
    popularity_weight
        What the most popular candidate gains over one that nobody took.
    depth
        Candidates of each leg.
    enough
        If fewer items than this have all words, those that lack one are looked at as well, and so on.
    """

    fusion: str = "convex"
    dense_weight: float = 0.65
    coverage_weight: float = 0.15
    title_bonus: float = 0.1
    feedback: float = 0.4
    popularity_weight: float = 0.05
    depth: int = 200
    enough: int = 50

    def in_pieces(self) -> Ranking:
        """Return the settings for scripts without spaces: their characters and pairs say less than words do.

        How much of the query an item has, and that the title has it, counts for more (decision 24).
        """
        covered = min(1.0, _PIECES_COVERAGE * self.coverage_weight)
        return replace(self, title_bonus=_PIECES_TITLE * self.title_bonus, coverage_weight=covered)

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
    coverage
        Share of the words of the query that each has.
    cosines
        Cosines to the query.
    popularity
        How often each was taken, 0 if unknown.
    matched
        Whether the item was found by its words, not by its vector alone.
    found
        Whether the item was found, and not only asked about.
    """

    rows: NDArray[np.int64]
    words: Floats
    coverage: Floats
    cosines: Floats
    popularity: Floats
    matched: NDArray[np.bool_]
    found: NDArray[np.bool_]

    @property
    def measure(self) -> NDArray[np.bool_]:
        """``[n]`` by which of them scores are brought to shares and places.

        That is what was found, or a search would score it otherwise because somebody asked about other items; where
        nothing was found, it is all.
        """
        return self.found if self.found.any() else np.ones(len(self.rows), bool)


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

    def __call__(self, view: View, query: Understood, candidates: Candidates, usual: Ranked, trust: float) -> Ranked:
        """Score candidates.

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
    prior = np.float32(ranking.popularity_weight) * share_of_best(
        np.log1p(candidates.popularity).astype(np.float32), candidates.measure
    )
    if ranking.fusion == "rrf":
        words = _reciprocal(candidates.words, candidates.measure)
        vectors = np.float32(trust) * _reciprocal(candidates.cosines, candidates.measure)
        # As large as the best possible sum is 1, so that the prior means the same in every fusion.
        most = np.float32((_RRF + 1) / 2)
        words, vectors = words * most, vectors * most
    else:
        weight = {"words": 0.0, "vectors": 1.0}.get(ranking.fusion, ranking.dense_weight * trust)
        share, covered, cosines = signals(candidates).T
        part = np.float32(ranking.coverage_weight)
        words = np.float32(1 - weight) * ((1 - part) * share + part * covered)
        vectors = np.float32(weight) * cosines
    return Ranked(words + vectors + prior, {"words": words, "vectors": vectors, "popularity": prior})


def signals(candidates: Candidates, *, in_pieces: bool = False) -> Floats:
    """Return what a convex fusion weighs.

    Parameters
    ----------
    candidates
        The items.
    in_pieces
        Whether they were asked for in a script without spaces: then what coverage counts more there
        (:meth:`Ranking.in_pieces`) is in its signal, so that the weights are those of all scripts.

    Returns
    -------
    numpy.ndarray
        ``[n, 3]``: share of the best score by words, coverage, scaled cosine.
    """
    share, coverage = share_of_best(candidates.words, candidates.measure), candidates.coverage
    if in_pieces:
        # (1 - kc) share + kc coverage = (1 - c) share + c (share + k (coverage - share))
        coverage = share + np.float32(_PIECES_COVERAGE) * (coverage - share)
    return np.stack([share, coverage, np.float32(COSINE) * np.maximum(candidates.cosines, 0)], axis=1)


def share_of_best(scores: Floats, measure: NDArray[np.bool_]) -> Floats:
    """``[n]`` scores as shares of the best one of those that measure, at most 1; 0 if that is 0."""
    top = np.float32(scores.max(initial=0.0, where=measure))
    return np.asarray(np.minimum(scores, top) / (top if top > 0 else 1), np.float32)


def _reciprocal(scores: Floats, measure: NDArray[np.bool_]) -> Floats:
    """``[n]`` reciprocal ranks among those that measure; others take no rank from them."""
    order = np.lexsort((-scores, ~measure))
    ranks = np.empty(len(scores), np.float32)
    ranks[order] = np.arange(1, len(scores) + 1)
    ranks[~measure] = 1 + len(scores[measure]) - np.searchsorted(np.sort(scores[measure]), scores[~measure], "right")
    return np.where(scores > 0, 1 / (_RRF + ranks), 0).astype(np.float32)

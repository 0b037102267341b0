"""What search models are tuned on: queries and items that answer them, and items that look as if they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.index.text.folding import fold

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class TrainingPairs:
    """Judged pairs of queries and items, and items that a query is to be told from.

    Texts that are equal but for case, accents and blanks are one to the judgements: what answers a query answers its
    twin, and the twin of an item that answers is no negative.

    Attributes
    ----------
    queries, items
        ``[Q]`` and ``[I]`` texts.
    query, item
        ``[n]`` codes of both.
    grade
        ``[n]`` how well the item answers, from 0 up.
    weight
        ``[n]`` what a pair counts, from 0 up.
    negatives
        ``[m]`` queries and ``[m]`` items of them that nobody judged and that another ranking puts high. Those that
        answer the query by the judgements are left out by themselves.

    Raises
    ------
    InputError
        If nothing answers any query, or arrays do not fit together.
    """

    queries: tuple[str, ...]
    items: tuple[str, ...]
    query: Codes
    item: Codes
    grade: Floats
    weight: Floats
    negatives: tuple[Codes, Codes] = (_NONE, _NONE)

    def __post_init__(self) -> None:
        sizes = {len(column) for column in (self.query, self.item, self.grade, self.weight)}
        if len(sizes) != 1 or len(self.negatives[0]) != len(self.negatives[1]):
            raise InputError(
                f"The columns of the pairs have {', '.join(map(str, sorted(sizes)))} rows, the negatives "
                f"{len(self.negatives[0])} and {len(self.negatives[1])}.",
                hint="Give a query, an item, a grade and a weight for each pair.",
            )
        for name, codes, texts in (
            ("query", np.concatenate([self.query, self.negatives[0]]), self.queries),
            ("item", np.concatenate([self.item, self.negatives[1]]), self.items),
        ):
            if len(codes) and (codes.min() < 0 or codes.max() >= len(texts)):
                raise InputError(
                    f"There are {len(texts)} texts of the column {name!r}, and its codes go from {codes.min()} to "
                    f"{codes.max()}.",
                    hint="Codes are places in the tuple of texts.",
                )
        for name, values in (("grade", self.grade), ("weight", self.weight)):
            if not (np.isfinite(values) & (values >= 0)).all():
                raise InputError(f"A {name} of the pairs is no number from 0 up.", hint="Give one for each pair.")
        if not len(self.positives):
            raise InputError(
                "No pair has a grade and a weight above 0, so there is nothing to learn from.",
                hint="Judge some items of a query as relevant.",
            )

    @cached_property
    def positives(self) -> Codes:
        """Pairs that are learned as answers."""
        return np.flatnonzero((self.grade > 0) & (self.weight > 0))

    @cached_property
    def gain(self) -> Floats:
        """``[n]`` weight times grade, grades as a share of the highest."""
        return self.weight * self.grade / max(float(self.grade.max()), 1e-12)

    @cached_property
    def query_twin(self) -> Codes:
        """``[Q]`` a number that equal queries share."""
        return _twins(self.queries)

    @cached_property
    def item_twin(self) -> Codes:
        """``[I]`` a number that equal items share."""
        return _twins(self.items)

    @cached_property
    def _answers(self) -> Codes:
        told = self.grade > 0
        return np.unique(self._key(self.query[told], self.item[told]))

    def _key(self, query: Any, item: Any) -> Codes:
        return np.asarray(self.query_twin[query] * len(self.items) + self.item_twin[item])

    def answers(self, query: Any, item: Any) -> NDArray[np.bool_]:
        """Whether items answer queries by the judgements, theirs or those of their twins; arrays are broadcast."""
        return np.isin(self._key(query, item), self._answers)

    @cached_property
    def rivals(self) -> tuple[Codes, Codes, NDArray[np.bool_]]:
        """Items that a query is told from, by query: queries, items, and whether somebody judged the item for it.

        Those that were judged as not relevant, and :attr:`negatives`; none that answers the query, and none twice.
        """
        refused = self.grade == 0
        query = np.concatenate([self.query[refused], self.negatives[0]])
        item = np.concatenate([self.item[refused], self.negatives[1]])
        judged = np.arange(len(query)) < int(refused.sum())
        _, first = np.unique(query * len(self.items) + item, return_index=True)
        kept = first[~self.answers(query[first], item[first])]
        return query[kept], item[kept], judged[kept]

    def mined(self, query: Codes, item: Codes, score: NDArray[Any], most: int) -> TrainingPairs:
        """With the best of a pool of candidates as negatives.

        Parameters
        ----------
        query, item, score
            ``[p]`` candidates, and how another ranking scores them.
        most
            At most so many of a query, those with the highest scores; what answers it, and what was judged, does not
            count.
        """
        known = np.isin(query * len(self.items) + item, self.query * len(self.items) + self.item)
        free = np.flatnonzero(~known & ~self.answers(query, item))
        order = free[np.lexsort((item[free], -score[free], query[free]))]
        sizes = np.bincount(query[order], minlength=len(self.queries))
        place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        kept = order[place < most]
        return replace(self, negatives=(query[kept], item[kept]))


def _twins(texts: Sequence[str]) -> Codes:
    known: dict[str, int] = {}
    return np.array([known.setdefault(" ".join(fold(t).split()), len(known)) for t in texts], np.int64).reshape(-1)

"""What somebody may be about to type: queries, categories, brands and titles that go on from what is typed."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.index.documents import POPULARITY
from evenshelf.index.text.folding import fold
from evenshelf.index.text.words import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.index.view import View
    from evenshelf.index.vocabulary import Vocabulary

KINDS = ("query", "category", "brand", "brand and category", "title")
_OF_KIND = {"query": 3.0, "category": 2.0, "brand": 2.0, "brand and category": 1.0, "title": 0.5}
_TITLES = 50_000
_LONGEST_TITLE = 80
_LAST = "\U0010ffff"


@dataclass(frozen=True)
class Suggestion:
    """A text that may be meant.

    Attributes
    ----------
    text
        The text.
    kind
        Where it is from, see :data:`KINDS`.
    weight
        How often it was asked, or how many items it stands for.
    """

    text: str
    kind: str
    weight: float


class Suggester:
    """Suggestions, to be found by the beginning of any of their words.

    Parameters
    ----------
    suggestions
        All there are; of texts that fold to the same the first is kept.
    """

    def __init__(self, suggestions: Sequence[Suggestion]) -> None:
        seen: set[str] = set()
        self._all: list[Suggestion] = []
        self._folded: list[str] = []
        for suggestion in suggestions:
            folded = fold(suggestion.text).strip()
            if folded and folded not in seen:
                seen.add(folded)
                self._all.append(suggestion)
                self._folded.append(folded)

    def __len__(self) -> int:
        return len(self._all)

    def complete(self, typed: str, limit: int = 8, *, vocabulary: Vocabulary | None = None) -> list[Suggestion]:
        """Return what goes on from what is typed, the likeliest first.

        Parameters
        ----------
        typed
            The beginning of a text; its last word may be half typed.
        limit
            So many at most.
        vocabulary
            Words by which a mistyped word is corrected where nothing goes on from it as it is.
        """
        folded = fold(typed).strip()
        if not folded or limit <= 0:
            return []
        found = self._starting(folded) or self._with_words(folded)
        if not found and vocabulary is not None:
            spelled = " ".join(self._spelled(word, vocabulary) for word in folded.split())
            if spelled != folded:
                found = self._starting(spelled) or self._with_words(spelled)
        scored = sorted(found.items(), key=lambda pair: (-self._score[pair[0]] * pair[1], self._folded[pair[0]]))
        return [self._all[i] for i, _ in scored[:limit]]

    def _spelled(self, word: str, vocabulary: Vocabulary) -> str:
        if vocabulary[word] or self._starting(word):
            return word
        return next(iter(vocabulary.corrections(word)), word)

    def _starting(self, folded: str) -> dict[int, float]:
        """Suggestions in which a word begins with what is typed; those that begin with it themselves count for more."""
        keys, owners, first = self._keys
        low, high = bisect_left(keys, folded), bisect_left(keys, folded + _LAST)
        found: dict[int, float] = {}
        for i in range(low, high):
            found[owners[i]] = max(found.get(owners[i], 0.0), 4.0 if first[i] else 1.0)
        return found

    def _with_words(self, folded: str) -> dict[int, float]:
        """Suggestions that have all words, in any order, the last one perhaps only begun."""
        *before, last = folded.split()
        if not before:
            return {}
        sets = [{i for i in self._starting(word) if word in self._folded[i].split()} for word in before]
        return dict.fromkeys(set(self._starting(last)).intersection(*sets), 1.0)

    @cached_property
    def _score(self) -> list[float]:
        return [_OF_KIND[s.kind] * float(np.log1p(s.weight)) for s in self._all]

    @cached_property
    def _keys(self) -> tuple[list[str], list[int], list[bool]]:
        """Each suggestion from each of its words on, sorted; whose it is; and whether it is the whole of it."""
        keys = [
            (folded[word.start :], i, word.start == 0)
            for i, folded in enumerate(self._folded)
            for word in words_of(folded)
        ]
        keys.sort()
        return [key for key, _, _ in keys], [i for _, i, _ in keys], [whole for _, _, whole in keys]


def suggestions_of(view: View, queries: pl.DataFrame) -> Suggester:
    """Return the suggestions of a catalogue and of what was asked before.

    Parameters
    ----------
    view
        The items.
    queries
        ``query`` and ``count``, what people searched for.
    """
    found = [Suggestion(q, "query", float(c)) for q, c in queries.select("query", "count").iter_rows()]
    items = view.documents.filter(pl.Series(view.alive))
    for columns in (("category",), ("brand",), ("brand", "category")):
        if set(columns) <= set(items.columns):
            counts = (
                items.drop_nulls(columns)
                .group_by(columns)
                .len()
                .sort("len", *columns, descending=[True, *([False] * len(columns))])
            )
            kind = " and ".join(columns)
            found += [
                Suggestion(" ".join(row[:-1]), kind, float(row[-1]))
                for row in counts.iter_rows()
                if len(columns) == 1 or row[-1] > 1
            ]
    titled = items.filter(pl.col("title").str.len_chars() <= _LONGEST_TITLE)
    if POPULARITY in titled.columns:
        titled = titled.sort(POPULARITY, descending=True, maintain_order=True)
        weights = titled[POPULARITY].head(_TITLES).fill_null(0.0).to_list()
    else:
        weights = [0.0] * titled.height
    found += [Suggestion(t, "title", 1 + w) for t, w in zip(titled["title"].head(_TITLES), weights, strict=False)]
    return Suggester(found)

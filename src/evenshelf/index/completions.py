"""Texts that are found by the beginning of any of their words, the likeliest first."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from evenshelf.index.text.words import starts_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]

_LAST = "\U0010ffff"
_BEGINNING = 4.0
"""A text that begins with what is typed counts so many times as much as one in which another word does."""


class Completion(NamedTuple):
    """A text that may be meant.

    Attributes
    ----------
    folded
        The text, folded; no two are the same.
    starts
        Where its words begin.
    score
        How likely it is, above nought.
    """

    folded: str
    starts: tuple[int, ...]
    score: float

    @classmethod
    def of(cls, folded: str, score: float) -> Self:
        """Return the completion of a folded text."""
        return cls(folded, tuple(starts_of(folded)), score)


class Found(NamedTuple):
    """A completion that was found; the best is the least.

    Attributes
    ----------
    less
        The score in this place, negated.
    folded
        The text, folded.
    """

    less: float
    folded: str


class Completions:
    """Completions that do not change, by the beginnings of their words.

    Each word gives a key, the text from there on; keys are sorted, so that those that begin alike stand together, and
    know their place among all by score. The best of them are picked out without looking at the others one by one.

    Parameters
    ----------
    completions
        All there are.
    """

    def __init__(self, completions: Sequence[Completion]) -> None:
        self.all = completions
        self.place = {one.folded: i for i, one in enumerate(completions)}
        keys = [one.folded[start:] for one in completions for start in one.starts]
        # Code points sort as their UTF-8 does, and polars sorts faster than Python.
        order = pl.Series(keys, dtype=pl.String).arg_sort().to_numpy()
        self._keys: list[str] = [keys[i] for i in order.tolist()]
        counts = np.array([len(one.starts) for one in completions], np.int64)
        starts = np.fromiter((start for one in completions for start in one.starts), np.int64, len(keys))
        scores = np.array([one.score for one in completions], np.float64)
        by_name = np.empty(len(completions), np.int64)
        by_name[pl.Series([one.folded for one in completions], dtype=pl.String).arg_sort().to_numpy()] = np.arange(
            len(completions)
        )
        self._owner = np.repeat(np.arange(len(completions)), counts)[order]
        self._score = scores[self._owner] * np.where(starts[order] == 0, _BEGINNING, 1.0)
        self._rank = _ranks(self._score, by_name[self._owner])
        self._entry_rank = _ranks(scores, by_name)

    def __len__(self) -> int:
        return len(self.all)

    def beginning(self, folded: str, limit: int, gone: Flags | None = None) -> list[Found]:
        """Return the best completions in which a word begins with a text.

        Parameters
        ----------
        folded
            The text.
        limit
            So many at most, at least 1.
        gone
            ``[completions]``, which are left out; None: none.
        """
        low, high = self._range(folded)
        ranks = self._rank[low:high]
        taken = 2 * limit
        while True:
            some = np.argpartition(ranks, taken)[:taken] if taken < len(ranks) else np.arange(len(ranks))
            some = low + some[np.argsort(ranks[some])]
            # Of a completion with several such words the best one comes first.
            first: dict[int, int] = {}
            for key, owner in zip(some.tolist(), self._owner[some].tolist(), strict=True):
                if gone is None or not gone[owner]:
                    first.setdefault(owner, key)
            found = [Found(-float(self._score[key]), self.all[owner].folded) for owner, key in first.items()]
            if len(found) >= limit or taken >= len(ranks):
                return found[:limit]
            taken *= 8

    def with_words(self, folded: str, limit: int, gone: Flags | None = None) -> list[Found]:
        """Return the best completions that have all words of a text, in any order, the last one perhaps only begun.

        Parameters
        ----------
        folded, limit, gone
            As for :meth:`beginning`.
        """
        *before, last = folded.split()
        if not before:
            return []
        owners = np.unique(self._owner[slice(*self._range(last))])
        for word in before:
            owners = np.intersect1d(owners, self._owner[slice(*self._range(word))])
        found: list[Found] = []
        for owner in owners[np.argsort(self._entry_rank[owners])].tolist():
            one = self.all[owner]
            if (gone is None or not gone[owner]) and set(before) <= set(one.folded.split()):
                found.append(Found(-one.score, one.folded))
                if len(found) == limit:
                    break
        return found

    def _range(self, folded: str) -> tuple[int, int]:
        """Keys that begin with a text: from where to where."""
        return bisect_left(self._keys, folded), bisect_left(self._keys, folded + _LAST)


def _ranks(scores: NDArray[np.float64], names: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each by score, the highest first, and by name."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.lexsort((names, -scores))] = np.arange(len(scores))
    return ranks

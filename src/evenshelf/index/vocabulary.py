"""Words of the catalogue and how many items have them: what spelling is corrected by."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.index.text.folding import fold
from evenshelf.index.text.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SHORTEST = 4
"""Words of fewer letters are not corrected: too many of them are near to each other."""
_LONG = 8
"""From so many letters on two mistakes are allowed."""
_CORRECTIONS = 3
_RARE, _FAR_MORE = 3, 50
"""A word in at most so many items may be a slip of one that is in so many times as many."""


_APART = 1000
"""Words that changed, at least, before all are sorted anew."""


class Vocabulary:
    """Words and in how many items they stand.

    Parameters
    ----------
    counts
        Items by word, of folded words that are written with spaces between them and have no digits.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._first = _Words(counts)
        self._later: dict[str, int] = {}

    def __getitem__(self, word: str) -> int:
        count = self._later.get(word)
        return self._first.counts.get(word, 0) if count is None else count

    @property
    def counts(self) -> Mapping[str, int]:
        """Items by word."""
        return {word: count for word, count in {**self._first.counts, **self._later}.items() if count > 0}

    def changed(self, added: Iterable[str], removed: Iterable[str] = ()) -> Vocabulary:
        """Return the vocabulary after texts came and went; this one stays as it is."""
        change = count_words(added)
        change.subtract(count_words(removed))
        later = self._later | {word: self[word] + by for word, by in change.items() if by}
        changed = Vocabulary.__new__(Vocabulary)
        changed._first, changed._later = self._first, later
        # What was there at first is sorted once; what changed is looked through each time.
        return changed if len(later) <= _APART + len(self._first.counts) // 4 else Vocabulary(changed.counts)

    def corrections(self, word: str) -> tuple[str, ...]:
        """Return the words that are nearest to one that nobody uses, best first; none if none is near.

        Words that need fewer changes (a letter more, less, other, or two swapped: optimal string alignment) come first,
        of these those that begin with the same letter, then the frequent ones. Short words and those with digits are
        left as they are.
        """
        near = self._near(word)
        return tuple(found for distance, _, _, found in near[:_CORRECTIONS] if distance == near[0][0])

    def slip_of(self, word: str) -> str | None:
        """Return a word one change away that is in far more items, so that this one may be a slip of it."""
        own = self[word]
        if not own or own > _RARE:
            return None
        near = [(count, found) for distance, _, count, found in self._near(word) if distance == 1]
        most = min(near, default=(0, ""))
        return most[1] if -most[0] >= _FAR_MORE * own and not _same_stem(most[1], word) else None

    def _near(self, word: str) -> list[tuple[int, bool, int, str]]:
        """Words within reach: changes, whether they begin otherwise, less their frequency; the nearest first."""
        if len(word) < _SHORTEST or not word.isalpha():
            return []
        from rapidfuzz.distance import OSA  # noqa: PLC0415 - only for words that no item has
        from rapidfuzz.process import cdist  # noqa: PLC0415

        most = 2 if len(word) >= _LONG else 1
        new = [other for other in self._later if other not in self._first.counts]
        near: list[tuple[int, bool, int, str]] = []
        for words in (*self._first.of_lengths(len(word) - most, len(word) + most), new):
            if words:
                distances = cdist([word], words, scorer=OSA.distance, score_cutoff=most, dtype=np.uint8)[0]
                near += [
                    (int(distances[i]), words[i][0] != word[0], -self[words[i]], words[i])
                    for i in np.flatnonzero(distances <= most).tolist()
                    if self[words[i]] > 0
                ]
        return sorted(near)


class _Words:
    """Words that do not change, by how long they are."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = counts

    def of_lengths(self, least: int, most: int) -> list[list[str]]:
        return [self._by_length.get(length, []) for length in range(least, most + 1)]

    @cached_property
    def _by_length(self) -> dict[int, list[str]]:
        lengths: dict[int, list[str]] = {}
        for word in self.counts:
            lengths.setdefault(len(word), []).append(word)
        return lengths


def _same_stem(one: str, other: str) -> bool:
    """Whether one word is the other with an ending: no slip, and found together anyway."""
    return one.startswith(other) or other.startswith(one)


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Count in how many texts each word stands."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(
            {part for word in words_of(fold(text)) if word.kind == "word" for part in (word.whole, *word.parts)}
        )
    return counts


def vocabulary_of(texts: Sequence[str]) -> Vocabulary:
    """Return the vocabulary of texts."""
    return Vocabulary(dict(count_words(texts)))

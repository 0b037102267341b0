"""A text as the words that a person sees in it: which can be left out, and to which of them a piece of it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.augmentation.written import Written
from evenshelf.encoders.sides import SEPARATOR

REST = -1
"""In the place of a word: what belongs to none."""


@dataclass(frozen=True)
class Places:
    """The words of a text, or of both texts of a pair, in order.

    Words of scripts without spaces are cut as search cuts them.

    Attributes
    ----------
    written
        The text; of a pair the first text and the second.
    """

    written: tuple[Written, ...]

    @classmethod
    def of(cls, text: str) -> Places:
        """Find the words of a text.

        Examples
        --------
        >>> Places.of("Nike运动鞋 16 GB").words
        ('Nike', '运动', '鞋', '16 GB')
        """
        return cls(tuple(Written.of(side) for side in text.split(SEPARATOR, 1)))

    @property
    def words(self) -> tuple[str, ...]:
        """The words as they are written."""
        return tuple(word.text for side in self.written for word in side.words)

    @property
    def text(self) -> str:
        """The text."""
        return SEPARATOR.join(side.text for side in self.written)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """From which character of the text to before which each word stands."""
        found, at = [], 0
        for side in self.written:
            at += len(side.head)
            for word in side.words:
                found.append((at, at + len(word.text)))
                at += len(word.text) + len(word.after)
            at += len(SEPARATOR)
        return tuple(found)

    def without(self, places: Sequence[int]) -> str:
        """The text without the words at some places; a pair stays one."""
        gone, sides, first = set(places), [], 0
        for side in self.written:
            own = [place - first for place in gone if first <= place < first + len(side.words)]
            sides.append(side.without(own).text)
            first += len(side.words)
        return SEPARATOR.join(sides)

    def only(self, places: Sequence[int]) -> str:
        """The text with no words but those at some places."""
        kept = set(places)
        return self.without([place for place in range(len(self.words)) if place not in kept])

    def shared_out(
        self, start: NDArray[np.int64], stop: NDArray[np.int64], value: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        """Values of pieces of the text as values of its words, by how many characters of a piece are of a word.

        Parameters
        ----------
        start, stop
            ``[m]`` where the pieces stand.
        value
            ``[m]``.

        Returns
        -------
        values
            ``[words]``.
        rest
            Of characters that are of no word; with `values` it sums to all that was given.
        """
        owner = np.full(len(self.text) + 1, REST)
        for number, (low, high) in enumerate(self.spans):
            owner[low:high] = number
        found, rest = np.zeros(len(self.words)), 0.0
        for low, high, own in zip(start.tolist(), stop.tolist(), value.tolist(), strict=True):
            # what stands between words is of the word beside it: the space that ends a token, a hyphen
            inside = [place for place in owner[low:high].tolist() if place != REST]
            if not inside:
                rest += own
            for place in inside:
                found[place] += own / len(inside)
        return found, rest

"""Sequences of groups, as a user's steps are, and what a remedy makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]

MASKED = -1
"""Stands where a step is hidden: something was there, and it is not told what."""


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences one after another.

    Attributes
    ----------
    item
        ``[N]`` group codes in order, or :data:`MASKED`.
    start
        ``[S + 1]`` where each sequence begins, and the number of all steps.
    notes
        What was done, a sentence each.
    """

    item: Codes
    start: Codes
    notes: tuple[str, ...] = ()

    @property
    def lengths(self) -> Codes:
        """``[S]``."""
        return np.diff(self.start)

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def of(cls, parts: Sequence[Codes], notes: Sequence[str] = ()) -> Sequences:
        """Sequences from one array each."""
        start = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        item = np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)
        return cls(item, start, tuple(notes))

    def picked(self, which: NDArray[np.integer]) -> Sequences:
        """Some of them, in the order given."""
        lengths = self.lengths[which]
        start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        step = np.arange(start[-1]) + np.repeat(self.start[which] - start[:-1], lengths)
        return Sequences(self.item[step], start)

    @property
    def sequence(self) -> Codes:
        """``[N]`` which sequence each step is of."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def place(self) -> Codes:
        """``[N]`` how many steps of the same sequence come before each."""
        return np.asarray(np.arange(len(self.item)) - self.start[self.sequence])

    def drawn_steps(self, count: Codes, rng: np.random.Generator) -> NDArray[np.bool_]:
        """``[N]`` whether each step is one of ``count[s]`` that are drawn at random from sequence s."""
        order = np.lexsort((rng.random(len(self.item)), self.sequence))
        found = np.zeros(len(self.item), bool)
        found[order] = self.place < count[self.sequence]
        return found


def sizes(lengths: Codes, share: float, least: int) -> Codes:
    """``[S]`` steps that are a share of each length, rounded, and not fewer than `least`."""
    return np.asarray(np.maximum(np.rint(share * lengths), least), np.int64)


def chosen(able: NDArray[np.bool_], rate: float, rng: np.random.Generator) -> Codes:
    """The sequences, of those that are able, that a draw at a rate picks."""
    return np.flatnonzero((rng.random(len(able)) < rate) & able).astype(np.int64)

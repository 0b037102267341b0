"""Sequences cut into windows that a network reads at once, and the examples in them: what came next after what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.remedies.sequences import MASKED

Codes = NDArray[np.int64]

ALIKE = 16
"""Batches are made of this many batches' windows at a time, by length, so that little is padded."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Pieces of sequences, each read from its first step on, and the examples that they hold.

    A sequence that is longer than a window is read in several, each half over the one before, and each of its steps
    is an example of the window that shows most of what came before.

    Attributes
    ----------
    item
        ``[N]`` codes of the steps of all sequences.
    begin, size
        ``[W]`` first step of each window and how many it reads, >= 1.
    window, place
        ``[E]`` where the history of each example is read: its window, and the place of the last step in it.
    step
        ``[E]`` which step is to be told, ascending.
    """

    item: Codes
    begin: Codes
    size: Codes
    window: Codes
    place: Codes
    step: Codes

    @classmethod
    def of(cls, item: Codes, start: Codes, most: int) -> Windows:
        """Cut sequences.

        Parameters
        ----------
        item, start
            As in :class:`evenshelf.remedies.sequences.Sequences`; a masked step is read, but is no example.
        most
            Steps that a window reads, >= 2.
        """
        half = most // 2
        read = np.maximum(np.diff(start) - 1, 0)
        count = np.where(read > 0, 1 + np.maximum(-(-(read - most) // half), 0), 0)
        ahead = np.concatenate([[0], np.cumsum(count)])
        of_window = np.repeat(np.arange(len(read)), count)
        shift = half * (np.arange(ahead[-1]) - ahead[of_window])
        before = np.concatenate([[0], np.cumsum(read)])
        of_example = np.repeat(np.arange(len(read)), read)
        within = np.arange(before[-1]) - before[of_example]
        number = np.maximum(-(-(within - most + 1) // half), 0)
        step = start[of_example] + within + 1
        told = item[step] != MASKED
        return cls(
            item,
            (start[of_window] + shift).astype(np.int64),
            np.minimum(most, read[of_window] - shift).astype(np.int64),
            (ahead[of_example] + number)[told].astype(np.int64),
            (within - half * number)[told].astype(np.int64),
            step[told].astype(np.int64),
        )

    @property
    def target(self) -> Codes:
        """``[E]`` what came next."""
        return self.item[self.step]

    def read(self, windows: Codes, blank: int) -> Codes:
        """``[b, T]`` codes of some windows, from the left; `blank` where a step is masked or there is none."""
        place = np.arange(int(self.size[windows].max(initial=1)))
        there = place < self.size[windows][:, None]
        found = self.item[np.where(there, self.begin[windows][:, None] + place, 0)]
        return np.where(there & (found != MASKED), found, blank)

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Codes]:
        """All windows in a random order, `size` at a time, those of a batch of like length."""
        drawn = rng.permutation(len(self.begin))
        parts = []
        for first in range(0, len(drawn), ALIKE * size):
            near = drawn[first : first + ALIKE * size]
            near = near[np.argsort(self.size[near], kind="stable")]
            parts += [near[at : at + size] for at in range(0, len(near), size)]
        yield from (parts[number] for number in rng.permutation(len(parts)))

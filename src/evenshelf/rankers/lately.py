"""How often items were taken of late, as of the moment at which a user was last seen: goods go out of fashion.

Counts stop at that moment, whatever came after, so that what is learned from a basket long ago has not seen the future.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.rankers.packing import Arrays, Unpacked
from evenshelf.tasks.histories import Codes, Histories

DAY = 86_400
WINDOWS = (30, 90)
"""Days that are looked back."""


@dataclass(frozen=True, eq=False)
class Lately:
    """Moments at which items were taken.

    Attributes
    ----------
    key
        ``[N]`` of each step its item and its moment in one number, ascending.
    first, span
        The earliest moment, and one more than all moments from there: what an item takes of the numbers.
    """

    key: Codes
    first: int
    span: int

    @classmethod
    def of(cls, histories: Histories) -> Lately | None:
        """Of all steps; ``None`` where no moments are known."""
        if histories.time is None or not len(histories.item):
            return None
        first = int(histories.time.min())
        span = int(histories.time.max()) - first + 2
        return cls(np.sort(histories.item * span + histories.time - first), first, span)

    def arrays(self) -> Arrays:
        """All of it by name."""
        return {"lately.key": self.key, "lately.bounds": np.array([self.first, self.span], np.int64)}

    @classmethod
    def of_arrays(cls, held: Unpacked) -> Lately | None:
        """What :meth:`arrays` gave; ``None`` where there is none.

        Raises
        ------
        InputError
            If arrays do not fit.
        """
        if not held.has("lately.key"):
            return None
        key, (first, span) = held.array("lately.key", None, kinds="i"), held.array("lately.bounds", 2, kinds="i")
        if span < 2 or not len(key) or key[0] < 0 or key[-1] >= held.items * span or (np.diff(key) < 0).any():
            raise InputError("The moments at which items were taken do not fit.", hint="Train the bundle again.")
        return cls(key, int(first), int(span))

    @property
    def bytes(self) -> int:
        """Memory that it holds."""
        return int(self.key.nbytes)

    def seen(self, histories: Histories) -> Codes:
        """``[U]`` when each user took something last; the last moment of all where that is not known."""
        found = np.full(len(histories.users), self.first + self.span - 2, np.int64)
        if histories.time is not None:
            there = histories.lengths > 0
            found[there] = histories.time[histories.start[1:][there] - 1]
        return found

    def features(self, item: Codes, moment: Codes) -> list[NDArray[np.floating]]:
        """What is said of items at moments ``[m]``.

        Returns
        -------
        ``[m]`` how often each was taken until then, and in the last days of :data:`WINDOWS`; and how many days before
        it was last taken, NaN if it was not yet.
        """
        until = self._until(item, moment)
        before = self._until(item, np.full(len(item), self.first - 1))
        found: list[NDArray[np.floating]] = [(until - before).astype(np.float64)]
        found += [(until - self._until(item, moment - days * DAY)).astype(np.float64) for days in WINDOWS]
        latest = self.key[np.maximum(until - 1, 0)] - item * self.span + self.first
        found.append(np.where(until > before, (moment - latest) / DAY, np.nan))
        return found

    def _until(self, item: Codes, moment: Codes) -> Codes:
        """``[m]`` place in `key` after the last step of an item that is not after a moment."""
        offset = np.clip(moment - self.first, -1, self.span - 2)
        return np.searchsorted(self.key, item * self.span + offset, side="right").astype(np.int64)

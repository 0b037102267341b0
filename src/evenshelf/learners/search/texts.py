"""Many texts in two arrays that take as much memory as the texts do, and can be read from a file without a copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError

_ANY = "surrogatepass"
"""Half of a pair of surrogates, which a broken file may hold, is kept as it is."""


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts one after another in UTF-8. An array of ``str`` would be as wide everywhere as its longest text.

    Attributes
    ----------
    buffer
        ``[b]`` bytes of all texts.
    start
        ``[n + 1]`` where each begins; the last is b.

    Raises
    ------
    InputError
        If texts do not end where the next begin, or leave bytes over.
    """

    buffer: NDArray[np.uint8]
    start: NDArray[np.int64]

    def __post_init__(self) -> None:
        start = self.start
        if not len(start) or start[0] != 0 or start[-1] != len(self.buffer) or (np.diff(start) < 0).any():
            raise InputError(
                f"The places of {max(len(start) - 1, 0)} texts do not divide {len(self.buffer)} bytes.",
                hint="They rise from 0 to the number of bytes; Texts.of makes them.",
            )

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Texts from texts."""
        coded = [text.encode("utf-8", _ANY) for text in texts]
        sizes = np.fromiter(map(len, coded), np.int64, len(coded))
        start = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        return cls(np.frombuffer(b"".join(coded), np.uint8), start)

    def __len__(self) -> int:
        return len(self.start) - 1

    def __iter__(self) -> Iterator[str]:
        return (self._text(first, last) for first, last in zip(self.start[:-1], self.start[1:], strict=True))

    @overload
    def __getitem__(self, which: int | np.integer) -> str: ...

    @overload
    def __getitem__(self, which: slice | NDArray[np.integer]) -> Texts: ...

    def __getitem__(self, which: int | np.integer | slice | NDArray[np.integer]) -> str | Texts:
        """One text, or some of them in the order given."""
        if isinstance(which, int | np.integer):
            return self._text(self.start[:-1][which], self.start[1:][which])
        first, last = self.start[:-1][which], self.start[1:][which]
        sizes = last - first
        start = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        rows = np.arange(start[-1]) + np.repeat(first - start[:-1], sizes)
        return Texts(self.buffer[rows], start)

    def tolist(self) -> list[str]:
        """All of them."""
        return list(self)

    def _text(self, first: int | np.integer, last: int | np.integer) -> str:
        return self.buffer[first:last].tobytes().decode("utf-8", _ANY)

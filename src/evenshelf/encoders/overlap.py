"""How much of one text stands in another, word by word and by character n-grams; knows no language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evenshelf.encoders.bag import tokens
from evenshelf.encoders.base import Encoder, Progress, Vectors, fingerprint_of
from evenshelf.encoders.sides import sides

REVISION = "1"
SIZES = (2, 3, 4)
"""Characters of the n-grams, the blanks between words included. They stand in for stems, which need a language."""
AHEAD = 4
"""So many words of the second text are its beginning, where titles say what a thing is."""
FEATURES = 10 + 2 * len(SIZES)


class OverlapEncoder(Encoder):
    """Shares of the first text of a pair that are in the second, and the other way round.

    Each share ``s`` becomes ``cos(s pi / 2)`` and ``sin(s pi / 2)``, so that every row has length one and no share
    more weight than another. A text that is no pair has a row of zeros.
    """

    def __init__(self) -> None:
        self.name = "overlap"
        self.dimension = 2 * FEATURES
        self.fingerprint = fingerprint_of("overlap", REVISION)
        self.chunk = 8192

    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        first, second = sides(texts)
        angle = np.array([shares(a, b) for a, b in zip(first, second, strict=True)]) * (np.pi / 2)
        rows = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) / np.sqrt(FEATURES)
        rows[[not text.strip() for text in first]] = 0
        progress(len(texts))
        vectors: Vectors = rows.astype(np.float32)
        return vectors


def shares(first: str, second: str) -> list[float]:
    """:data:`FEATURES` numbers in [0, 1] that tell how a query and a title overlap.

    Words of the first in the second, in its beginning, and of those with digits; whether the first word is there, the
    last, all of them, all in one piece; whether any has digits; n-grams of the first in the second, and of the second
    in the first; and how short both are.
    """
    asked, said = tokens(first), tokens(second)
    there, ahead = set(said), set(said[:AHEAD])
    numbers = [word for word in asked if any(letter.isdigit() for letter in word)]
    spaced, among = f" {' '.join(asked)} ", f" {' '.join(said)} "
    grams = [(_grams(spaced, size), _grams(among, size)) for size in SIZES]
    return [
        _share(asked, there),
        _share(asked, ahead),
        _share(numbers, there),
        _share(asked[:1], there),
        _share(asked[-1:], there),
        float(bool(asked) and there.issuperset(asked)),
        float(bool(asked) and spaced in among),
        float(bool(numbers)),
        *(len(a & b) / max(1, len(a)) for a, b in grams),
        *(len(a & b) / max(1, len(b)) for a, b in grams),
        1 / (1 + len(asked)),
        1 / (1 + len(said)),
    ]


def _share(words: Sequence[str], there: set[str]) -> float:
    return sum(word in there for word in words) / max(1, len(words))


def _grams(text: str, size: int) -> set[str]:
    return {text[i : i + size] for i in range(len(text) - size + 1)}

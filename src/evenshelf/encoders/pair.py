"""Pairs of texts, such as a query and a title: what each says, and how the two relate.

Two texts in one encoder give one vector in which a linear head cannot find how they relate. Here each is encoded by
itself, and beside both vectors stand their product and their difference, and which words of the one are in the other.

References
----------
Conneau, Kiela, Schwenk, Barrault, Bordes: Supervised learning of universal sentence representations from natural
language inference data, EMNLP 2017: the features ``u``, ``v``, ``|u - v|``, ``u * v``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.base import CompositeEncoder, Encoder, Vectors, fingerprint_of, unit_rows
from evenshelf.encoders.overlap import OverlapEncoder
from evenshelf.encoders.registry import EncoderKind, open_encoder, register, restore_encoder
from evenshelf.encoders.sides import sides
from evenshelf.errors import SettingError

REVISION = "1"
_NAME = "pair"


class PairEncoder(CompositeEncoder):
    """Both vectors of a pair, their product, their absolute difference, and the overlap of words.

    Each of the five has the same length in a row, so that none drowns the others. A text that is no pair has its own
    vector where that of the second text stands, and zeros elsewhere but in the overlap.

    Parameters
    ----------
    inner
        Encodes each of the two texts. A cache keeps its vectors, so a title is encoded once for all its queries.
    """

    def __init__(self, inner: Encoder) -> None:
        overlap = OverlapEncoder()
        self.parts = (overlap, inner, inner)
        self.inner = inner
        self.name = f"{_NAME}:{inner.name}"
        self.dimension = overlap.dimension + 4 * inner.dimension
        self.fingerprint = fingerprint_of(_NAME, REVISION, overlap.fingerprint, inner.fingerprint)
        self.chunk = inner.chunk

    def read_by(self, texts: Sequence[str]) -> list[Sequence[str]]:
        """The pairs for the overlap, then the first and the second texts."""
        first, second = sides(texts)
        return [texts, first, second]

    def combine(self, vectors: Sequence[Vectors]) -> Vectors:
        """Put what each says beside how they relate, and scale the rows to length one."""
        overlap, first, second = vectors
        there = overlap.any(axis=1, keepdims=True)  # of what is no pair nothing can be compared
        first = first * there
        related = (first * second, np.abs(first - second) * there)
        return unit_rows(np.concatenate([first, second, *(unit_rows(block) for block in related), overlap], axis=1))

    def state(self) -> dict[str, NDArray[Any]]:
        """That of the inner encoder."""
        return self.inner.state()


def _open(argument: str, texts: Sequence[str]) -> PairEncoder:
    _check_inner(argument)
    first, second = sides(texts)
    return PairEncoder(open_encoder(argument, [*first, *second]))


def _restore(argument: str, state: Mapping[str, NDArray[Any]]) -> PairEncoder:
    _check_inner(argument)
    return PairEncoder(restore_encoder(argument, state))


def _check_inner(spec: str) -> None:
    if spec.partition(":")[0].strip() == _NAME:
        raise SettingError(f"{_NAME}:{spec} asks for pairs of pairs.", hint=f"Write {spec!r}.")


register(
    EncoderKind(
        _NAME,
        "Pairs of texts with a tab between them, each encoded by SPEC, and how they relate; for queries and titles.",
        _open,
        argument="SPEC",
        restore=_restore,
        wraps=True,
    )
)

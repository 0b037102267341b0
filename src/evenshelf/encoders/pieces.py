"""Pieces of a text whose vectors add up to the vector of the text, where an encoder counts pieces and no more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Pieces:
    """What a text's vector is the sum of.

    The lengths that the encoder divides by, and how often a piece stands in the text, are those of the whole text: the
    sum is exact for this text, and says nothing of the text with a piece left out.

    Attributes
    ----------
    start, stop
        ``[m]`` where each piece stands in the text: from this character to before that one.
    vectors
        ``[m, d]`` float64; their sum is the row of :meth:`~evenshelf.encoders.Encoder.encode`, up to its rounding.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    vectors: NDArray[np.float64]


def scaled(start: NDArray[np.int64], stop: NDArray[np.int64], vectors: NDArray[np.float64]) -> Pieces:
    """Pieces of the text whose vector is the sum of these, scaled to length one; a zero one stays."""
    length = float(np.linalg.norm(vectors.sum(axis=0)))
    return Pieces(start, stop, vectors / length if length > 0 else vectors)


def origins(text: str, changed: list[int]) -> NDArray[np.int64]:
    """Where each character of a changed text comes from.

    Parameters
    ----------
    text
        As it was.
    changed
        ``[len(text)]`` how long the changed text is that each beginning of it gives, of one character and more.

    Returns
    -------
    numpy.ndarray
        ``[max(changed) + 1]`` for each character of the changed text its place in the text; at the end its length.
    """
    ends = np.maximum.accumulate(np.asarray(changed, np.int64)) if changed else np.zeros(0, np.int64)
    total = int(ends[-1]) if len(ends) else 0
    return np.append(np.searchsorted(ends, np.arange(total), side="right"), len(text)).astype(np.int64)

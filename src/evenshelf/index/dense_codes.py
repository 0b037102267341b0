"""Vectors as whole numbers: 16 bits to answer with, 8 bits to find out which few are worth that.

A row has one scale, its largest component, so a row that points along one axis costs the others nothing. With 16 bits
a component is off by at most 1/65534 of that, which is less than float16 loses, and whole numbers turn into float32
many times as fast. With 8 bits, dot products are whole numbers too: the same on every machine and in every order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numkong
import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.base import Vectors

FINE, COARSE = 32767, 127
"""The largest whole number in 16 and in 8 bits, of either sign."""
GATHERED = 0.25
"""Where fewer than this share of neighbouring rows is wanted, they are gathered; else all are scanned. A gathered row
costs about four times one that is next in line."""
NEVER = np.float32(1e30)
"""Taken off the score of a row that is not wanted; finite, as infinity times nought is not a number."""


@dataclass(frozen=True, eq=False)
class Codes:
    """Rows, in 8 bits.

    Attributes
    ----------
    coarse
        ``[n, d]`` int8.
    scale
        ``[n]`` float32, what a row's numbers are to be multiplied by, up to a factor that all rows share.
    """

    coarse: NDArray[np.int8]
    scale: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scale)

    def __getitem__(self, part: slice) -> Codes:
        return Codes(self.coarse[part], self.scale[part])

    def scores(self, query: NDArray[np.int8], allowed: NDArray[np.bool_] | None) -> NDArray[np.float32]:
        """Dot products with all rows, up to a factor; with one that is not allowed, less than with any that is."""
        found: NDArray[np.float32] = np.empty((1, len(self)), np.float32)
        if len(self):
            numkong.cdist(query[None], self.coarse, "dot", out=found)
        found *= self.scale
        if allowed is not None:
            found -= np.multiply(~allowed, NEVER, dtype=np.float32)
        return found.reshape(-1)

    def best(self, query: NDArray[np.int8], count: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Return the ``count`` best allowed rows, or all allowed ones if there are no more, in no order.

        Of rows with equal scores the first ones are taken.
        """
        if allowed is None:
            return largest(self.scores(query, None), count)
        left = np.count_nonzero(allowed)
        if left <= count:
            return np.flatnonzero(allowed)
        if left < GATHERED * len(self):
            rows = np.flatnonzero(allowed)
            some = Codes(self.coarse.take(rows, axis=0), self.scale[rows])
            return rows[largest(some.scores(query, None), count)]
        return largest(self.scores(query, allowed), count)


@dataclass(frozen=True, eq=False)
class Exact:
    """Rows, in 16 bits.

    Attributes
    ----------
    fine
        ``[n, d]`` int16.
    scale
        ``[n]`` float32; ``fine * scale`` are the vectors.
    """

    fine: NDArray[np.int16]
    scale: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scale)

    def vectors(self, rows: NDArray[np.int64] | slice) -> Vectors:
        """``[m, d]``."""
        found: Vectors = self.fine[rows] * self.scale[rows, None]
        return found

    def cosines(self, query: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """``[m]`` dot products with these rows; equal rows have equal ones, wherever they stand."""
        # a matrix product may add up in another order at the end of a block of rows than within
        found = np.einsum("ij,j->i", self.fine.take(rows, axis=0).astype(np.float32), query)
        return np.asarray(found * self.scale[rows], np.float32)


def encoded(vectors: Vectors) -> Exact:
    """Turn ``[n, d]`` into 16 bits; a row of zeros has scale zero."""
    most = np.abs(vectors).max(axis=1, initial=0.0)
    numbers = np.rint(vectors * (FINE / np.where(most > 0, most, 1.0))[:, None])
    return Exact(numbers.astype(np.int16), (most / FINE).astype(np.float32))


def coarse_codes(rows: Exact) -> Codes:
    """The same rows in 8 bits."""
    return Codes(coarsened(rows.fine), rows.scale)


def coarsened(fine: NDArray[np.int16]) -> NDArray[np.int8]:
    """The leading 8 of 16 bits."""
    return np.asarray(np.rint(fine * np.float32(COARSE / FINE)), np.int8)


def coarse_query(query: NDArray[np.float32]) -> NDArray[np.int8]:
    """A query in 8 bits, up to a factor."""
    return coarsened(encoded(query[None]).fine).reshape(-1)


def largest(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Places of the ``count`` largest scores, in no order; of equal ones the first."""
    if count >= len(scores):
        return np.arange(len(scores))
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    places = np.flatnonzero(scores >= least)
    if len(places) == count:
        return places
    above = scores[places] > least
    equal = places[~above][: count - int(above.sum())]
    return np.concatenate([places[above], equal])

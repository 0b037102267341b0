"""Vectors as whole numbers: 16 bits to answer with, 8 bits to find out which few are worth that.

A row has one scale, its largest component, so a row that points along one axis costs the others nothing. With 16 bits
a component is off by at most 1/65534 of that, which is less than float16 loses, and whole numbers turn into float32
many times as fast. With 8 bits, dot products are whole numbers too: the same on every machine and in every order.
"""

from __future__ import annotations

import math
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
SURE = 6.0
"""A row is passed over if two dot products in 8 bits would have to be off by this many standard deviations in all for
it to be among the best."""
MOST, MOST_OF_FEW = 8, 1000
"""At most this many times as many rows as are asked for are compared again, and where few are, this many."""
NEVER = np.float32(1e30)
"""Taken off the score of a row that is not wanted; finite, as infinity times nought is not a number."""


@dataclass(frozen=True, eq=False)
class CoarseQuery:
    """A query in 8 bits.

    Attributes
    ----------
    numbers
        ``[d]`` int8.
    step
        ``numbers * step`` is the query; above nought.
    """

    numbers: NDArray[np.int8]
    step: float


@dataclass(frozen=True, eq=False)
class Codes:
    """Rows, in 8 bits.

    Attributes
    ----------
    coarse
        ``[n, d]`` int8.
    step
        ``[n]`` float32; ``coarse * step`` are the vectors.
    """

    coarse: NDArray[np.int8]
    step: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.step)

    def __getitem__(self, part: slice) -> Codes:
        return Codes(self.coarse[part], self.step[part])

    def take(self, places: NDArray[np.int64]) -> Codes:
        """Rows at these places."""
        return Codes(self.coarse.take(places, axis=0), self.step.take(places))

    def scores(self, query: CoarseQuery) -> NDArray[np.float32]:
        """Dot products with all rows, in units of the query's step."""
        found: NDArray[np.float32] = np.empty((1, len(self)), np.float32)
        if len(self):
            numkong.cdist(query.numbers[None], self.coarse, "dot", out=found)
        found *= self.step
        return found.reshape(-1)

    def slack(self, query: CoarseQuery) -> float:
        """How far apart two scores may be although the other row is nearer, in units of scores.

        Roundings are spread evenly over a step and independent of each other, or nearly so, and vectors have length 1.
        """
        worst = float(self.step.max(initial=0.0))
        return SURE * math.sqrt(2 * (worst**2 + query.step**2) / 12) / query.step

    def likely(self, query: CoarseQuery, k: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Allowed rows among which the best ``k`` are, in no order."""
        if allowed is None:
            return likely(self.scores(query), k, self.slack(query))
        left = int(np.count_nonzero(allowed))
        if left < GATHERED * len(self):
            rows = np.flatnonzero(allowed)
            return rows[likely(self.take(rows).scores(query), k, self.slack(query))]
        return likely(without(self.scores(query), allowed), min(k, left), self.slack(query))


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
    return Codes(coarsened(rows.fine), coarse_step(rows.scale))


def coarse_step(scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scale of rows in 8 bits, of that in 16."""
    return np.asarray(scale * np.float32(FINE / COARSE), np.float32)


def coarsened(fine: NDArray[np.int16]) -> NDArray[np.int8]:
    """The leading 8 of 16 bits."""
    return np.asarray(np.rint(fine * np.float32(COARSE / FINE)), np.int8)


def coarse_query(query: NDArray[np.float32]) -> CoarseQuery:
    """A query that is not zero, in 8 bits."""
    one = coarse_codes(encoded(query[None]))
    return CoarseQuery(one.coarse.reshape(-1), float(one.step[0]))


def without(scores: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Put the scores that are not allowed below all others."""
    scores -= np.multiply(~allowed, NEVER, dtype=np.float32)
    return scores


def likely(scores: NDArray[np.float32], k: int, slack: float) -> NDArray[np.int64]:
    """Places of scores that are not further than ``slack`` below the ``k``-th, in no order.

    Of very many the largest are taken, of equal ones the first.
    """
    if k >= len(scores):
        return np.arange(len(scores))
    if not k:
        return np.zeros(0, np.int64)
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    places = np.flatnonzero(scores >= least - np.float32(slack))
    most = max(MOST * k, MOST_OF_FEW)
    return places if len(places) <= most else places[largest(scores[places], most)]


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

"""Lists of rows with near vectors, so that a query need only look at the lists near to it.

Centres are those of spherical k-means on a sample (Dhillon & Modha 2001), lists those of an inverted file (Jégou et
al. 2011). How far a query looks is counted in rows and not in lists, and under a filter in rows that pass it: where few
pass, it looks further.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evenshelf.encoders.base import Vectors, unit_rows
from evenshelf.index.dense_codes import GATHERED, Codes, coarse_codes, encoded, largest

SAMPLE = 48
"""Rows for each list that centres are fitted on."""
ROUNDS = 8
BLOCK = 8192
"""Rows compared with all centres at once."""
LEAST = 50
"""A query for ``k`` rows looks at this many times as many at least."""


@dataclass(frozen=True, eq=False)
class Lists:
    """Which rows are in which list.

    Attributes
    ----------
    centres
        ``[l]``; 8 bits do to tell which are near.
    starts
        ``[l + 1]`` int64: where each list begins in ``order``.
    order
        ``[n]`` int64: the rows, list by list, ascending within one.
    """

    centres: Codes
    starts: NDArray[np.int64]
    order: NDArray[np.int64]

    def nearest(
        self,
        codes: Codes,
        query: NDArray[np.int8],
        count: int,
        *,
        allowed: NDArray[np.bool_] | None,
        effort: float,
    ) -> NDArray[np.int64]:
        """Look for the ``count`` best allowed rows.

        Parameters
        ----------
        codes
            The rows in 8 bits, in the order of the lists.
        query
            ``[d]``, in 8 bits.
        count
            How many rows.
        allowed
            ``[n]``, by row; None if all are.
        effort
            Look at this many times the square root of the number of allowed rows.

        Returns
        -------
        numpy.ndarray
            Rows, in no order: ``count`` of them, or all allowed ones if there are no more.
        """
        here = None if allowed is None else allowed.take(self.order)
        sizes = np.diff(self.starts) if here is None else self._counts(here)
        total = int(sizes.sum())
        enough = min(total, max(math.ceil(effort * math.sqrt(total)), LEAST * count))
        near = np.argsort(-self.centres.scores(query, None), kind="stable")
        near = near[: int(np.searchsorted(np.cumsum(sizes[near]), enough)) + 1]
        lists = np.sort(near[sizes[near] > 0])
        places = _spans(self.starts[lists], self.starts[lists + 1])
        if here is not None:
            wanted = here.take(places)
            if sizes[lists].sum() < GATHERED * len(places):
                places = places[wanted]
                some = Codes(codes.coarse.take(places, axis=0), codes.scale[places])
                return self.order.take(self._best(some.scores(query, None), places, count))
        scores = np.empty(len(places), np.float32)
        done = 0
        for start, end in zip(self.starts[lists].tolist(), self.starts[lists + 1].tolist(), strict=True):
            scores[done : done + end - start] = codes[start:end].scores(query, None)
            done += end - start
        if here is not None:
            places, scores = places[wanted], scores[wanted]
        rows: NDArray[np.int64] = self.order.take(self._best(scores, places, count))
        return rows

    def _counts(self, flags: NDArray[np.bool_]) -> NDArray[np.int64]:
        """``[l]``: how many places of each list have the flag."""
        some = self.starts[1:] > self.starts[:-1]
        counts = np.zeros(len(some), np.int64)
        counts[some] = np.add.reduceat(flags, self.starts[:-1][some], dtype=np.int64)
        return counts

    def _best(self, scores: NDArray[np.float32], places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Places of the best scores; of equal ones those of the first rows."""
        best = largest(scores, count)
        if len(best) == len(scores):
            return places
        least = scores[best].min()
        tied = np.flatnonzero(scores == least)
        above = best[scores[best] > least]
        if len(above) + len(tied) > count:
            tied = tied[np.argsort(self.order[places[tied]], kind="stable")][: count - len(above)]
        kept: NDArray[np.int64] = places[np.concatenate([above, tied])]
        return kept


def _spans(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """All numbers from each start to before its end."""
    sizes = ends - starts
    before = np.cumsum(sizes) - sizes
    return np.asarray(np.repeat(starts - before, sizes) + np.arange(int(sizes.sum())), np.int64)


def number_of_lists(rows: int) -> int:
    """Return the power of two that is nearest to twice the square root of the number of rows."""
    return 1 << round(math.log2(2 * math.sqrt(rows)))


def grouped(
    vectors_of: Callable[[NDArray[np.int64] | slice], Vectors],
    rows: int,
    *,
    threads: int,
    progress: Callable[[int], None],
) -> Lists:
    """Find centres and put every row into the list of the nearest one.

    Parameters
    ----------
    vectors_of
        Gives the vectors of rows, as float32.
    rows
        How many there are; at least one.
    threads
        Does not change the result.
    progress
        Told how many rows were put into a list since its last call.
    """
    number = min(number_of_lists(rows), rows)
    rng = np.random.default_rng(0)
    sample = vectors_of(np.sort(rng.choice(rows, min(rows, SAMPLE * number), replace=False)))
    # one thread for each block, so that sums do not depend on how many there are
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        centres = _fitted(sample, number, rng, pool)
        of = np.empty(rows, np.int64)

        def put(start: int) -> int:
            part = slice(start, min(rows, start + BLOCK))
            of[part] = _nearest_centre(centres, vectors_of(part))
            return part.stop - part.start

        for done in pool.map(put, range(0, rows, BLOCK)):
            progress(done)
    starts = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=number))]).astype(np.int64)
    return Lists(coarse_codes(encoded(centres)), starts, np.argsort(of, kind="stable"))


def _fitted(sample: Vectors, number: int, rng: np.random.Generator, pool: ThreadPoolExecutor) -> Vectors:
    centres = sample[rng.choice(len(sample), number, replace=False)]
    for _ in range(ROUNDS):
        of = np.concatenate(list(pool.map(partial(_nearest_centre, centres), _blocks(sample))))
        order = np.argsort(of, kind="stable")
        counts = np.bincount(of, minlength=number)
        some = counts > 0
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        moved = np.empty_like(centres)
        moved[some] = np.add.reduceat(sample[order], starts[some], axis=0)
        # a centre that nothing is near to begins again somewhere else
        moved[~some] = sample[rng.choice(len(sample), int((~some).sum()), replace=False)]
        centres = unit_rows(moved)
    return centres


def _blocks(sample: Vectors) -> Iterator[Vectors]:
    return (sample[start : start + BLOCK] for start in range(0, len(sample), BLOCK))


def _nearest_centre(centres: Vectors, vectors: Vectors) -> NDArray[np.int64]:
    return np.asarray((vectors @ centres.T).argmax(axis=1), np.int64)

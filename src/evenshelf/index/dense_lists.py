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
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evenshelf.encoders.base import Vectors, unit_rows
from evenshelf.index.dense_codes import GATHERED, CoarseQuery, Codes, coarse_codes, encoded, likely, without

SAMPLE = 48
"""Rows for each list that centres are fitted on."""
ROUNDS = 8
BLOCK = 8192
"""Rows compared with all centres at once."""
FEW = 3.0
"""Where a filter leaves no more than this many times the square of the effort, all that it leaves is compared: to find
the part of it that is in the nearest lists takes as long."""
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

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """``[n]``: where in ``order`` each row is."""
        places = np.empty_like(self.order)
        places[self.order] = np.arange(len(self.order))
        return places

    def nearest(
        self,
        codes: Codes,
        query: CoarseQuery,
        k: int,
        *,
        allowed: NDArray[np.bool_] | None,
        effort: float,
    ) -> NDArray[np.int64]:
        """Look for the ``k`` best allowed rows.

        Parameters
        ----------
        codes
            The rows in 8 bits, in the order of the lists.
        query
            In 8 bits.
        k
            How many rows.
        allowed
            ``[n]``, by row; None if all are.
        effort
            Look at this many times the square root of the number of allowed rows.

        Returns
        -------
        numpy.ndarray
            Allowed rows in no order, ``k`` of them at least, or all; among them the best of those looked at. Equal
            vectors are in one list, so that of them the first rows are taken.
        """
        slack = codes.slack(query)
        total = len(self.order) if allowed is None else int(np.count_nonzero(allowed))
        if allowed is not None and total <= FEW * effort**2:
            places = np.sort(self.places.take(np.flatnonzero(allowed)))
            return np.asarray(self.order[places[likely(codes.take(places).scores(query), k, slack)]], np.int64)
        enough = min(total, max(math.ceil(effort * math.sqrt(total)), LEAST * k))
        spans, flags = self._spans(query, enough, allowed)
        starts, lengths = np.array([span.start for span in spans]), np.array([len(part) for part in flags])
        before = np.cumsum(lengths) - lengths
        # where the spans are put one behind the other, a row's place is this much further on in all lists
        shift = starts - before
        passing = np.concatenate(flags)
        count = int(np.count_nonzero(passing))
        if count < GATHERED * len(passing):
            places = np.flatnonzero(passing)
            places += shift[np.searchsorted(before, places, side="right") - 1]
            return np.asarray(self.order[places[likely(codes.take(places).scores(query), k, slack)]], np.int64)
        scores = np.empty(len(passing), np.float32)
        for span, start in zip(spans, before.tolist(), strict=True):
            scores[start : start + span.stop - span.start] = codes[span].scores(query)
        best = likely(scores if count == len(passing) else without(scores, passing), min(k, count), slack)
        best += shift[np.searchsorted(before, best, side="right") - 1]
        return np.asarray(self.order[best], np.int64)

    def _spans(
        self, query: CoarseQuery, enough: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[list[slice], list[NDArray[np.bool_]]]:
        """Places of the nearest lists that have enough allowed rows between them, and which places are allowed."""
        near = np.argsort(-self.centres.scores(query), kind="stable")
        near = near[self.starts[near + 1] > self.starts[near]]
        found: list[tuple[slice, NDArray[np.bool_]]] = []
        seen = 0
        for start, end in zip(self.starts[near].tolist(), self.starts[near + 1].tolist(), strict=True):
            if seen >= enough:
                break
            flags = np.ones(end - start, np.bool_) if allowed is None else allowed.take(self.order[start:end])
            passing = end - start if allowed is None else int(np.count_nonzero(flags))
            if passing:
                found.append((slice(start, end), flags))
                seen += passing
        found.sort(key=lambda one: one[0].start)
        return [span for span, _ in found], [flags for _, flags in found]


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

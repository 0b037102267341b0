"""Intervention harvesting: position bias from items that the log shows at several ranks, without a click model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logit

from evenshelf.clicks.ascent import ascend
from evenshelf.clicks.cells import Cells
from evenshelf.clicks.log import Floats
from evenshelf.clicks.sums import sums

_EDGE = 20.0
_BLOCK = 200_000

DEEPEST = 200
"""Ranks below this one are not compared."""


@dataclass(frozen=True, eq=False)
class Harvest:
    """What pairs of query and item that were shown at more than one rank say of examination.

    Attributes
    ----------
    examination
        ``[K]`` relative to rank 1; nan for ranks that no chain of such pairs links to rank 1, and for those below
        :data:`DEEPEST`. May be above 1.
    weight
        ``[D, D]``, D the lesser of K and DEEPEST, symmetric: rows with which two ranks are compared, ``n m / (n + m)``
        summed over such pairs; 0 on the diagonal.
    pairs
        Number of such pairs.
    rows
        Rows that show one of them.
    """

    examination: Floats
    weight: Floats
    pairs: int
    rows: int


def harvest(cells: Cells) -> Harvest:
    """Estimate examination from all pairs of ranks (AllPairs).

    A pair of query and item that was shown at two ranks is as attractive at both, so what differs is examination. For
    each two ranks such pairs have a mean attraction of their own; it and examination are fitted to the click rates of
    all of them. Unlike in a click model nothing is assumed of how items came to their ranks, as long as a pair's
    attraction is the same whenever it is shown.

    In the paper each pair has the same weight. Here one that was shown ``n`` and ``m`` times at two ranks has
    ``n m / (n + m)`` (Mantel-Haenszel), again the same at both ranks, so nothing else is estimated, and frequent pairs,
    whose rates are surer, count more.

    References
    ----------
    Agarwal et al. 2019, Estimating position bias without intrusive interventions.
    """
    depth = min(cells.depth, DEEPEST)
    shape, high = (depth, depth), cells.rank < depth
    ranks = sums(cells.pair[high], None, len(cells.pairs))
    several = np.flatnonzero((ranks > 1)[cells.pair] & high)
    weight, clicks = np.zeros(shape), np.zeros(shape)
    for first in range(0, len(several), _BLOCK):
        # cells are in order of pairs; a block begins where a pair does
        begin = int(np.searchsorted(cells.pair[several], cells.pair[several[first]]))
        last = min(first + _BLOCK, len(several))
        end = (
            len(several)
            if last == len(several)
            else int(np.searchsorted(cells.pair[several], cells.pair[several[last]]))
        )
        some = several[begin:end]
        frame = pl.DataFrame(
            {"pair": cells.pair[some], "rank": cells.rank[some], "n": cells.shown[some], "y": cells.clicks[some]}
        )
        both = frame.join(frame.select("pair", "rank", "n"), on="pair", suffix="_other").filter(
            pl.col("rank") != pl.col("rank_other")
        )
        where = (both["rank"].to_numpy(), both["rank_other"].to_numpy())
        n, other = both["n"].to_numpy(), both["n_other"].to_numpy()
        np.add.at(weight, where, n * other / np.maximum(n + other, 1))
        np.add.at(clicks, where, both["y"].to_numpy() * other / np.maximum(n + other, 1))
    examination = _fitted(clicks, weight)
    _, part = connected_components(sparse.csr_array(weight), directed=False)
    examination[(part != part[0]) | (weight.sum(axis=1) == 0)] = np.nan
    examination = np.append(examination, np.full(cells.depth - depth, np.nan))
    return Harvest(examination, weight, int((ranks > 1).sum()), int(cells.shown[several].sum()))


def _fitted(clicks: Floats, shown: Floats) -> Floats:
    """``[K]`` examination relative to rank 1, by EM over looks and attractions of each two ranks."""
    depth = len(shown)
    upper = np.triu_indices(depth, 1)
    there = shown[upper] > 0
    upper = (upper[0][there], upper[1][there])
    seen = shown.sum(axis=1)
    misses = shown - clicks

    def unpacked(parameters: Floats) -> tuple[Floats, Floats]:
        attracts = np.zeros((depth, depth))
        attracts[upper] = expit(parameters[depth:])
        return expit(parameters[:depth]), attracts + attracts.T

    def step(parameters: Floats) -> tuple[Floats, float]:
        looks, attracts = unpacked(parameters)
        chance = looks[:, None] * attracts
        missed = misses / (1 - chance)
        looked = clicks + missed * looks[:, None] * (1 - attracts)
        attracted = clicks + missed * attracts * (1 - looks[:, None])
        objective = (clicks * np.log(np.maximum(chance, 1e-300))).sum() + (misses * np.log1p(-chance)).sum()
        better = np.append(
            _share(looked.sum(axis=1), seen), _share((attracted + attracted.T)[upper], (shown + shown.T)[upper])
        )
        return np.clip(logit(better), -_EDGE, _EDGE), float(objective)

    start = np.append(np.zeros(depth), logit(_share((clicks + clicks.T)[upper], (shown + shown.T)[upper])))
    found = ascend(step, np.clip(start, -_EDGE, _EDGE), low=-_EDGE, high=_EDGE, tolerance=1e-5, most=2000)
    looks, _ = unpacked(found.parameters)
    return np.asarray(looks / looks[0])


def _share(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), 0.5), where=whole > 0))

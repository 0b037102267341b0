"""The position-based model: a click is a look, which the place decides, and attraction, which the item decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.special import expit, logit

from evenshelf.clicks.ascent import Ascent, ascend
from evenshelf.clicks.cells import Cells, Patterns
from evenshelf.clicks.evidence import Attraction
from evenshelf.clicks.log import ClickLog, Floats
from evenshelf.clicks.models.base import ClickModel
from evenshelf.clicks.models.registry import register
from evenshelf.clicks.priors import LEAST, MOST

_NODES = np.arange(-14.0, 6.01, 0.25)
_SEEN = expit(_NODES)
_LOGS = np.stack([np.log(_SEEN), np.log1p(-_SEEN)])
"""Where attraction is integrated over, in logits: ``log attraction`` and ``log (1 - attraction)``."""

_FINE = 65
_NEGLIGIBLE = 18.0
_BLOCK = 20_000
_PSEUDO = 0.5
"""Clicks, and rows without one, that are added to each rank, so that no place is looked at never or always."""

_EDGE = 14.0
_ALWAYS = 0.995


@register
@dataclass(frozen=True, eq=False)
class PositionBased(ClickModel):
    r"""``P(click) = examination[rank] * attraction[query, item]``.

    Rank 1 is always looked at, which sets the scale. Attractions are drawn from a Beta distribution. It is fitted by EM
    to the likelihood of the clicks with attractions integrated out, so pairs that were shown once do not push the
    examination up as they do where each has a parameter of its own, and then each attraction is the posterior given
    that fit. That takes it that what an item is shown at does not depend on its attraction, given how often pairs are shown
    at several ranks: where each pair was shown at one rank only, all of the fall from rank to rank is taken for
    examination (:func:`~evenshelf.clicks.bias.position_bias` warns then).

    Attributes
    ----------
    path
        Objective of EM after each cycle.
    notes
        What to know of this fit.
    """

    name: ClassVar[str] = "position_based"
    title: ClassVar[str] = "Position-based model"
    summary: ClassVar[str] = "A place is looked at more or less, and an item that is looked at is clicked more or less."
    paper: ClassVar[str] = "Richardson et al. 2007; Craswell et al. 2008"
    cost: ClassVar[int] = 4

    path: tuple[float, ...]
    notes: tuple[str, ...]

    @classmethod
    def fit(cls, log: ClickLog) -> Self:
        """See :meth:`ClickModel.fit`."""
        cells = Cells.of(log)
        patterns = cells.patterns()
        found = maximise(cells, patterns)
        examination, prior = unpacked(found.parameters)
        a, b = _posterior(patterns, examination, prior)
        attraction = Attraction(cells.pairs, a[patterns.of_pair], b[patterns.of_pair], prior)
        return cls(attraction, examination, found.path, _notes(examination, found))

    def probability(self, log: ClickLog) -> Floats:
        """See :meth:`ClickModel.probability`."""
        return self.looked_at(log) * self.attraction.at(log)


def maximise(
    cells: Cells, patterns: Patterns | None = None, start: Floats | None = None, *, tolerance: float = 1e-4
) -> Ascent:
    """Maximise the likelihood of counts over examination and prior, attractions integrated out.

    Parameters
    ----------
    cells, patterns
        The counts, and the same by patterns.
    start
        Parameters of an earlier fit to begin with.
    tolerance
        See :func:`~evenshelf.clicks.ascent.ascend`.

    Returns
    -------
    Ascent
        Its parameters are what :func:`unpacked` takes.
    """
    patterns = cells.patterns() if patterns is None else patterns
    clicks = cells.clicks_by_rank[1:]
    back = patterns.misses.T.tocsr()[1:]

    def step(parameters: Floats) -> tuple[Floats, float]:
        examination, prior = unpacked(parameters)
        weights, objective = _expected(patterns, examination, prior)
        lower = examination[1:]
        objective += (clicks + _PSEUDO) @ np.log(lower) + _PSEUDO * np.log1p(-lower).sum()
        better = _examination(clicks, back @ weights)
        total = weights.sum(axis=0)
        return np.concatenate([logit(better), np.log(_prior(total / total.sum(), prior))]), float(objective)

    if start is None:
        shown = np.bincount(cells.rank, cells.shown, cells.depth)
        rate = (cells.clicks.sum() + 0.5) / (cells.shown.sum() + 1)
        lower = (clicks + rate) / (shown[1:] + 1) / max(float((cells.clicks_by_rank[0] + rate) / (shown[0] + 1)), rate)
        start = np.concatenate([logit(np.clip(lower, 0.01, 0.9)), np.log([1.0, 1 / rate])])
    edge = np.append(np.full(cells.depth - 1, _EDGE), [np.log(MOST)] * 2)
    low = np.append(np.full(cells.depth - 1, -_EDGE), [np.log(LEAST)] * 2)
    return ascend(step, np.clip(start, low, edge), low=low, high=edge, tolerance=tolerance)


def unpacked(parameters: Floats) -> tuple[Floats, tuple[float, float]]:
    """``[K]`` examination, 1 at rank 1, and the prior of attractions."""
    a, b = np.exp(parameters[-2:])
    return np.append(1.0, expit(parameters[:-2])), (float(a), float(b))


def _log_prior(prior: tuple[float, float]) -> Floats:
    """``[G]`` of a Beta distribution over the nodes; they are evenly spaced in logits."""
    log = np.asarray(prior) @ _LOGS
    log -= log.max()
    return np.asarray(log - np.log(np.exp(log).sum()))


def _expected(patterns: Patterns, examination: Floats, prior: tuple[float, float]) -> tuple[Floats, float]:
    """``[Q, G]`` expected pairs of each pattern at each node, and the log likelihood without examinations of clicks."""
    log = patterns.misses @ np.log1p(-np.outer(examination, _SEEN)) + np.outer(patterns.clicks, _LOGS[0])
    log += _log_prior(prior)
    most = log.max(axis=1)
    weights = np.exp(log - most[:, None])
    total = weights.sum(axis=1)
    weights *= (patterns.count / total)[:, None]
    return weights, float(patterns.count @ (most + np.log(total)))


def _examination(clicks: Floats, misses: Floats) -> Floats:
    """``[K - 1]`` examination that fits best, by bisection: the objective is concave in each.

    Parameters
    ----------
    clicks
        ``[K - 1]``.
    misses
        ``[K - 1, G]`` expected rows without a click by attraction.
    """
    low, high = np.zeros(len(clicks)), np.ones(len(clicks))
    for _ in range(45):
        middle = (low + high) / 2
        slope = (clicks + _PSEUDO) / middle - _PSEUDO / (1 - middle)
        slope -= (misses * _SEEN / (1 - middle[:, None] * _SEEN)).sum(axis=1)
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    return (low + high) / 2


def _prior(share: Floats, start: tuple[float, float]) -> Floats:
    """``[2]`` parameters of the Beta distribution nearest to shares of nodes, ``[G]``, within bounds.

    Newton's method on the logarithms of both, with steps that are halved until they do not go down.
    """
    goal = _LOGS @ share
    here = np.log(start)

    def value(at: Floats) -> float:
        return float(share @ _log_prior(tuple(np.exp(at))))

    best = value(here)
    for _ in range(30):
        both = np.exp(here)
        density = np.exp(_log_prior(tuple(both)))
        mean = _LOGS @ density
        bend = (_LOGS * density) @ _LOGS.T - np.outer(mean, mean)
        slope = both * (goal - mean)
        # without the part of the second derivative that may have the wrong sign (Fisher scoring)
        move = np.linalg.solve(np.outer(both, both) * bend + 1e-10 * np.eye(2), slope)
        for halved in range(20):
            there = np.clip(here + move / 2**halved, np.log(LEAST), np.log(MOST))
            if value(there) >= best:
                break
        else:
            break
        moved, here, best = np.abs(there - here).max(), there, value(there)
        if moved < 1e-7:
            break
    return np.asarray(np.exp(here))


def _posterior(
    patterns: Patterns, examination: Floats, prior: tuple[float, float]
) -> tuple[Floats, Floats]:
    """``[Q]`` parameters of the Beta distributions with the mean and variance of the attraction of each pattern.

    The common nodes lie far apart for a pair that was shown often, so each pattern gets nodes of its own where its
    posterior is not negligible.
    """
    a, b = (np.empty(len(patterns.clicks)) for _ in range(2))
    table, coarse = patterns.misses, np.log1p(-np.outer(examination, _SEEN))
    log_prior = _log_prior(prior)
    for first in range(0, len(a), _BLOCK):
        block = slice(first, first + _BLOCK)
        misses, clicks = table[block], patterns.clicks[block]
        log = misses @ coarse + np.outer(clicks, _LOGS[0]) + log_prior
        nodes = np.broadcast_to(_NODES, log.shape)
        # twice: between two of the common nodes there may be all of it
        for _ in range(2):
            there = log >= log.max(axis=1, keepdims=True) - _NEGLIGIBLE
            step = nodes[:, 1] - nodes[:, 0]
            low = np.where(there, nodes, np.inf).min(axis=1) - step
            high = np.where(there, nodes, -np.inf).max(axis=1) + step
            nodes = np.linspace(low, high, _FINE, axis=1)
            log = _log_density(misses, clicks, nodes, examination, prior)
        weight = np.exp(log - log.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        value = expit(nodes)
        mean = (weight * value).sum(axis=1)
        variance = (weight * (value - mean[:, None]) ** 2).sum(axis=1)
        size = np.maximum(mean * (1 - mean) / variance - 1, LEAST)
        a[block], b[block] = mean * size, (1 - mean) * size
    return a, b


def _log_density(misses: object, clicks: Floats, nodes: Floats, examination: Floats, prior: tuple[float, float]) -> Floats:
    """``[Q, G]`` log density of attractions at nodes of each pattern, in logits, up to a constant a pattern."""
    value = expit(nodes)
    log = (clicks + prior[0])[:, None] * np.log(value) + prior[1] * np.log1p(-value)
    table = misses.tocoo()  # type: ignore[attr-defined]
    for rank in np.unique(table.col):
        of = table.col == rank
        rows = table.row[of]
        log[rows] += table.data[of][:, None] * np.log1p(-examination[rank] * value[rows])
    return np.asarray(log)


def _notes(examination: Floats, found: Ascent) -> tuple[str, ...]:
    notes = []
    high = [str(rank + 1) for rank in np.flatnonzero(examination[1:] > _ALWAYS) + 1]
    if high:
        notes.append(
            f"rank {', '.join(high)} looks as if it were looked at as much as rank 1 or more, which the model cannot tell: "
            "it takes rank 1 for the one that is always looked at"
        )
    if not found.converged:
        notes.append("the fit did not converge")
    return tuple(notes)

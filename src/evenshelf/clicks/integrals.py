"""Attraction integrated out of the position-based model: expectations over it by quadrature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import expit

from evenshelf.clicks.cells import Patterns
from evenshelf.clicks.log import Codes, Floats
from evenshelf.clicks.sums import sums

_SPACING = 0.25
NODES = np.arange(-12.0, 6.0 + _SPACING, _SPACING)
"""``[G]`` where attraction is integrated over, in logits."""

_SEEN = expit(NODES)
LOGS = np.stack([np.log(_SEEN), np.log1p(-_SEEN)])
"""``[2, G]`` logarithms of attraction and of one minus it."""

OFTEN = 200
"""Pairs that were shown more often get nodes of their own."""

_FINE = 41
_NEGLIGIBLE = 18.0
_BLOCK = 20_000


def log_scale(priors: Floats) -> Floats:
    """``[S]`` logarithm of the integral of ``attraction ** a * (1 - attraction) ** b`` over logits."""
    log = priors @ LOGS
    most = log.max(axis=-1)
    return np.asarray(most + np.log(np.exp(log - most[..., None]).sum(axis=-1) * _SPACING))


@dataclass(frozen=True, eq=False)
class Expected:
    """What is expected of attraction under given examination and priors.

    Attributes
    ----------
    likelihood
        Logarithm of the likelihood, but for the examination of what was clicked.
    looks
        ``[K]`` rows that were looked at without a click, by rank.
    logs
        ``[Q, 2]`` mean logarithms of attraction and of one minus it, of each pattern, times its number of pairs.
    """

    likelihood: float
    looks: Floats
    logs: Floats


class Integral:
    """Nodes for all patterns: common ones for pairs that were shown rarely, own ones for those that were shown often.

    The posterior of a pair that was shown often lies between two common nodes. Its own nodes are where its posterior is
    not negligible under the examination and priors that are given here.
    """

    def __init__(self, table: Patterns, examination: Floats, priors: Floats) -> None:
        self._table = table
        often = table.shown > OFTEN
        self._rare, self._often = np.flatnonzero(~often), np.flatnonzero(often)
        self._rows = table.misses[self._rare]
        self._back = self._rows.T.tocsr()
        own = table.misses[self._often].tocoo()
        self._cells: tuple[Codes, Codes, Floats] = own.row, own.col, own.data
        self._nodes = own_nodes(table, self._often, examination, priors)
        self._member = sparse.csr_array(
            (np.ones(len(own.row)), (own.row, np.arange(len(own.row)))), (len(self._often), len(own.row))
        )

    def expect(self, examination: Floats, strata: Floats, stratum: Codes) -> Expected:
        """Expectations under examination ``[K]`` and priors ``[S, 2]``; ``[Q]`` says which one a pattern has."""
        table, priors = self._table, strata[stratum]
        scale = log_scale(strata)
        logs = np.empty((len(priors), 2))
        chance = np.outer(examination, _SEEN)
        log = self._rows @ np.log1p(-chance)
        log += np.outer(table.clicks[self._rare], LOGS[0])
        log += (strata @ LOGS + np.log(_SPACING) - scale[:, None])[stratum[self._rare]]
        likelihood, weights = _normalised(log, table.count[self._rare])
        logs[self._rare] = weights @ LOGS.T
        looks = ((self._back @ weights) * (examination[:, None] - chance) / (1 - chance)).sum(axis=1)
        if len(self._often):
            row, rank, misses = self._cells
            value, prior = expit(self._nodes), priors[self._often]
            chance = examination[rank][:, None] * value[row]
            log = self._member @ (misses[:, None] * np.log1p(-chance))
            of = np.stack([np.log(value), np.log1p(-value)])
            log += (table.clicks[self._often] + prior[:, 0])[:, None] * of[0] + prior[:, 1:] * of[1]
            log += np.log(self._nodes[:, 1:2] - self._nodes[:, :1]) - scale[stratum[self._often]][:, None]
            more, weights = _normalised(log, table.count[self._often])
            likelihood += more
            logs[self._often] = (of * weights).sum(axis=2).T
            unseen = (weights[row] * (examination[rank][:, None] - chance) / (1 - chance)).sum(axis=1)
            looks = looks + sums(rank, misses * unseen, len(examination))
        return Expected(likelihood, looks, logs)


def _normalised(log: Floats, count: Floats) -> tuple[float, Floats]:
    """Log of the sum over nodes of all patterns, and ``[Q, G]`` weights that sum to the number of pairs of each."""
    most = log.max(axis=1, initial=-np.inf, keepdims=True)
    weights = np.exp(log - most)
    total = weights.sum(axis=1, keepdims=True)
    weights *= count[:, None] / total
    return float(count @ (most + np.log(total))[:, 0]), weights


def own_nodes(table: Patterns, which: Codes, examination: Floats, priors: Floats) -> Floats:
    """``[R, F]`` evenly spaced logits at which the posterior of some patterns is not negligible."""
    misses, clicks, prior = table.misses[which], table.clicks[which], priors[which]
    nodes = np.broadcast_to(NODES, (len(which), len(NODES)))
    log = misses @ np.log1p(-np.outer(examination, _SEEN)) + np.outer(clicks, LOGS[0]) + prior @ LOGS
    # twice: between two of the common nodes there may be all of it
    for again in (True, False):
        there = log >= log.max(axis=1, initial=-np.inf, keepdims=True) - _NEGLIGIBLE
        step = nodes[:, 1] - nodes[:, 0]
        low = np.where(there, nodes, np.inf).min(axis=1, initial=np.inf) - step
        high = np.where(there, nodes, -np.inf).max(axis=1, initial=-np.inf) + step
        nodes = np.linspace(low, high, _FINE, axis=1)
        if again:
            log = _log_density(misses, clicks, nodes, examination, prior)
    return nodes


def posterior(table: Patterns, examination: Floats, priors: Floats) -> tuple[Floats, Floats]:
    """``[Q]`` parameters of the Beta distributions with the mean and variance of the attraction of each pattern."""
    a, b = (np.empty(len(table.clicks)) for _ in range(2))
    for first in range(0, len(a), _BLOCK):
        which = np.arange(first, min(first + _BLOCK, len(a)))
        nodes = own_nodes(table, which, examination, priors)
        log = _log_density(table.misses[which], table.clicks[which], nodes, examination, priors[which])
        weight = np.exp(log - log.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        value = expit(nodes)
        mean = (weight * value).sum(axis=1)
        variance = (weight * (value - mean[:, None]) ** 2).sum(axis=1)
        size = np.maximum(mean * (1 - mean) / variance - 1, 1e-6)
        a[which], b[which] = mean * size, (1 - mean) * size
    return a, b


def _log_density(misses: sparse.csr_array, clicks: Floats, nodes: Floats, examination: Floats, prior: Floats) -> Floats:
    """``[R, F]`` log density of attractions at nodes of each pattern, in logits, up to a constant a pattern."""
    value = expit(nodes)
    log = (clicks + prior[:, 0])[:, None] * np.log(value) + prior[:, 1:] * np.log1p(-value)
    cells = misses.tocoo()
    for rank in np.unique(cells.col):
        of = cells.col == rank
        rows = cells.row[of]
        log[rows] += cells.data[of][:, None] * np.log1p(-examination[rank] * value[rows])
    return np.asarray(log)

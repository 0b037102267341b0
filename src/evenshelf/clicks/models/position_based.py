"""The position-based model: a click is a look, which the place decides, and attraction, which the item decides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from scipy import sparse
from scipy.special import expit, logit

from evenshelf.clicks.ascent import Ascent, ascend
from evenshelf.clicks.cells import Cells, Patterns
from evenshelf.clicks.evidence import Attraction
from evenshelf.clicks.in_lists import carried
from evenshelf.clicks.integrals import LOGS, OFTEN, Integral, log_scale, posterior
from evenshelf.clicks.log import ClickLog, Codes, Floats
from evenshelf.clicks.models.base import ClickModel
from evenshelf.clicks.models.registry import register
from evenshelf.clicks.priors import uphill
from evenshelf.clicks.sums import sums

_PSEUDO = 0.5
"""Clicks, and rows without one, that are added to each rank, so that no place is looked at never or always."""

_ENOUGH = 50
"""Pairs of a stratum."""

_PULL = 5.0
"""So many pairs hold the prior of a stratum near to that of all."""

_LOW, _HIGH = np.log([0.02, 0.02]), np.log([50.0, 2000.0])
"""Bounds of priors: narrower ones would fall between the nodes."""

_LOOSER = 10
_ROUNDS = 8
_STILL = 0.02
_EDGE = 14.0
_ALWAYS = 0.995


@register
@dataclass(frozen=True, eq=False)
class PositionBased(ClickModel):
    r"""``P(click) = examination[rank] * attraction[query, item]``.

    Rank 1 is always looked at, which sets the scale. It is fitted by EM to the likelihood of the clicks with
    attractions integrated out, so pairs that were shown once do not push the examination up, as they do where each has
    a parameter of its own. Then each attraction is the posterior given that fit.

    Attractions are drawn from a Beta distribution, one for pairs that were shown about as often (once, twice, four
    times, ...; Mundlak's device): what a shop shows often is what it also shows at the top, and is mostly more
    attractive, which one distribution for all would take for examination. Among pairs that were shown as often, rank is
    taken not to depend on attraction. Where each pair was shown at one rank only, that is all there is to go by, and
    :func:`~evenshelf.clicks.bias.position_bias` warns.

    Attributes
    ----------
    path
        Objective of EM after each cycle, since the nodes of the quadrature were last set.
    notes
        What to know of this fit.
    """

    name: ClassVar[str] = "position_based"
    title: ClassVar[str] = "Position-based model"
    summary: ClassVar[str] = "A place is looked at more or less, and an item that is looked at is clicked more or less."
    paper: ClassVar[str] = "Richardson et al. 2007; Craswell et al. 2008; Mundlak 1978 (priors by how often shown)"
    cost: ClassVar[int] = 4

    path: tuple[float, ...]
    notes: tuple[str, ...]

    @classmethod
    def fit(cls, log: ClickLog) -> Self:
        """See :meth:`ClickModel.fit`."""
        cells = Cells.of(log)
        fit = Fit.of(cells)
        table = cells.patterns()
        before = fit.priors[fit.stratum(table.shown)]
        a, b = posterior(table, fit.examination, before)
        of = table.of_pair
        attraction = Attraction(
            cells.pairs, a[of], b[of], before[of], (float(fit.priors[0, 0]), float(fit.priors[0, 1]))
        )
        return cls(attraction, fit.told(cells), fit.ascent.path, fit_notes(fit))

    def probability(self, log: ClickLog) -> Floats:
        """See :meth:`ClickModel.probability`."""
        return self.looked_at(log) * self.attraction.at(log)


@dataclass(frozen=True, eq=False)
class Fit:
    """The most likely examination and priors, attractions integrated out.

    Attributes
    ----------
    edges
        ``[S]`` ascending, the first is 0: a pair of stratum s was shown at least so often.
    ascent
        Its parameters are the logits of the examination of rank 2 and below, and the logarithms of `priors`.
    pull
        ``[2]`` sums, over pairs that are added to each stratum, of logarithms of attraction and of one minus it.
    """

    edges: Floats
    ascent: Ascent
    pull: Floats = field(default_factory=lambda: np.zeros(2))

    @property
    def pulled(self) -> bool:
        """Whether pairs are added."""
        return bool(self.pull.any())

    @classmethod
    def of(cls, cells: Cells) -> Fit:
        """Fit to counts: first with one prior, then with one for each stratum, held near to that one."""
        rate = (cells.clicks.sum() + 0.5) / (cells.shown.sum() + 1)
        shown = sums(cells.rank, cells.shown, cells.depth)
        rates = (cells.clicks_by_rank + rate) / (shown + 1)
        lower = np.clip(rates[1:] / rates[0], 0.01, 0.9)
        common = cls(np.zeros(1), Ascent(np.append(logit(lower), np.log([1.0, 1 / rate])), (), False)).again(cells)
        edges = _edges(cells.patterns())
        if len(edges) == 1:
            return common
        start = np.append(common.ascent.parameters[:-2], np.tile(common.ascent.parameters[-2:], len(edges)))
        both = common.priors[0]
        log = both @ LOGS
        density = np.exp(log - log.max())
        pull = _PULL * (LOGS @ density) / density.sum()
        return cls(edges, Ascent(start, (), False), pull).again(cells)

    def again(self, cells: Cells, *, tolerance: float = 1e-4) -> Fit:
        """Fit to counts, with this fit to begin with, and the same strata.

        Parameters
        ----------
        cells
            The counts.
        tolerance
            Of the logits of examination; see :func:`~evenshelf.clicks.ascent.ascend`.
        """
        table, size = cells.patterns(), len(self.edges)
        clicks, shown = cells.clicks_by_rank, sums(cells.rank, cells.shown, cells.depth)
        stratum = self.stratum(table.shown)
        member = sparse.csr_array((np.ones(len(stratum)), (stratum, np.arange(len(stratum)))), (size, len(stratum)))
        pairs = member @ table.count + (_PULL if self.pulled else 0.0)

        def step(parameters: Floats) -> tuple[Floats, float]:
            here = replace(self, ascent=Ascent(parameters, (), False))
            priors, lower = here.priors, here.examination[1:]
            found = integral.expect(here.examination, priors, stratum)
            objective = found.likelihood + (clicks[1:] + _PSEUDO) @ np.log(lower) + _PSEUDO * np.log1p(-lower).sum()
            if self.pulled:
                objective += float((priors @ self.pull - _PULL * log_scale(priors)).sum())
            better = ((clicks + found.looks + _PSEUDO) / (shown + 2 * _PSEUDO))[1:]
            logs = member @ found.logs + self.pull
            fitted = [_prior(*of) for of in zip(logs, pairs, priors, strict=True)]
            return np.append(logit(better), np.log(fitted)), float(objective)

        depth = cells.depth - 1
        # priors go on moving long after examination stands still, along a ridge that changes nothing else
        near = np.append(np.full(depth, tolerance), np.full(2 * size, _LOOSER * tolerance))
        low, high = (
            np.append(np.full(depth, -_EDGE), np.tile(_LOW, size)),
            np.append(np.full(depth, _EDGE), np.tile(_HIGH, size)),
        )
        found = replace(self, ascent=replace(self.ascent, parameters=np.clip(self.ascent.parameters, low, high)))
        for _ in range(_ROUNDS):
            integral = Integral(table, found.examination, found.priors[stratum])
            before = found.ascent.parameters
            found = replace(found, ascent=ascend(step, before, low=low, high=high, tolerance=near))
            if not (table.shown > OFTEN).any() or np.abs(found.ascent.parameters - before).max() < _STILL:
                break
        return found

    def told(self, cells: Cells) -> Floats:
        """``[K]`` examination; of ranks that no row has that of the rank above."""
        return carried(self.examination, np.append(1.0, sums(cells.rank, cells.shown, cells.depth)[1:]))

    @property
    def examination(self) -> Floats:
        """``[K]``, 1 at rank 1; one half where there is no row to say something."""
        return np.append(1.0, expit(self.ascent.parameters[: -2 * len(self.edges)]))

    @property
    def priors(self) -> Floats:
        """``[S, 2]`` parameters of the Beta distribution of each stratum."""
        return np.exp(self.ascent.parameters[-2 * len(self.edges) :]).reshape(-1, 2)

    def stratum(self, shown: Floats) -> Codes:
        """Stratum of pairs that were shown so often."""
        return np.searchsorted(self.edges, shown, side="right").astype(np.int64) - 1


def _edges(table: Patterns) -> Floats:
    """Powers of two at which strata begin, each with enough pairs; those without go with the next lower ones."""
    octave = np.floor(np.log2(np.maximum(table.shown, 1))).astype(np.int64)
    pairs = sums(octave, table.count)
    edges, held = [], 0.0
    for number in reversed(range(len(pairs))):
        held += pairs[number]
        if held >= _ENOUGH:
            edges.append(2.0**number)
            held = 0.0
    # the rarest are too few for a stratum of their own
    edges = edges[:-1] if edges else []
    return np.array([0.0, *reversed(edges)])


def _prior(logs: Floats, pairs: float, start: Floats) -> Floats:
    """``[2]`` parameters of the Beta distribution under which some pairs are most likely, within bounds.

    Fisher scoring on the logarithms of both, with steps that are halved until they do not go down.

    Parameters
    ----------
    logs
        ``[2]`` sums over the pairs of expected logarithms of attraction and of one minus it.
    pairs
        How many they are.
    start
        ``[2]`` to begin with.
    """
    if not pairs > 0:
        return start
    goal, here = logs / pairs, np.log(start)

    def value(at: Floats) -> float:
        return float(np.exp(at) @ goal - log_scale(np.exp(at)))

    best = value(here)
    for _ in range(30):
        both = np.exp(here)
        log = both @ LOGS
        density = np.exp(log - log.max())
        density /= density.sum()
        mean = LOGS @ density
        spread = (LOGS * density) @ LOGS.T - np.outer(mean, mean)
        move = uphill(np.outer(both, both) * spread + 1e-10 * np.eye(2), both * (goal - mean), here, _LOW, _HIGH)
        for halved in range(20):
            there = np.clip(here + move / 2**halved, _LOW, _HIGH)
            if value(there) >= best:
                break
        else:
            break
        moved, here, best = np.abs(there - here).max(), there, value(there)
        if moved < 1e-7:
            break
    return np.asarray(np.exp(here))


def fit_notes(fit: Fit) -> tuple[str, ...]:
    """What to know of a fit."""
    notes = []
    high = [str(rank + 1) for rank in np.flatnonzero(fit.examination[1:] > _ALWAYS) + 1]
    if high:
        notes.append(
            f"rank {', '.join(high)} looks as if it were looked at as much as rank 1 or more, which the model cannot "
            "tell: it takes rank 1 for the one that is always looked at"
        )
    if not fit.ascent.converged:
        notes.append("the fit of the position-based model did not converge")
    return tuple(notes)

"""Dynamic Bayesian networks: people look down a list, click what attracts them, and stop once they are satisfied."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
from scipy.special import expit, logit

from evenshelf.clicks.ascent import ascend
from evenshelf.clicks.evidence import Attraction, Pairs
from evenshelf.clicks.in_lists import by_rank, clicks_above, last_clicked
from evenshelf.clicks.log import Bools, ClickLog, Codes, Floats
from evenshelf.clicks.models.base import ClickModel
from evenshelf.clicks.models.registry import register
from evenshelf.clicks.priors import beta_prior
from evenshelf.clicks.sums import sums

_EDGE = 14.0
_PSEUDO = 0.5
"""Times that somebody went on, and did not, that are added."""

_AT_FIRST = 0.9
_ROUNDS = 4
_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Chain(ClickModel):
    """What both networks are: the next item is looked at with the chance `gamma` unless the last click satisfied.

    Attributes
    ----------
    satisfaction
        Chance that a click is the last one that is needed, for each query and item.
    gamma
        Chance to go on to the next item of somebody who is not satisfied.
    """

    satisfaction: Attraction
    gamma: float

    def probability(self, log: ClickLog) -> Floats:
        """See :meth:`ClickModel.probability`."""
        attracts, satisfies = self.attraction.at(log), self.satisfaction.at(log)
        looked = np.ones(log.lists)
        chance = np.empty(len(log))
        for rows in log.by_depth():
            at, of = log.listing[rows], attracts[rows]
            chance[rows] = looked[at] * of
            missed = looked[at] * (1 - of) / (1 - chance[rows])
            looked[at] = self.gamma * np.where(log.clicked[rows], 1 - satisfies[rows], missed)
        return chance


def _usually_looked_at(log: ClickLog, attracts: Floats, satisfies: Floats, gamma: float) -> Floats:
    """``[K]`` mean chance by rank that a row is looked at, whatever is clicked above."""
    looked, found = np.ones(log.lists), np.empty(len(log))
    for rows in log.by_depth():
        at = log.listing[rows]
        found[rows] = looked[at]
        looked[at] *= gamma * (1 - attracts[rows] * satisfies[rows])
    return by_rank(log, found)


@dataclass(frozen=True, eq=False)
class _Counts:
    """Clicks of a log, down to the last one of each list.

    Attributes
    ----------
    row
        ``[N]`` pair of each row.
    last
        ``[N]`` whether it is the last of its list that was clicked.
    below
        ``[N]`` whether it stands below the last click; all rows of a list without one.
    clicks, looks
        ``[P]`` clicks, and rows down to the last click.
    """

    pairs: Pairs
    row: Codes
    last: Bools
    below: Bools
    clicks: Floats
    looks: Floats

    @classmethod
    def of(cls, log: ClickLog) -> _Counts:
        pairs = Pairs.of(log)
        row, last = pairs.find(log), last_clicked(log)
        total = sums(log.listing, log.clicked)[log.listing]
        below = ~log.clicked & (clicks_above(log) == total)
        clicks = sums(row, log.clicked, len(pairs))
        return cls(pairs, row, last, below, clicks, sums(row, ~below, len(pairs)).astype(np.float64))

    def shrunk(self, hits: Floats, trials: Floats, prior: tuple[float, float]) -> Attraction:
        """What is known of each pair after so many hits in so many trials."""
        return Attraction.counted(self.pairs, hits, trials, prior)


@register
@dataclass(frozen=True, eq=False)
class SimplifiedChain(Chain):
    """Whoever is not satisfied goes on to the end, so what was looked at and what satisfied can be counted.

    Rows down to the last click were looked at, all rows of a list without a click, and the last click satisfied.
    """

    name: ClassVar[str] = "simplified_dbn"
    title: ClassVar[str] = "Simplified dynamic Bayesian network"
    summary: ClassVar[str] = (
        "People go on until a click satisfies them; what lies below the last click was not looked at."
    )
    paper: ClassVar[str] = "Chapelle & Zhang 2009, section 5; Chuklin et al. 2015"
    cost: ClassVar[int] = 5

    @classmethod
    def fit(cls, log: ClickLog) -> Self:
        """See :meth:`ClickModel.fit`."""
        counts = _Counts.of(log)
        empty = (sums(log.listing, log.clicked) == 0)[log.listing]
        looks = counts.looks + sums(counts.row, empty, len(counts.pairs))
        satisfied = sums(counts.row, counts.last, len(counts.pairs))
        attraction = counts.shrunk(counts.clicks, looks, beta_prior(counts.clicks, looks))
        satisfaction = counts.shrunk(satisfied, counts.clicks, beta_prior(satisfied, counts.clicks))
        examination = _usually_looked_at(log, attraction.at(log), satisfaction.at(log), 1.0)
        return cls(attraction, examination, satisfaction, 1.0)


@register
@dataclass(frozen=True, eq=False)
class DynamicChain(Chain):
    """Attraction, satisfaction and the chance to go on are fitted together, by EM over where each list was left.

    Attraction and satisfaction have Beta priors. EM climbs the posterior density under given priors, which are learned
    from the counts that it expects, in a few rounds, at first from those of the simplified network. The distribution of
    a pair takes expected looks for looks, and so is somewhat too narrow.

    Attributes
    ----------
    path
        Objective of EM after each cycle of the last round.
    """

    name: ClassVar[str] = "dbn"
    title: ClassVar[str] = "Dynamic Bayesian network"
    summary: ClassVar[str] = "People go on with a certain chance until a click satisfies them."
    paper: ClassVar[str] = "Chapelle & Zhang 2009; Chuklin et al. 2015 (reference implementation: PyClick)"
    cost: ClassVar[int] = 6

    path: tuple[float, ...]

    @classmethod
    def fit(cls, log: ClickLog) -> Self:
        """See :meth:`ClickModel.fit`."""
        counts = _Counts.of(log)
        size = len(counts.pairs)
        looks, satisfied, clicks = counts.looks, sums(counts.row, counts.last, size), counts.clicks
        start = [
            counts.shrunk(hits, trials, beta_prior(hits, trials)).mean
            for hits, trials in ((clicks, looks), (satisfied, clicks))
        ]
        parameters = np.concatenate([*map(logit, start), [logit(_AT_FIRST)]])
        edge = np.full(2 * size + 1, _EDGE)
        for _ in range(_ROUNDS):
            priors = beta_prior(np.minimum(counts.clicks, looks), looks), beta_prior(satisfied, clicks)
            network = _Network(log, counts, priors)
            start_here = np.clip(parameters, -edge, edge)
            found = ascend(network.step, start_here, low=-edge, high=edge, tolerance=_TOLERANCE)
            parameters = found.parameters
            expected, _ = network.expect(parameters)
            looks, satisfied, clicks = expected.looks, expected.satisfied, expected.clicks
        attraction = counts.shrunk(counts.clicks, looks, priors[0])
        satisfaction = counts.shrunk(satisfied, clicks, priors[1])
        gamma = float(expit(parameters[-1]))
        examination = _usually_looked_at(log, attraction.at(log), satisfaction.at(log), gamma)
        return cls(attraction, examination, satisfaction, gamma, found.path)


@dataclass(frozen=True, eq=False)
class _Expected:
    """Expected counts: ``[P]`` looks, satisfying clicks and clicks that might satisfy; chances to go on, and taken."""

    looks: Floats
    satisfied: Floats
    clicks: Floats
    chances: float
    went_on: float


class _Network:
    """Expectations of a log under given parameters.

    All down to the last click was looked at, and nothing but how far below it somebody looked is hidden. A click on the
    last row of a list says nothing of satisfaction, for nothing comes after it.

    Rows are held by depth, in each depth those of longer lists first, so that the row below the n-th row of a depth is
    the n-th of the next.
    """

    def __init__(self, log: ClickLog, counts: _Counts, priors: tuple[tuple[float, float], tuple[float, float]]) -> None:
        length = log.lengths
        longest_first = np.argsort(-length, kind="stable")
        sizes = [int((length > depth).sum()) for depth in range(int(length.max()))]
        order = np.concatenate([log.start[longest_first[:size]] + depth for depth, size in enumerate(sizes)])
        edges = np.cumsum([0, *sizes])
        self._depths = [slice(int(a), int(b)) for a, b in pairwise(edges)]
        self._inner = np.concatenate([np.arange(a, a + size) for a, size in zip(edges, [*sizes[1:], 0], strict=False)])
        self._under = np.concatenate(
            [np.arange(a, a + size) for a, size in zip(edges[1:], sizes[1:], strict=False)] or [self._inner]
        )
        self._row, self._below, self._clicked = counts.row[order], counts.below[order], log.clicked[order]
        inner = np.zeros(len(log), bool)
        inner[self._inner] = True
        self._telling = self._clicked & inner
        self._last = counts.last[order] & inner
        # down to the last click, which may be the last row
        self._above = ~self._below & ~counts.last[order]
        self._counts, self._priors, self._size = counts, priors, len(counts.pairs)
        self._clicks = sums(self._row, self._telling, self._size)

    def step(self, parameters: Floats) -> tuple[Floats, float]:
        """One step of EM; see :data:`~evenshelf.clicks.ascent.Step`."""
        found, objective = self.expect(parameters)
        (a, b), (c, d) = self._priors
        attracts = (self._counts.clicks + a) / (found.looks + a + b)
        satisfies = (found.satisfied + c) / (found.clicks + c + d)
        gamma = (found.went_on + _PSEUDO) / (found.chances + 2 * _PSEUDO)
        return logit(np.concatenate([attracts, satisfies, [gamma]])), objective

    def expect(self, parameters: Floats) -> tuple[_Expected, float]:
        """Expected counts, and the log density of clicks and parameters up to a constant."""
        size, row, below, last = self._size, self._row, self._below, self._last
        chance = expit(parameters)
        attracts, satisfies, gamma = chance[:size], chance[size:-1], float(chance[-1])
        on, enough = attracts[row], satisfies[row]
        # from below: the chance of what comes after a row that was looked at, if one is not satisfied there
        after, quiet = np.ones(len(row)), np.empty(len(row))
        under = np.zeros(0)
        for depth in reversed(self._depths):
            after[depth.start : depth.start + len(under)] = 1 - gamma + gamma * under
            quiet[depth] = (1 - on[depth]) * after[depth]
            under = quiet[depth]
        goes = np.zeros(len(row))
        goes[self._inner] = gamma * quiet[self._under] / after[self._inner]
        total = enough + (1 - enough) * after
        stopped = np.where(last, enough / total, 0.0)
        # from above: how likely each row below the last click was looked at
        looked, onward = np.ones(len(row)), goes * (1 - stopped)
        for over, depth in pairwise(self._depths):
            width = depth.stop - depth.start
            above = slice(over.start, over.start + width)
            looked[depth] = np.where(below[depth], looked[above] * onward[above], 1.0)
        found = _Expected(
            sums(row, looked, size),
            sums(row, stopped, size),
            self._clicks,
            float((looked * (1 - stopped))[self._inner].sum()),
            float(looked[self._under].sum()),
        )
        first = self._depths[0]
        objective = np.log(quiet[first][below[first]]).sum()
        objective += self._counts.clicks @ np.log(attracts) + np.log(total[last]).sum()
        # down to the last click: not clicked, and gone on; a click before the last one did not satisfy
        objective += np.log1p(-on[self._above & ~self._clicked]).sum()
        objective += np.log1p(-enough[self._above & self._clicked]).sum() + self._above.sum() * np.log(gamma)
        for values, (a, b) in zip((attracts, satisfies), self._priors, strict=True):
            objective += (a * np.log(values) + b * np.log1p(-values)).sum()
        objective += _PSEUDO * (np.log(gamma) + np.log1p(-gamma))
        return found, float(objective)

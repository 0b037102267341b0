"""How a sequence network is trained under a remedy, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.materialise import weighted
from evenshelf.learners.ranking.sequence_network import Network
from evenshelf.learners.ranking.softmax import full, sampled
from evenshelf.learners.ranking.windows import Windows
from evenshelf.remedies import Loss, Rows
from evenshelf.remedies.negatives import Negatives

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Loop:
    """How long and how fast.

    Attributes
    ----------
    rounds
        At most so many passes over the sequences.
    alone
        So many where nothing is held out.
    patience
        Rounds without a better NDCG on what is held out after which it ends.
    steps
        At least so many a round: few sequences are gone through more than once in it.
    batch
        Windows a step.
    rate
        Step size of Adam.
    dropout
        Share of numbers that are left out in a step.
    """

    rounds: int = 40
    alone: int = 10
    patience: int = 5
    steps: int = 25
    batch: int = 128
    rate: float = 2e-3
    dropout: float = 0.4


@dataclass(frozen=True, eq=False)
class Entries:
    """What is to be told of what was read: examples with weights, or points between two of them.

    Attributes
    ----------
    first, second
        ``[m]`` examples of the windows.
    step
        ``[m]`` what is known is ``(1 - step)`` times that of `first` and `step` times that of `second`.
    target
        ``[m]`` codes.
    weight
        ``[m]`` > 0.
    """

    first: Codes
    second: Codes
    step: Floats
    target: Codes
    weight: Floats

    @classmethod
    def plain(cls, target: Codes, weight: Floats) -> Entries:
        """Every example once."""
        every = np.arange(len(target))
        return cls(every, every, np.zeros(len(target), np.float32), target, weight)

    @classmethod
    def made(cls, rows: Rows) -> Entries:
        """Rows that a remedy made of all examples; what is of two items comes once for each."""
        index, target, weight = weighted(rows)
        return cls(rows.first[index], rows.second[index], rows.step[index], target, weight)

    def times(self, factor: Floats) -> Entries:
        """With weights times a factor each."""
        return replace(self, weight=(self.weight * factor).astype(np.float32))

    def beside(self, more: Entries) -> Entries:
        """Both, these first."""
        return Entries(*(np.concatenate([a, b]) for a, b in zip(_columns(self), _columns(more), strict=True)))

    def of(self, index: Codes) -> Entries:
        """Some of them."""
        return Entries(*(column[index] for column in _columns(self)))


def _columns(entries: Entries) -> tuple[NDArray[Any], ...]:
    return entries.first, entries.second, entries.step, entries.target, entries.weight


@dataclass(frozen=True, eq=False)
class Goal:
    """What training makes small.

    Attributes
    ----------
    loss
        Over all items.
    negatives
        If there are some, cross entropy over draws takes the place of `loss`.
    pull
        Penalty on the square of the items' own vectors, beside the sum of the losses of all examples.
    """

    loss: Loss
    negatives: Negatives | None = None
    pull: float = 0.0


def steps_of(windows: Windows, entries: Entries, loop: Loop, rng: np.random.Generator) -> Iterator[Entries]:
    """Entries of one round, by the windows that their first examples are in, once or as often as makes enough steps."""
    order = np.argsort(windows.window[entries.first], kind="stable")
    bounds = np.searchsorted(windows.window[entries.first[order]], np.arange(len(windows.begin) + 1))
    made = 0
    while made < loop.steps:
        for some in windows.batches(loop.batch, rng):
            index = np.concatenate([order[bounds[w] : bounds[w + 1]] for w in some])
            if len(index):
                made += 1
                yield entries.of(index)


def pass_over(
    network: Network,
    windows: Windows,
    entries: Entries,
    optimiser: Any,
    *,
    goal: Goal,
    loop: Loop,
    rng: np.random.Generator,
) -> float:
    """One round; gives the mean loss of an example in it."""
    import torch  # noqa: PLC0415 - slow to import, and optional

    total, seen, whole = 0.0, 0.0, float(entries.weight.sum(dtype=np.float64))
    for some in steps_of(windows, entries, loop, rng):
        optimiser.zero_grad()
        read = network.points(windows, some, loop.batch, dropout=loop.dropout)
        weight = float(some.weight.sum(dtype=np.float64))
        value = _sloped(network, read, replace(some, weight=(some.weight / weight).astype(np.float32)), goal, rng)
        if goal.pull:
            with torch.no_grad():
                network.weights["item"].grad += (2.0 * goal.pull / whole) * network.weights["item"]
        optimiser.step()
        total += value * weight
        seen += weight
    return total / seen


def _sloped(network: Network, read: Any, some: Entries, goal: Goal, rng: np.random.Generator) -> float:
    """The loss of a step, with slopes in the weights of the network."""
    import torch  # noqa: PLC0415

    if goal.negatives is None:
        table = network.shown()
        value, by_read, by_table = full(
            goal.loss, read.detach().numpy(), table.detach().numpy(), some.target, some.weight
        )
        torch.autograd.backward([read, table], [torch.from_numpy(by_read), torch.from_numpy(by_table)])
        return value
    draw = goal.negatives.drawn(rng)
    own, table = network.shown(some.target), network.shown(draw[0])
    found = sampled(read, own, table, draw, target=some.target, weight=some.weight)
    found.backward()
    return float(found.detach())

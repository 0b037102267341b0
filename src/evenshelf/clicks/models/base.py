"""What a click model is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from evenshelf.clicks.evidence import Attraction
from evenshelf.clicks.log import ClickLog, Floats
from evenshelf.clicks.sums import sums


@dataclass(frozen=True, eq=False)
class ClickModel(ABC):
    """A fitted model of what is clicked in a list. A class registers itself, and :meth:`fit` makes its values.

    Attributes
    ----------
    attraction
        Of each query and item; of no pair in a model that knows no difference between items.
    examination
        ``[K]`` chance that a place is looked at, by rank from 1, relative to the model's own scale. Ranks below K are
        looked at as K is.
    """

    attraction: Attraction
    examination: Floats

    name: ClassVar[str]
    """What ``--models`` takes."""
    title: ClassVar[str]
    """How a sentence calls it."""
    summary: ClassVar[str]
    """What it assumes, in one sentence for a person who has to choose."""
    paper: ClassVar[str]
    """Where it comes from."""
    cost: ClassVar[int]
    """Its place in order of how much it assumes and fits: of models that predict alike, the lowest is preferred."""

    @classmethod
    @abstractmethod
    def fit(cls, log: ClickLog) -> Self:
        """Fit to a log; deterministic, and the same whatever the order of the lists is."""

    @abstractmethod
    def probability(self, log: ClickLog) -> Floats:
        """``[N]`` chance, in (0, 1), that each row of a log is clicked, given the clicks above it in the same list.

        What is clicked in the row itself and below it is not looked at. Queries and items are found by their names;
        an unknown pair is of the usual attraction.
        """

    def bits(self, log: ClickLog) -> float:
        """Mean log loss of a log in bits a row; 0 is perfect, 1 is a coin."""
        return float(self.loss(log).mean())

    def loss(self, log: ClickLog) -> Floats:
        """``[N]`` bits by which each row surprises: minus the logarithm of the probability of what happened."""
        chance = self.probability(log)
        return np.asarray(-np.log2(np.where(log.clicked, chance, 1 - chance)))

    def perplexity(self, log: ClickLog) -> Floats:
        """``[K]`` two to the mean loss of each rank of a log, given the clicks above; nan where it has no row.

        1 is perfect and 2 a coin. (Chuklin et al. 2015, chapter 5, do not give the clicks above.)
        """
        shown = sums(log.rank - 1)
        with np.errstate(invalid="ignore"):
            return np.asarray(2.0 ** (sums(log.rank - 1, self.loss(log)) / shown))

    def looked_at(self, log: ClickLog) -> Floats:
        """``[N]`` examination at the rank of each row of a log."""
        return np.asarray(self.examination[np.minimum(log.rank, len(self.examination)) - 1])

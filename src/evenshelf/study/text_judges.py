"""Whether made texts are still of their class, as models see it that have not seen the texts they were made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evenshelf.learners.heads import LoneHead, fit_alone
from evenshelf.remedies import parse
from evenshelf.tasks.folds import grouped_folds

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

JUDGES = 3
"""Models, each fitted without a part of the texts."""
_FIRST = 1e9
"""A score above all others."""


@dataclass(frozen=True, eq=False)
class TextJudges:
    """Balanced heads, and which of them may judge what was made of a text.

    A judge that takes the text itself for another class, or has never seen its class, says nothing of what was made of
    it: the class stands first then.

    Attributes
    ----------
    heads
        Fitted without a part each.
    part
        ``[n]`` of the texts, from 0; -1 of a class that stands in one group of texts, which no part was fitted without.
    target
        ``[n]`` their classes.
    silent
        ``[n]`` of which texts nothing is said.
    """

    heads: tuple[LoneHead, ...]
    part: NDArray[np.int16]
    target: Codes
    silent: NDArray[np.bool_]

    @classmethod
    def of(cls, vectors: Floats, target: Codes, group: Codes, classes: int, seed: int) -> TextJudges | None:
        """Fit them; ``None`` where there are too few texts or classes.

        Parameters
        ----------
        vectors, target
            ``[n, d]`` and ``[n]`` of the texts.
        group
            ``[n]`` equal numbers mean equal or nearly equal texts.
        """
        if len(np.unique(group)) < JUDGES:
            return None
        part = grouped_folds(target, np.unique(group, return_inverse=True)[1].reshape(-1), JUDGES, seed)
        heads = []
        silent = np.ones(len(target), bool)
        for out in range(JUDGES):
            known = part != out
            if len(np.unique(target[known])) < 2:
                return None
            with threadpool_limits(1):  # the bits must not depend on the number of threads
                heads.append(fit_alone(vectors[known], target[known], classes, parse("balanced"), seed=seed))
            silent[~known] = heads[-1](vectors[~known]).argmax(axis=1) != target[~known]
        return cls(tuple(heads), part, target, silent)

    def scores(self, made: Floats, source: Codes) -> NDArray[np.float64]:
        """``[m, C]`` scores of vectors ``[m, d]`` of texts, of which ``[m]`` text each was made."""
        found = np.zeros((len(made), len(self.heads[0].head.prior.counts)), np.float64)
        for out, head in enumerate(self.heads):
            own = self.part[source] == out
            found[own] = head(made[own])
        unsaid = self.silent[source]
        found[unsaid, self.target[source[unsaid]]] = _FIRST
        return found

    def of_some(
        self, encode: Callable[[Sequence[str]], Floats], place: Codes
    ) -> Callable[[Sequence[str], Codes], NDArray[np.float64]]:
        """What a gate asks that knows texts by their number among `place`, the numbers of some of them here."""
        return lambda made, source: self.scores(encode(made), place[source])

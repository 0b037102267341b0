"""What judges of lists and of searches have in common: answers are places of what was wanted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from evenshelf.errors import InputError, SettingError
from evenshelf.tasks.list_measures import gain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.results import Outcome, StudyResult
    from evenshelf.tasks.measures import Measures

POPULAR = "popular"
"""Spec of the baseline that shows what is popular: the answer of who knows nothing but frequencies."""


class RankJudge(ABC):
    """Judges ranked answers by how high what was wanted stands in them.

    Parameters
    ----------
    result
        Of a study; rows with a negative fold are not evaluated.

    Raises
    ------
    InputError
        If the study has no popularity to compare with.
    """

    measures: ClassVar[Measures]

    def __init__(self, result: StudyResult) -> None:
        self._result, self._rows = result, result.fold >= 0
        self.buckets = result.classes["bucket"].to_numpy().astype("<U5")
        known = [r.tuned for r in result.remedies if r.spec == POPULAR and r.tuned is not None]
        if not known:
            raise InputError(
                f"The study has no baseline {POPULAR!r}, so nobody knows what guessing would do.", hint="Run it again."
            )
        self._popular = known[0]

    @property
    def guesses(self) -> Mapping[str, str]:
        """See :attr:`evenshelf.study.judges.Judge.guesses`."""
        return {f"guess {POPULAR}": self.measures.guess}

    @abstractmethod
    def values(self, outcome: Outcome, rows: NDArray[np.bool_]) -> dict[str, float]:
        """See :meth:`evenshelf.study.judges.Judge.values`."""

    def by_fold(self, outcome: Outcome, metric: str) -> NDArray[np.float64]:
        """See :meth:`evenshelf.study.judges.Judge.by_fold`."""
        fold = self._result.fold
        return np.array([self.values(outcome, fold == number)[metric] for number in np.unique(fold[fold >= 0])])

    def differing(self, outcome: Outcome, other: Outcome) -> NDArray[np.int64]:
        """See :meth:`evenshelf.study.judges.Judge.differing`."""
        differs, fold = gain(outcome.ranks) != gain(other.ranks), self._result.fold
        return np.array([int(differs[fold == number].sum()) for number in np.unique(fold[fold >= 0])])

    def _named(self, outcomes: Mapping[str, Outcome], replicates: int) -> dict[str, NDArray[np.float32]]:
        """``[n]`` evaluated places of each outcome and of the guess, by name.

        Raises
        ------
        SettingError
            If `replicates` is below 1.
        """
        if replicates < 1:
            raise SettingError(f"replicates must be at least 1, not {replicates}.")
        every = {name: outcome.ranks for name, outcome in outcomes.items()}
        return {name: rank[self._rows] for name, rank in (every | {f"guess {POPULAR}": self._popular.ranks}).items()}

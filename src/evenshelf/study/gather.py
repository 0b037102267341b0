"""Puts the predictions of a study's finished units together, remedy by remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.vectors import Vectors
from evenshelf.study.plan import Unit
from evenshelf.study.results import Outcome

Trial: TypeAlias = tuple[Unit, tuple[dict[str, Any], dict[str, NDArray[Any]]]]
"""A unit with the facts and the arrays that it left."""


@dataclass(eq=False)
class _Parts:
    """What one remedy, tuned or not, has done so far."""

    predicted: NDArray[np.int32]
    p_true: NDArray[np.float32]
    p_predicted: NDArray[np.float32]
    settings: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Gathered:
    """Predictions of all remedies over all folds."""

    _matrix: Vectors
    _parts: dict[tuple[str, bool], _Parts] = field(default_factory=dict)
    _search_seconds: dict[str, float] = field(default_factory=dict)

    def outcome(self, spec: str, *, tuned: bool) -> Outcome:
        """Of a remedy, example by example; a tuned one has also taken the time of its search."""
        parts, row_of = self._parts[spec, tuned], self._matrix.row_of
        return Outcome(
            parts.predicted[row_of],
            parts.p_true[row_of],
            parts.p_predicted[row_of],
            tuple(parts.settings.get(fold, {}) for fold in range(self._matrix.folds)),
            parts.seconds + (self._search_seconds.get(spec, 0.0) if tuned else 0.0),
            parts.size,
        )

    def notes(self, spec: str) -> tuple[str, ...]:
        """What the tuned remedy said of its training rows and of what it could not do, each once."""
        return tuple(dict.fromkeys(self._parts[spec, True].notes))

    def _of(self, spec: str, *, tuned: bool) -> _Parts:
        rows = len(self._matrix.target)
        new = _Parts(np.full(rows, -1, np.int32), np.zeros(rows, np.float32), np.zeros(rows, np.float32))
        return self._parts.setdefault((spec, tuned), new)


def gather(search: Iterable[Trial], finals: Iterable[Trial], matrix: Vectors) -> Gathered:
    """Go through the units once.

    Parameters
    ----------
    search, finals
        Finished units.
    matrix
        The vectors that they were done on.
    """
    found = Gathered(matrix)
    for unit, (facts, arrays) in finals:
        index = matrix.index(unit.held_out)
        for number, fact in enumerate(facts["users"]):
            parts = found._of(fact["name"], tuned=fact["penalty"] is not None)
            parts.predicted[index] = arrays[f"{number}.predicted"]
            parts.p_true[index] = arrays[f"{number}.p_true"]
            parts.p_predicted[index] = arrays[f"{number}.p_predicted"]
            parts.settings[unit.held_out[0]] = {k: fact[k] for k in ("remedy", "penalty", "steps", "converged")}
            parts.seconds += fact["seconds"]
            parts.size = max(parts.size, fact["bytes"])
            parts.notes += [*facts["notes"].get(fact["training"], []), *fact.get("told", ())]
    for _, (facts, _) in search:
        for fact in facts["users"]:
            found._search_seconds[fact["name"]] = found._search_seconds.get(fact["name"], 0.0) + fact["seconds"]
    return found

"""Puts the predictions of a study's finished units together, remedy by remedy."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.sets import first_of_texts
from evenshelf.learners.vectors import Vectors
from evenshelf.study.answers import Alarms, copies_of_texts
from evenshelf.study.plan import Unit
from evenshelf.study.results import Outcome
from evenshelf.study.trials import COPIED
from evenshelf.tasks.label_metrics import NOTHING, bucket_or_cold, class_scores, macro_f1
from evenshelf.tasks.set_metrics import micro_f1

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
    copied: list[Mapping[str, Any]] = field(default_factory=list)
    alarms: list[Alarms] = field(default_factory=list)
    ranked: NDArray[np.int32] | None = None
    ap: list[NDArray[np.float32]] = field(default_factory=list)
    lrap: list[NDArray[np.float32]] = field(default_factory=list)


@dataclass(eq=False)
class Gathered:
    """Predictions of all remedies over all folds."""

    _matrix: Vectors
    _buckets: NDArray[np.str_]
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
            {} if parts.ranked is None else self._sets(parts),
        )

    def macro_f1(self, spec: str, y: NDArray[np.int64], rows: NDArray[np.bool_]) -> float:
        """Macro-F1 of a tuned remedy over some examples, `rows` ``[n]`` of `y` ``[n]``, and alarms of their texts."""
        parts, row_of = self._parts[spec, True], self._matrix.row_of
        copies = copies_of_texts(self._matrix)
        alarms = self.alarms(spec, tuned=True)
        # the text of an alarm is named by its first row; whether it is among the examples its rows say together
        _, text = first_of_texts(self._matrix.target if self._matrix.example is None else self._matrix.example)
        among = np.zeros(int(text.max()) + 1, bool)
        among[text[row_of[rows]]] = True
        kept = among[text[alarms.row]]
        return macro_f1(
            np.concatenate([y[rows], np.full(int(kept.sum()), NOTHING)]),
            np.concatenate([parts.predicted[row_of][rows], alarms.label[kept]]),
            len(self._buckets),
            np.concatenate([np.ones(int(rows.sum())), copies[alarms.row[kept]]]),
        )

    def alarms(self, spec: str, *, tuned: bool) -> Alarms:
        """Labels that a remedy gave to texts which do not have them, by rising row."""
        parts = self._parts[spec, tuned].alarms
        row, label, chance = (
            np.concatenate([getattr(part, name) for part in (Alarms.none(), *parts)])
            for name in ("row", "label", "probability")
        )
        order = np.argsort(row, kind="stable")
        return Alarms(row[order], label[order], chance[order])

    def _sets(self, parts: _Parts) -> dict[str, float]:
        """Values of :data:`SET_METRICS`; those of rankings are means over folds."""
        matrix, ranked = self._matrix, parts.ranked
        assert ranked is not None
        evaluated = np.zeros(len(matrix.target), bool)
        evaluated[matrix.index(tuple(range(matrix.folds)))] = True
        true, count = matrix.target[evaluated], matrix.count[evaluated]
        predicted, known = parts.predicted[evaluated], ranked[evaluated]
        copies = copies_of_texts(matrix)
        given = float(count[predicted >= 0].sum()) + sum(float(copies[part.row].sum()) for part in parts.alarms)
        buckets = bucket_or_cold(matrix.target, self._fold(), self._buckets)
        scores = class_scores(true, known, len(buckets), count)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a label that no fold evaluates the mean is NaN: meant
            ap = np.nanmean(np.stack(parts.ap), axis=0)

        def mean(values: NDArray[Any], among: NDArray[np.bool_]) -> float:
            kept = values[among & np.isfinite(ap)]
            return float(kept.mean()) if len(kept) else float("nan")

        every = np.ones(len(buckets), bool)
        return {
            "micro_f1": micro_f1(float(count[predicted == true].sum()), float(count.sum()), given),
            "map": mean(ap, every),
            **{f"{bucket}_map": mean(ap, buckets == bucket) for bucket in ("head", "torso", "tail")},
            "lrap": float(np.concatenate(parts.lrap).mean(dtype=np.float64)),
            "known_size_f1": mean(scores.f1, every),
            "known_size_tail_f1": mean(scores.f1, buckets == "tail"),
        }

    def _fold(self) -> NDArray[np.int64]:
        bounds = np.array(self._matrix.bounds)
        return np.searchsorted(bounds[1:], np.arange(len(self._matrix.target)), side="right") - 1

    def notes(self, spec: str) -> tuple[str, ...]:
        """What the tuned remedy said of its training rows and of what it could not do, each once."""
        return tuple(dict.fromkeys(self._parts[spec, True].notes))

    def copied(self, spec: str) -> list[Mapping[str, Any]]:
        """Of each fold in which rows were made by a network, whether they copy given ones; of the tuned remedy."""
        return self._parts[spec, True].copied if (spec, True) in self._parts else []

    def _of(self, spec: str, *, tuned: bool) -> _Parts:
        rows = len(self._matrix.target)
        new = _Parts(np.full(rows, -1, np.int32), np.zeros(rows, np.float32), np.zeros(rows, np.float32))
        return self._parts.setdefault((spec, tuned), new)


def gather(search: Iterable[Trial], finals: Iterable[Trial], matrix: Vectors, buckets: NDArray[np.str_]) -> Gathered:
    """Go through the units once.

    Parameters
    ----------
    search, finals
        Finished units.
    matrix
        The vectors that they were done on.
    buckets
        ``[C]`` head, torso or tail.
    """
    found = Gathered(matrix, buckets)
    for unit, (facts, arrays) in finals:
        index = matrix.index(unit.held_out)
        for number, fact in enumerate(facts["users"]):
            parts = found._of(fact["name"], tuned=fact["penalty"] is not None)
            parts.predicted[index] = arrays[f"{number}.predicted"]
            parts.p_true[index] = arrays[f"{number}.p_true"]
            parts.p_predicted[index] = arrays[f"{number}.p_predicted"]
            if f"{number}.alarm_row" in arrays:
                alarms = (arrays[f"{number}.alarm_{name}"] for name in ("row", "label", "p"))
                parts.alarms.append(Alarms(*alarms))
            if f"{number}.ranked" in arrays:
                if parts.ranked is None:
                    parts.ranked = np.full(len(matrix.target), NOTHING, np.int32)
                parts.ranked[index] = arrays[f"{number}.ranked"]
                parts.ap.append(arrays[f"{number}.ap"])
                parts.lrap.append(arrays[f"{number}.lrap"])
            parts.settings[unit.held_out[0]] = {k: fact[k] for k in ("remedy", "penalty", "steps", "converged")}
            parts.seconds += fact["seconds"]
            parts.size = max(parts.size, fact["bytes"])
            if (copied := facts.get(COPIED, {}).get(fact["training"])) is not None:
                parts.copied.append({"fold": unit.held_out[0], **copied})
            parts.notes += [*facts["notes"].get(fact["training"], []), *fact.get("told", ())]
    for _, (facts, _) in search:
        for fact in facts["users"]:
            found._search_seconds[fact["name"]] = found._search_seconds.get(fact["name"], 0.0) + fact["seconds"]
    return found

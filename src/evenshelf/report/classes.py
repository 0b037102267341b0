"""What a remedy changes class by class, and how far its confidence can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.tasks.label_metrics import Reliability, bucket_or_cold, class_scores
from evenshelf.tasks.label_metrics import reliability as reliability_of

if TYPE_CHECKING:
    from evenshelf.study.results import Outcome, StudyResult


@dataclass(frozen=True)
class ClassChange:
    """F1 of one class under two remedies.

    Attributes
    ----------
    name, count, bucket
        The class, its examples in all the data, and where it stands (head, torso, tail or cold).
    before, after
        F1 in [0, 1] on the evaluated rows.
    """

    name: str
    count: int
    bucket: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before


def class_changes(result: StudyResult, before: Outcome, after: Outcome) -> tuple[ClassChange, ...]:
    """Every class that occurs among the evaluated rows, in the order of the codes."""
    rows = result.fold >= 0
    y, names = result.y[rows], result.classes["class"].to_list()
    buckets = bucket_or_cold(result.y, result.fold, result.classes["bucket"].to_numpy())
    counts = result.classes["count"].to_list()
    old, new = (class_scores(y, outcome.predicted[rows], len(names)) for outcome in (before, after))
    return tuple(
        ClassChange(names[c], counts[c], str(buckets[c]), float(old.f1[c]), float(new.f1[c]))
        for c in np.flatnonzero(old.support)
    )


def most_changed(changes: Sequence[ClassChange], each: int = 8) -> tuple[ClassChange, ...]:
    """The classes that gain most and those that lose most, from the largest gain to the largest loss.

    Among equal changes the class with more examples comes first: it is the better evidence.
    """
    gained = sorted((c for c in changes if c.change > 0), key=lambda c: (-c.change, -c.count, c.name))[:each]
    lost = sorted((c for c in changes if c.change < 0), key=lambda c: (c.change, -c.count, c.name))[:each]
    return (*gained, *reversed(lost))


def reliability_tables(result: StudyResult, outcome: Outcome) -> tuple[Reliability, Reliability]:
    """Accuracy by confidence over all evaluated rows, and over those whose true class is tail."""
    rows = (result.fold >= 0) & (outcome.predicted >= 0)
    y = np.where(result.y >= 0, result.y, outcome.predicted)[rows]
    right, sure = outcome.predicted[rows] == result.y[rows], outcome.p_predicted[rows].astype(np.float64)
    buckets = bucket_or_cold(result.y, result.fold, result.classes["bucket"].to_numpy())
    tail = buckets[y] == "tail"
    return reliability_of(right, sure), reliability_of(right[tail], sure[tail])

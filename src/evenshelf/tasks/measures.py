"""What answers of one kind are judged by: metrics, and which of them stand for the whole, the head and the tail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """What a metric is called and which way is better.

    Attributes
    ----------
    name
        Key in dictionaries of values.
    title
        Readable name.
    better
        ``"higher"`` or ``"lower"``.
    meaning
        One sentence for a reader who has never met it.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    meaning: str


@dataclass(frozen=True)
class Measures:
    """Metrics of one kind of answer.

    Attributes
    ----------
    name
        Of the kind: ``classes``, ``lists``.
    metrics
        All that are computed, by name, in order.
    main
        The one that decides unless another is asked for: each group counts the same.
    head, torso, tail
        The same over a part of the groups.
    overall
        The one that frequent groups dominate.
    each
        What a single group is measured by, in words.
    guess
        What answers that know nothing but frequencies are called, in words.
    likelihood
        Whether there are probabilities to be judged as well.
    zone
        Differences of a metric within plus and minus this usually do not matter.
    """

    name: str
    metrics: Mapping[str, Metric]
    main: str
    head: str
    torso: str
    tail: str
    overall: str
    each: str
    guess: str
    likelihood: bool
    zone: float

    @property
    def decisive(self) -> tuple[str, ...]:
        """Metrics that a verdict can rest on."""
        return (self.main, self.head, self.torso, self.tail, self.overall)

    def part(self, metric: str) -> str | None:
        """Head, torso or tail if the metric is over that part, ``None`` if it is over all groups."""
        return {self.head: "head", self.torso: "torso", self.tail: "tail"}.get(metric)

    def of_part(self, part: str) -> str:
        """The metric over head, torso or tail."""
        return {"head": self.head, "torso": self.torso, "tail": self.tail}[part]

    def title(self, metric: str) -> str:
        """Readable name of a metric."""
        return self.metrics[metric].title

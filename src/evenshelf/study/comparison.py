"""One remedy against doing nothing, and against the winner: the numbers of a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

NAN = float("nan")


@dataclass(frozen=True)
class Comparison:
    """One remedy against doing nothing, both tuned.

    Attributes
    ----------
    spec, title, stages
        Of the remedy.
    values
        Of the tuned remedy on the evaluated rows, by metric.
    value_low, value_high
        95 % interval of the verdict's metric.
    diff, low, high, p, p_holm
        Difference to ``none`` in the verdict's metric, its interval, its p-value, and that after Holm's correction
        across the tuned remedies. NaN for ``none`` itself; `p_holm` also for a reference.
    tail_diff, tail_low, tail_high
        Difference to ``none`` in the metric of the tail, with its interval.
    head_loss, head_loss_low, head_loss_high
        Share of the head metric of ``none`` that is lost, with its interval; negative for a gain, NaN if nothing of
        the head was evaluated.
    seconds, bytes
        Cost of the tuned outcome.
    untuned, untuned_tail
        The verdict's metric and that of the tail at the usual defaults; NaN when not run.
    naive_gain, naive_tail_gain
        Difference to ``none`` when both stay at the usual defaults: what a comparison without tuning would report.
    vanished
        Share of a positive naive gain that is gone once both are tuned, so was only regularisation; above 1 when
        the gain turns into a loss, negative when tuning enlarges it, NaN without a naive gain.
    significant
        Better than ``none`` with ``p_holm`` below the level.
    worse
        Worse than ``none``, likewise.
    slight
        Too little to matter: the interval of two one-sided tests at the level lies inside the zone.
    equivalent
        Practically the same as ``none``: slight, and over enough groups to say so of others.
    guardrail_ok
        Whether at most the tolerated share of the head metric is lost.
    recommended
        Whether this is the verdict.
    reference
        Whether it is a yardstick only: another model, which is not among the remedies that are compared.
    """

    spec: str
    title: str
    stages: tuple[str, ...]
    values: Mapping[str, float]
    value_low: float
    value_high: float
    diff: float
    low: float
    high: float
    p: float
    p_holm: float
    tail_diff: float
    tail_low: float
    tail_high: float
    head_loss: float
    head_loss_low: float
    head_loss_high: float
    seconds: float
    bytes: int
    untuned: float
    untuned_tail: float
    naive_gain: float
    naive_tail_gain: float
    vanished: float
    significant: bool
    worse: bool
    slight: bool
    equivalent: bool
    guardrail_ok: bool
    recommended: bool = False
    reference: bool = False

    def __getitem__(self, metric: str) -> float:
        """The value of a metric."""
        return self.values[metric]

    @property
    def qualifies(self) -> bool:
        """Whether it may be recommended."""
        return self.significant and self.guardrail_ok and not self.slight

    @property
    def parts(self) -> int:
        """How many remedies are combined in it; fewer is simpler."""
        return self.spec.count(" + ") + 1

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, values beside all else; NaN becomes ``None``."""
        return jsonable({f.name: getattr(self, f.name) for f in fields(self) if f.name != "values"} | dict(self.values))

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Comparison:
        """The inverse of :meth:`to_dict`."""
        own = {f.name for f in fields(cls)}
        values = {name: NAN if value is None else value for name, value in entry.items() if name not in own}
        return cls(values=values, **revived(cls, {name: value for name, value in entry.items() if name in own}))


@dataclass(frozen=True)
class Tie:
    """A remedy that qualifies too and cannot be told apart from the winner: paired difference to it."""

    spec: str
    diff: float
    low: float
    high: float
    p_holm: float


def jsonable(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Entries ready for JSON, those inside of others too: tuples become lists, what is not finite becomes ``None``."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return jsonable(value)
        if isinstance(value, (tuple, list)):
            return [plain(each) for each in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {k: plain(v) for k, v in entry.items()}


def revived(kind: type[Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`jsonable` for the fields of a dataclass."""
    floats = {f.name for f in fields(kind) if f.type == "float"}
    out = {k: NAN if v is None and k in floats else v for k, v in entry.items()}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in out.items()}

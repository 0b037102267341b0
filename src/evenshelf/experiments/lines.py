"""The lines of a readout: one metric, one variant, perhaps one group of items or users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl

from evenshelf.experiments.correction import Correction, corrected
from evenshelf.experiments.effects import Effect, Floats, always_valid, effect
from evenshelf.experiments.metrics import Metric
from evenshelf.experiments.units import Units, column

Role = Literal["primary", "metric", "guardrail"]


@dataclass(frozen=True)
class Line:
    """What a variant changes in a metric.

    Attributes
    ----------
    metric
        What was measured.
    variant
        Which variant, compared with the control.
    effect
        The difference with its intervals.
    p_corrected
        P-value corrected for the comparisons that were made beside it.
    role
        What it is asked for.
    items, users
        Group of items or of users (head, torso, tail, cold) that it is of; ``""`` for all.
    units
        Units of control and variant.
    unadjusted
        Values of control and variant as they are, without CUPED.
    """

    metric: Metric
    variant: str
    effect: Effect
    p_corrected: float
    role: Role
    items: str = ""
    users: str = ""
    units: tuple[int, int] = (0, 0)
    unadjusted: tuple[float, float] = (0.0, 0.0)

    @property
    def better(self) -> bool:
        """Whether the difference points in the good direction."""
        return (self.effect.difference > 0) == (self.metric.better == "more") and self.effect.difference != 0

    def significant(self, alpha: float) -> bool:
        """Whether it is told from nothing."""
        return self.p_corrected < alpha


@dataclass(frozen=True)
class How:
    """How lines are computed.

    Attributes
    ----------
    alpha
        Chance of a false alarm.
    correction
        See :data:`~evenshelf.experiments.correction.CORRECTIONS`.
    sequential
        Whether intervals and p-values hold at every look.
    planned
        See :func:`~evenshelf.experiments.effects.always_valid`.
    """

    alpha: float
    correction: Correction
    sequential: bool
    planned: int


def unit_values(frame: pl.DataFrame, one: Metric, *, items: str = "", before: bool = True) -> Floats:
    """``[n, 4]`` numerator and denominator of each unit and those of before its exposure; ``[n, 2]`` without them."""
    names = [column(measure, items) for measure in one.measures]
    if before:
        names += [column(measure, items, before=True) for measure in one.measures]
    return np.ascontiguousarray(frame.select(names).to_numpy(), dtype=float)


def lines(
    units: Units,
    control: str,
    variants: Sequence[str],
    asked: Sequence[tuple[Metric, Role]],
    how: How,
    *,
    items: str = "",
    users: str = "",
) -> list[Line]:
    """Lines of some metrics for each variant, not yet corrected."""
    frame = units.frame.filter(pl.col("activity") == users) if users else units.frame
    sides = {name: frame.filter(pl.col("variant") == name) for name in (control, *variants)}
    found = []
    for one, role in asked:
        base = unit_values(sides[control], one, items=items)
        for name in variants:
            other = unit_values(sides[name], one, items=items)
            if min(len(base), len(other)) < 2:
                continue
            made = effect(base, other, alpha=how.alpha)
            if how.sequential:
                made = always_valid(made, len(base) + len(other), alpha=how.alpha, planned=how.planned)
            plain = (_ratio(base), _ratio(other))
            found.append(Line(one, name, made, made.p, role, items, users, (len(base), len(other)), plain))
    return found


def correct(found: Sequence[Line], how: How) -> list[Line]:
    """Correct lines for their number, as one family."""
    p = corrected([line.effect.p for line in found], how.correction)
    return [replace(line, p_corrected=value) for line, value in zip(found, p, strict=True)]


def line_dict(line: Line) -> dict[str, Any]:
    """A line as JSON holds it; what is not known is null."""
    named = {
        "metric": line.metric.name,
        "variant": line.variant,
        "role": line.role,
        "items": line.items or None,
        "users": line.users or None,
        "units": list(line.units),
        "unadjusted": [known(value) for value in line.unadjusted],
    }
    numbers = {key: known(value) for key, value in vars(line.effect).items()}
    return named | numbers | {"p_corrected": known(line.p_corrected)}


def known(value: float) -> float | None:
    """A number, or None where it is none: JSON has no NaN."""
    return float(value) if np.isfinite(value) else None


def _ratio(values: Floats) -> float:
    total = float(values[:, 1].sum())
    return float(values[:, 0].sum()) / total if total > 0 else float("nan")

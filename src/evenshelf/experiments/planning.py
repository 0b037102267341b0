"""How long an experiment must run, read off from a shop's own history.

The last days of the history are taken for an experiment in which nothing was changed: users who came enter at their
first event, and are adjusted by what they did before, just as in a readout. So repeated visits, the skew of revenue and
what CUPED saves are those of the shop. The longer such a stretch, the more users and the more events of each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from evenshelf.errors import InputError, SettingError
from evenshelf.experiments.definition import Unit
from evenshelf.experiments.effects import Floats
from evenshelf.experiments.effects import effect as measured_effect
from evenshelf.experiments.lines import known, unit_values
from evenshelf.experiments.metrics import Metric, metric
from evenshelf.experiments.placebos import Placebo, placebo
from evenshelf.experiments.power import Power, power_of
from evenshelf.experiments.units import measure_units

LENGTHS = (7, 14, 21, 28, 42, 56)
"""Lengths in days that are tried: whole weeks, since weekdays differ."""

_ID = {"user": "user_id", "session": "session_id"}


@dataclass(frozen=True)
class Length:
    """An experiment of some days, as the history has it.

    Attributes
    ----------
    days
        Its length.
    value
        The metric in it.
    saved
        Share of the variance that CUPED takes out.
    power
        What could be found.
    """

    days: int
    value: float
    saved: float
    power: Power


@dataclass(frozen=True)
class Plan:
    """What an experiment would take.

    Attributes
    ----------
    metric
        What it is judged by.
    unit
        What is assigned.
    effect, alpha, power, traffic
        As they were asked for; `effect` is relative.
    lengths
        What could be found in some lengths, shortest first.
    days
        The shortest length in which the effect can be found, in whole weeks; longer than the history if that is too
        short, infinite if no new units come, NaN where nothing can be told.
    units
        Units that it takes, of all variants together, or that are there after `days`.
    extrapolated
        Whether `days` is longer than any length of the history.
    placebo
        How often nothing is found against nothing in the longest length; None if that was not asked for.
    notes
        Sentences on what was left out.
    """

    metric: Metric
    unit: Unit
    effect: float
    alpha: float
    power: float
    traffic: float
    lengths: tuple[Length, ...]
    days: float
    units: float
    extrapolated: bool
    placebo: Placebo | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All numbers, as JSON holds them."""
        return {
            "metric": self.metric.name,
            "unit": self.unit,
            "effect": self.effect,
            "alpha": self.alpha,
            "power": self.power,
            "traffic": self.traffic,
            "days": known(self.days),
            "units": known(self.units),
            "extrapolated": self.extrapolated,
            "lengths": [
                {"days": one.days, "value": known(one.value), "saved": known(one.saved)}
                | {key: known(value) for key, value in asdict(one.power).items()}
                for one in self.lengths
            ],
            "placebo": None
            if self.placebo is None
            else {key: getattr(self.placebo, key) for key in ("runs", "rate", "low", "high", "covered")},
            "notes": list(self.notes),
        }


def plan(
    events: pl.DataFrame | pl.LazyFrame,
    spec: str,
    *,
    effect: float = 0.05,
    unit: Unit = "user",
    alpha: float = 0.05,
    power: float = 0.8,
    traffic: float = 1.0,
    treated: float = 0.5,
    before: int = 28,
    lengths: Sequence[int] = LENGTHS,
    placebos: int = 0,
    seed: int = 0,
) -> Plan:
    """How many units and days an experiment needs.

    Parameters
    ----------
    events
        A shop's events, with times.
    spec
        The metric that decides; see :mod:`evenshelf.experiments.metrics`.
    effect
        The smallest relative effect that is worth finding, above 0.
    unit
        What would be assigned.
    alpha, power
        Chance of a false alarm, and of finding the effect.
    traffic
        Share of the units that takes part, in (0, 1].
    treated
        Share of those that get the variant, in (0, 1).
    before
        Days before that units are adjusted by.
    lengths
        Days that are tried.
    placebos
        So many A/A tests are made on the longest length; 0: none.
    seed
        Of these.

    Raises
    ------
    SettingError
        If a setting is out of its range.
    InputError
        If the log has no times or is shorter than the shortest length.
    """
    one = metric(spec)
    _check(effect=effect, alpha=alpha, power=power, traffic=traffic, treated=treated, before=before, lengths=lengths)
    lazy = events.lazy()
    names = lazy.collect_schema().names()
    if "time" not in names or _ID[unit] not in names:
        raise InputError(
            f"Nothing can be planned by {unit}: the events lack times or the column {_ID[unit]}.",
            hint="Ingest a log with both, or plan by the other unit.",
        )
    first, last = lazy.select(pl.col("time").min(), pl.col("time").max().alias("last")).collect().row(0)
    if first is None:
        raise InputError("Nothing can be planned: no event has a time.", hint="Ingest a log with times.")
    there = (last - first) / timedelta(days=1)
    tried = [days for days in sorted(set(lengths)) if days <= there]
    if not tried:
        raise InputError(
            f"The log spans {there:.1f} days, which is shorter than the shortest length of {min(lengths)} days.",
            hint="Plan with a longer log, or with shorter lengths.",
        )
    items = lazy.select("item_id").unique().collect()["item_id"].to_list()
    found: list[Length] = []
    values: Floats | None = None
    notes: tuple[str, ...] = ()
    for days in tried:
        start = last - timedelta(days=days)
        exposed = _entered(lazy, unit, start)
        history = measure_units(exposed, lazy, items, unit=unit, measures=one.measures, before=before)
        notes = history.notes
        values = unit_values(history.frame, one)
        units_there = math.floor(len(values) * traffic)
        told = power_of(values, units=units_there, relative=effect, alpha=alpha, power=power, treated=treated)
        found.append(_length(days, values, told, alpha))
    enough = next((one for one in found if one.power.detectable <= effect), None)
    takes, units = _beyond(found) if enough is None else (float(enough.days), float(enough.power.units))
    tests = placebo(values, runs=placebos, seed=seed, alpha=alpha) if placebos and values is not None else None
    return Plan(one, unit, effect, alpha, power, traffic, tuple(found), takes, units, enough is None, tests, notes)


def _entered(events: pl.LazyFrame, unit: Unit, start: datetime) -> pl.DataFrame:
    """Units with an event from a moment on, as if they had been exposed at the first of them."""
    later = events.filter(pl.col("time") >= start, pl.col(_ID[unit]).is_not_null())
    entered = later.group_by(_ID[unit]).agg(pl.col("time").min()).collect().sort(_ID[unit])
    return entered.select(unit=pl.col(_ID[unit]), variant=pl.lit("all"), time="time")


def _length(days: int, values: Floats, power: Power, alpha: float) -> Length:
    total = values[:, 1].sum()
    itself = measured_effect(values, values, alpha=alpha) if len(values) > 1 else None
    saved = 0.0 if itself is None or not math.isfinite(itself.saved) else itself.saved
    return Length(days, float(values[:, 0].sum() / total) if total > 0 else math.nan, saved, power)


def _beyond(found: Sequence[Length]) -> tuple[float, float]:
    """Days and units if no length of the history suffices: new units come as they did in the last stretch."""
    longest = found[-1]
    needed = longest.power.needed
    if not math.isfinite(needed):
        return math.nan, math.nan
    before = found[-2] if len(found) > 1 else None
    gained = longest.power.units - (0 if before is None else before.power.units)
    daily = gained / (longest.days - (0 if before is None else before.days))
    if daily <= 0:
        return math.inf, needed
    days = longest.days + (needed - longest.power.units) / daily
    return math.ceil(max(days, longest.days) / 7) * 7, needed


def _check(
    *,
    effect: float,
    alpha: float,
    power: float,
    traffic: float,
    treated: float,
    before: int,
    lengths: Sequence[int],
) -> None:
    faults = []
    if not 0 < effect < math.inf:
        faults.append(f"the effect is {effect:g}, but must be above 0")
    for name, value, high in (("alpha", alpha, 0.5), ("power", power, 1.0), ("treated", treated, 1.0)):
        if not 0 < value < high:
            faults.append(f"{name} is {value:g}, but must lie between 0 and {high:g}")
    if not 0 < traffic <= 1:
        faults.append(f"the traffic is {traffic:g}, but must be above 0 and at most 1")
    if before < 0:
        faults.append(f"before is {before} days, but must be 0 or more")
    if not lengths or min(lengths) < 1:
        faults.append("lengths must be 1 day or more")
    if faults:
        raise SettingError("This cannot be planned: " + "; ".join(faults) + ".")

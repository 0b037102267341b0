"""What came of an experiment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl

from evenshelf.errors import InputError, SettingError
from evenshelf.experiments.correction import CORRECTIONS, Correction
from evenshelf.experiments.definition import Experiment
from evenshelf.experiments.effects import always_valid, effect
from evenshelf.experiments.exposed import Exposed, SampleRatio, first_exposures
from evenshelf.experiments.lines import How, Line, Role, correct, known, line_dict, lines, unit_values
from evenshelf.experiments.metrics import Metric, metric
from evenshelf.experiments.power import Power, power_of
from evenshelf.experiments.units import GROUPS, Units, measure_units

State = Literal["kept", "broken", "unknown"]

MONTH = 28
"""Days before its exposure from which a unit is known by default: four whole weeks."""


@dataclass(frozen=True)
class Guardrail:
    """Whether a metric got worse by more than it may.

    Attributes
    ----------
    line
        The metric; its intervals have the level 1 - 2 alpha, so that each end is a one-sided bound of level 1 - alpha.
    margin
        The share of the control's value that may be lost.
    state
        ``"kept"`` if a greater loss is excluded, ``"broken"`` if a smaller one is, otherwise ``"unknown"``.
    """

    line: Line
    margin: float
    state: State


@dataclass(frozen=True)
class Remaining:
    """Power for the primary metric, and the time left.

    Attributes
    ----------
    variant
        Which variant.
    power
        What can be found now.
    daily
        New units a day of control and variant together, over the last week.
    days
        Days until the wanted effect can be found; 0 if it can, infinite if no units come, NaN where nothing can be
        told.
    """

    variant: str
    power: Power
    daily: float
    days: float


@dataclass(frozen=True)
class Readout:
    """What came of an experiment.

    Attributes
    ----------
    experiment
        The experiment.
    first, last
        Moments of the first exposure, and of the last event or exposure that was there.
    ratio
        Whether units arrived in the planned shares; if not, nothing else is to be trusted.
    lines
        Primary metric and metrics, over all items and users.
    by_items, by_users
        The same by groups of items and of users.
    guardrails
        What must not get worse.
    remaining
        Power and time left, for each variant.
    item_groups
        Number of items of each group.
    how
        How it was computed.
    before
        Days before the exposure that units are adjusted by.
    notes
        Sentences on what was left out.
    """

    experiment: Experiment
    first: datetime
    last: datetime
    ratio: SampleRatio
    lines: tuple[Line, ...]
    by_items: tuple[Line, ...]
    by_users: tuple[Line, ...]
    guardrails: tuple[Guardrail, ...]
    remaining: tuple[Remaining, ...]
    item_groups: dict[str, int]
    how: How
    before: int
    notes: tuple[str, ...]

    @property
    def primary(self) -> tuple[Line, ...]:
        """The primary metric of each variant."""
        return tuple(line for line in self.lines if line.role == "primary")

    def decision(self, variant: str) -> str:
        """What follows for a variant: ``"distrust"``, ``"ship"``, ``"stop"`` or ``"wait"``, or ``"no difference"``.

        Nothing can be trusted where the sample ratio is off. A broken guardrail, or a primary metric that got worse,
        stops; a better one ships if no guardrail is broken or unknown. Without a difference one waits until the
        effect that is worth finding would be found.
        """
        if self.ratio.mismatch:
            return "distrust"
        (line,) = (line for line in self.primary if line.variant == variant)
        states = {guard.state for guard in self.guardrails if guard.line.variant == variant}
        significant = line.significant(self.how.alpha)
        if "broken" in states or (significant and not line.better):
            return "stop"
        if significant:
            return "wait" if "unknown" in states else "ship"
        (left,) = (left for left in self.remaining if left.variant == variant)
        return "no difference" if left.days == 0 else "wait"

    def to_dict(self) -> dict[str, Any]:
        """All numbers, as JSON holds them."""
        one = self.experiment
        return {
            "experiment": one.name,
            "unit": one.unit,
            "control": one.control,
            "primary": metric(one.primary).name,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "alpha": self.how.alpha,
            "correction": self.how.correction,
            "sequential": self.how.sequential,
            "before_days": self.before,
            "sample_ratio": {
                "units": self.ratio.units,
                "expected": self.ratio.expected,
                "p": self.ratio.p,
                "mismatch": self.ratio.mismatch,
            },
            "decisions": {variant: self.decision(variant) for variant in one.treatments},
            "lines": [line_dict(line) for line in self.lines],
            "by_items": [line_dict(line) for line in self.by_items],
            "by_users": [line_dict(line) for line in self.by_users],
            "guardrails": [
                line_dict(guard.line) | {"margin": guard.margin, "state": guard.state} for guard in self.guardrails
            ],
            "remaining": [
                {"variant": left.variant, "daily_units": known(left.daily), "days_left": known(left.days)}
                | {key: known(value) for key, value in vars(left.power).items()}
                for left in self.remaining
            ],
            "item_groups": self.item_groups,
            "notes": list(self.notes),
        }


def readout(
    experiment: Experiment,
    exposures: pl.DataFrame,
    events: pl.DataFrame | pl.LazyFrame,
    items: pl.DataFrame | Sequence[str],
    *,
    before: int = MONTH,
    correction: Correction = "holm",
    sequential: bool = False,
    groups: pl.DataFrame | None = None,
) -> Readout:
    """Read out an experiment.

    The primary metric is corrected for the number of variants alone, since it was named before; the other metrics are
    corrected together, and so are the groups of items, and those of users. Guardrails are not corrected: all of them
    must be kept.

    Parameters
    ----------
    experiment
        As it was run.
    exposures
        Rows of :data:`~evenshelf.experiments.files.EXPOSURES`; others than of this experiment are passed over.
    events
        The shop's events, those before the experiment included; what comes after its end does not count.
    items
        The shop's items (or their ids), so that those that nobody chose are known.
    before
        Days before each unit's own exposure whose events it is adjusted by (CUPED) and told active or not by; 0: none.
    correction
        For several comparisons: ``"holm"``, ``"fdr"`` or ``"none"``.
    sequential
        Whether intervals and p-values hold at every look, rather than at one that was fixed before.
    groups
        ``item_id, group``, if head, torso and tail are to be cut otherwise than by the events before.

    Raises
    ------
    InputError
        If exposures or events do not fit.
    SettingError
        If there is no such correction, or `before` is negative.
    MissingExtraError
        If tea-tasting is not installed.
    """
    if before < 0:
        raise SettingError(f"before is {before} days, but must be 0 or more.")
    if correction not in CORRECTIONS:
        raise SettingError(f"There is no correction {correction!r}.", hint=f"Choose one of {', '.join(CORRECTIONS)}.")
    how = How(experiment.alpha, correction, sequential, experiment.planned)
    exposed = first_exposures(experiment, exposures)
    asked = _asked(experiment)
    guarded = [(metric(spec), margin) for spec, margin in experiment.guardrails.items()]
    wanted = [one for one, _ in asked] + [one for one, _ in guarded]
    units = measure_units(
        exposed.frame,
        events,
        items["item_id"].to_list() if isinstance(items, pl.DataFrame) else list(items),
        unit=experiment.unit,
        measures=[measure for one in wanted for measure in one.measures],
        before=before,
        ends=experiment.ends,
        groups=groups,
    )
    control, variants = experiment.control, experiment.treatments
    all_lines = lines(units, control, variants, asked, how)
    first, last = _period(exposed, events, experiment)
    return Readout(
        experiment,
        first,
        last,
        exposed.ratio,
        (
            *correct([line for line in all_lines if line.role == "primary"], how),
            *correct([line for line in all_lines if line.role == "metric"], how),
        ),
        tuple(_by_items(units, experiment, asked, how)),
        tuple(_by_users(units, experiment, asked, how)),
        tuple(guard for one, margin in guarded for guard in _guardrails(units, experiment, one, margin, how)),
        tuple(_remaining(units, experiment, variant, last) for variant in variants),
        dict(units.item_groups),
        how,
        before,
        (*exposed.notes, *units.notes, *_group_notes(units, experiment)),
    )


def _asked(experiment: Experiment) -> list[tuple[Metric, Role]]:
    others: list[tuple[Metric, Role]] = [(metric(spec), "metric") for spec in experiment.metrics]
    return [(metric(experiment.primary), "primary"), *others]


def _period(exposed: Exposed, events: pl.DataFrame | pl.LazyFrame, experiment: Experiment) -> tuple[datetime, datetime]:
    """First exposure, and how far the log reaches."""
    first, shown = exposed.frame["time"].min(), exposed.frame["time"].max()
    reaches = events.lazy().select(pl.col("time").max()).collect().item()
    moments = [moment for moment in (shown, reaches) if isinstance(moment, datetime)]
    if not isinstance(first, datetime):
        raise InputError("The exposures have no times.")
    last = max(moments)
    return first, last if experiment.ends is None else min(last, experiment.ends)


def _by_items(units: Units, experiment: Experiment, asked: list[tuple[Metric, Role]], how: How) -> list[Line]:
    found = [
        line
        for group in GROUPS
        if units.item_groups.get(group)
        for line in lines(units, experiment.control, experiment.treatments, _cut(asked), how, items=group)
    ]
    return correct(found, how)


def _cut(asked: list[tuple[Metric, Role]]) -> list[tuple[Metric, Role]]:
    """The metrics that groups of items have parts of."""
    return [(one, role) for one, role in asked if one.numerator not in ("sessions", "units")]


def _by_users(units: Units, experiment: Experiment, asked: list[tuple[Metric, Role]], how: How) -> list[Line]:
    if experiment.unit != "user" or units.frame["activity"].n_unique() < 2:
        return []
    found = [
        line
        for group in GROUPS
        for line in lines(units, experiment.control, experiment.treatments, asked, how, users=group)
    ]
    return correct(found, how)


def _group_notes(units: Units, experiment: Experiment) -> list[str]:
    if experiment.unit != "user":
        return ["Sessions have no time before: they are neither adjusted nor cut into groups of users."]
    if units.frame["activity"].n_unique() < 2:
        return ["No user did anything in the days before: there are no groups of users, and nothing to adjust by."]
    return []


def _guardrails(units: Units, experiment: Experiment, one: Metric, margin: float, how: How) -> list[Guardrail]:
    control = unit_values(units.of_variant(experiment.control), one)
    found = []
    for variant in experiment.treatments:
        other = unit_values(units.of_variant(variant), one)
        made = effect(control, other, alpha=2 * how.alpha)
        if how.sequential:
            count = len(control) + len(other)
            made = always_valid(made, count, alpha=2 * how.alpha, planned=how.planned)
        line = Line(one, variant, made, made.p, "guardrail", units=(len(control), len(other)))
        worst, best = made.relative_low, made.relative_high
        if one.better == "less":
            worst, best = -best, -worst
        state: State = "kept" if worst > -margin else "broken" if best < -margin else "unknown"
        found.append(Guardrail(line, margin, state))
    return found


def _remaining(units: Units, experiment: Experiment, variant: str, last: datetime) -> Remaining:
    both = units.frame.filter(pl.col("variant").is_in([experiment.control, variant]))
    control, treated = (experiment.variants[name] for name in (experiment.control, variant))
    power = power_of(
        unit_values(both, metric(experiment.primary)),
        units=both.height,
        relative=experiment.effect,
        alpha=experiment.alpha / len(experiment.treatments),
        power=experiment.power,
        treated=treated / (control + treated),
    )
    first = both["time"].min()
    length = max((last - first) / timedelta(days=1), 1.0) if isinstance(first, datetime) else 1.0
    window = min(7.0, length)
    daily = both.filter(pl.col("time") > last - timedelta(days=window)).height / window
    missing = power.needed - both.height
    if math.isnan(missing):
        days = math.nan
    elif missing <= 0:
        days = 0.0
    else:
        days = missing / daily if daily else math.inf
    return Remaining(variant, power, daily, days)

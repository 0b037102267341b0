"""What an experiment is: who takes part, what they get, and by what it is judged."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal

from evenshelf.errors import SettingError
from evenshelf.experiments.hashing import SLOTS, slots
from evenshelf.experiments.metrics import metric, metric_faults

Unit = Literal["user", "session"]
UNITS: tuple[Unit, ...] = ("user", "session")

Step = tuple[datetime, float]
"""From a moment on, this share of the units takes part."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
TOLERANCE = 1e-4
"""Shares of variants may miss a sum of 1 by so much (thirds are written as 0.3333)."""


@dataclass(frozen=True)
class Experiment:
    """One experiment; :mod:`evenshelf.experiments.files` reads and writes it as TOML.

    Attributes
    ----------
    name
        Letters, digits, ``_``, ``.`` and ``-``, at most 64.
    variants
        Share of the units that take part for each variant, at least two, together 1. Their order is part of the
        assignment.
    control
        The variant that the others are compared with.
    primary
        The metric that decides; see :mod:`evenshelf.experiments.metrics` for names and for ratios of one's own.
    unit
        What is assigned: ``"user"`` or ``"session"``.
    traffic
        Share of the layer's units that takes part: one number, or steps ``(moment, share)`` of a ramp-up that rise in
        time and never fall, so that who is in stays in. Before the first step nobody is in.
    layer
        Experiments of one layer share no unit. ``""``: a layer of its own.
    offset
        Where its range of the layer begins, in [0, 1): it takes ``offset`` to ``offset`` + the last share of
        `traffic`, whatever other experiments do. :func:`evenshelf.experiments.layers.placed` finds a free one.
    salt
        Decides with the unit what variant it gets. ``""``: the name.
    starts, ends
        Moments with a zone: nobody is assigned before the one (if given) and from the other on (if given).
    overrides
        Variant of single units, such as testers, whatever the hash says; the readout leaves them out.
    metrics
        Further metrics, corrected for their number.
    guardrails
        Metrics that must not get worse by more than this share of the control's value, each in (0, 1).
    effect
        The smallest relative effect on the primary metric that is worth finding; for power and the time left.
    alpha, power
        Chance of a false alarm, and of finding `effect`.
    planned
        Units for which it was planned: where an always-valid interval is narrowest. Choose it before the start.

    Raises
    ------
    SettingError
        With every fault at once.
    """

    name: str
    variants: Mapping[str, float]
    control: str
    primary: str
    unit: Unit = "user"
    traffic: float | tuple[Step, ...] = 1.0
    layer: str = ""
    offset: float = 0.0
    salt: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    guardrails: Mapping[str, float] = field(default_factory=dict)
    effect: float = 0.05
    alpha: float = 0.05
    power: float = 0.8
    planned: int = 10_000

    def __post_init__(self) -> None:
        for mapping in ("variants", "overrides", "guardrails"):
            object.__setattr__(self, mapping, MappingProxyType(dict(getattr(self, mapping))))
        object.__setattr__(self, "metrics", tuple(self.metrics))
        if not isinstance(self.traffic, int | float):
            object.__setattr__(self, "traffic", tuple((moment, share) for moment, share in self.traffic))
        faults = [*_name_faults(self), *_variant_faults(self), *_traffic_faults(self), *_judging_faults(self)]
        if faults:
            raise SettingError(
                f"The experiment {self.name!r} cannot be run: " + "; ".join(faults) + ".",
                hint="`evenshelf experiment plan --help` shows a whole experiment file.",
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # views of mappings cannot be pickled, and service and readout may be other processes
        values = (getattr(self, one.name) for one in fields(self))
        return type(self), tuple(dict(value) if isinstance(value, MappingProxyType) else value for value in values)

    @property
    def seed(self) -> str:
        """Its salt, or its name if it has none."""
        return self.salt or self.name

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The traffic as steps; one number is one step from the start on."""
        if isinstance(self.traffic, tuple):
            return self.traffic
        return ((self.starts or datetime.min.replace(tzinfo=UTC), float(self.traffic)),)

    @cached_property
    def range(self) -> tuple[int, int]:
        """Slots of the layer that are kept for it: the first, and the one after the last."""
        first = slots(self.offset)
        return first, first + slots(self.steps[-1][1])

    @property
    def treatments(self) -> tuple[str, ...]:
        """The variants beside the control."""
        return tuple(variant for variant in self.variants if variant != self.control)

    def share(self, at: datetime) -> float:
        """Share of the layer's units that takes part at a moment."""
        if (self.starts is not None and at < self.starts) or (self.ends is not None and at >= self.ends):
            return 0.0
        return max((share for moment, share in self.steps if moment <= at), default=0.0)

    def bounds(self) -> list[tuple[int, str]]:
        """Variants in order, each with the slot after its last."""
        total, found = 0.0, []
        for name, share in self.variants.items():
            total += share
            found.append((slots(total), name))
        found[-1] = (SLOTS, found[-1][1])
        return found


def changed(before: Experiment, after: Experiment) -> list[str]:
    """What would give units that take part another variant, or throw them out; nothing if the change is safe.

    Raising the traffic, ending, and changing what it is judged by are safe.
    """
    found = []
    if before.seed != after.seed:
        found.append(f"the salt changes from {before.seed!r} to {after.seed!r}")
    if before.unit != after.unit:
        found.append(f"the unit changes from {before.unit} to {after.unit}")
    if (before.layer or before.seed) != (after.layer or after.seed) or bool(before.layer) != bool(after.layer):
        found.append(f"the layer changes from {before.layer!r} to {after.layer!r}")
    if slots(before.offset) != slots(after.offset):
        found.append(f"the offset changes from {before.offset} to {after.offset}")
    if before.bounds() != after.bounds():
        found.append("variants or their shares change")
    moments = {moment for one in (before, after) for moment, _ in one.steps}
    if any(slots(after.share(moment)) < slots(before.share(moment)) for moment in moments):
        found.append("the traffic falls")
    return found


def _name_faults(one: Experiment) -> list[str]:
    faults = []
    if not NAME.fullmatch(one.name):
        faults.append("its name must be 1 to 64 letters, digits, '_', '.' or '-', beginning with a letter or digit")
    if one.unit not in UNITS:
        faults.append(f"the unit is {one.unit!r}, but must be user or session")
    faults += [f"the {key} holds a line break" for key in ("layer", "salt") if "\n" in getattr(one, key)]
    return faults


def _variant_faults(one: Experiment) -> list[str]:
    faults = []
    if len(one.variants) < 2:
        faults.append("it needs two variants or more")
    faults += [f"the variant {name!r} has no proper name" for name in one.variants if not NAME.fullmatch(name)]
    shares = one.variants.values()
    if not all(0 < share < 1 for share in shares):
        faults.append("the share of each variant must lie between 0 and 1")
    elif abs(sum(shares) - 1) > TOLERANCE:
        faults.append(f"the shares of the variants add up to {sum(shares):.6g}, not to 1")
    if one.control not in one.variants:
        faults.append(f"the control {one.control!r} is none of its variants ({', '.join(one.variants)})")
    foreign = sorted({variant for variant in one.overrides.values() if variant not in one.variants})
    if foreign:
        faults.append(f"overrides name variants that it does not have: {', '.join(foreign)}")
    return faults


def _traffic_faults(one: Experiment) -> list[str]:
    faults = []
    steps = one.traffic if isinstance(one.traffic, tuple) else ()
    shares = [share for _, share in steps] if isinstance(one.traffic, tuple) else [float(one.traffic)]
    moments = [moment for moment, _ in steps]
    naive = [moment for moment in (*moments, one.starts, one.ends) if moment is not None and moment.tzinfo is None]
    if naive:
        faults.append(f"moments need a zone, such as {naive[0].isoformat()}Z")
        return faults
    if not shares:
        faults.append("the ramp-up has no step")
        return faults
    if not all(0 < share <= 1 for share in shares):
        faults.append("the traffic must lie above 0 and at most at 1")
    elif any(later < earlier for earlier, later in pairwise(shares)):
        faults.append("the traffic falls in the ramp-up: who is in would be thrown out")
    if any(later <= earlier for earlier, later in pairwise(moments)):
        faults.append("the steps of the ramp-up are not in order of time")
    if not 0 <= one.offset < 1:
        faults.append(f"the offset is {one.offset}, but must be 0 or more and below 1")
    elif slots(one.offset) + slots(shares[-1]) > SLOTS:
        faults.append(f"from the offset {one.offset:g} on there is no room for a traffic of {shares[-1]:g}")
    if one.starts is not None and one.ends is not None and one.starts >= one.ends:
        faults.append("it ends before it starts")
    return faults


def _judging_faults(one: Experiment) -> list[str]:
    asked = (one.primary, *one.metrics, *one.guardrails)
    faults = [fault for spec in asked for fault in metric_faults(spec)]
    if not faults:
        names = [metric(spec).name for spec in (one.primary, *one.metrics)]
        faults += [f"the metric {name!r} is asked for twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    faults += [
        f"the guardrail {name!r} allows {margin:g}, but a margin lies between 0 and 1"
        for name, margin in one.guardrails.items()
        if not 0 < margin < 1
    ]
    for key, low, high in (("effect", 0.0, math.inf), ("alpha", 0.0, 0.5), ("power", 0.0, 1.0)):
        if not low < getattr(one, key) < high:
            faults.append(f"{key} is {getattr(one, key)}, but must lie between {low:g} and {high:g}")
    if one.planned < 2:
        faults.append("planned must be 2 units or more")
    return faults

"""What a remedy gains over the control that it is compared with besides, such as as many copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evenshelf.study.comparison import NAN
from evenshelf.study.statistics import Bootstrap, holm

if TYPE_CHECKING:
    from evenshelf.tasks.measures import Measures

CONTROLS = "controls"
"""Where the record of a study names the control of each remedy that has one."""


@dataclass(frozen=True)
class OverControl:
    """A remedy beside its control; differences by the paired bootstrap, with 95 % intervals.

    Attributes
    ----------
    spec, control
        Both.
    diff, low, high, p
        In the metric that decides.
    p_holm
        Corrected for all remedies that have a control.
    tail_diff, tail_low, tail_high
        In that of the tail.
    """

    spec: str
    control: str
    diff: float
    low: float
    high: float
    p: float
    p_holm: float
    tail_diff: float
    tail_low: float
    tail_high: float


def over_controls(
    bootstrap: Bootstrap, controls: Mapping[str, str], measures: Measures, metric: str
) -> tuple[OverControl, ...]:
    """Every remedy beside its control, the largest gain first.

    Parameters
    ----------
    bootstrap
        Holds ``tuned SPEC`` of all that were fitted; what was not is left out.
    controls
        The control of each remedy that has one.
    """
    found = []
    for spec, control in sorted(controls.items()):
        one, other = f"tuned {spec}", f"tuned {control}"
        if one not in bootstrap.names or other not in bootstrap.names:
            continue
        gain, tail = bootstrap.difference(one, other, metric), bootstrap.difference(one, other, measures.tail)
        found.append(
            OverControl(spec, control, gain.value, gain.low, gain.high, gain.p, NAN, tail.value, tail.low, tail.high)
        )
    corrected = holm([one.p for one in found])
    known = [replace(one, p_holm=float(p)) for one, p in zip(found, corrected, strict=True)]
    return tuple(sorted(known, key=lambda one: (-one.diff, one.spec)))

"""Layers: experiments that must not share a unit have ranges of one layer that do not touch.

A range is written down in the experiment (``offset``), not derived from what else runs: it stays where it is when
another experiment ends (Tang et al. 2010, "Overlapping experiment infrastructure").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

from evenshelf.errors import SettingError
from evenshelf.experiments.definition import Experiment
from evenshelf.experiments.hashing import SLOTS


def placed(experiment: Experiment, others: Iterable[Experiment]) -> Experiment:
    """An experiment with the lowest offset at which it overlaps no other of its layer.

    Raises
    ------
    SettingError
        If the layer has no room for its traffic.
    """
    if not experiment.layer:
        return replace(experiment, offset=0.0)
    rivals = [other for other in others if other.name != experiment.name and _meet(experiment, other)]
    taken = sorted(other.range for other in rivals)
    first, last = experiment.range
    size, at = last - first, 0
    for low, high in taken:
        if at + size <= low:
            break
        at = max(at, high)
    if at + size > SLOTS:
        widest = _widest(taken)
        raise SettingError(
            f"The layer {experiment.layer!r} has no room for {size / SLOTS:.6g} of its units: "
            f"the widest free range is {widest / SLOTS:.6g}.",
            hint="Lower the traffic, choose another layer, or wait until another experiment ends.",
        )
    return replace(experiment, offset=at / SLOTS)


def layer_faults(experiments: Sequence[Experiment]) -> list[str]:
    """What keeps experiments from running together; nothing if they can."""
    names = [one.name for one in experiments]
    faults = [f"{name!r} is the name of two of them" for name in dict.fromkeys(names) if names.count(name) > 1]
    for one, other in combinations(experiments, 2):
        if not _meet(one, other):
            continue
        (low, high), (first, last) = one.range, other.range
        if low < last and first < high:
            faults.append(
                f"{one.name!r} and {other.name!r} both take {max(low, first) / SLOTS:g} to "
                f"{min(high, last) / SLOTS:g} of the layer {one.layer!r}"
            )
        both = sorted(set(one.overrides) & set(other.overrides))
        if both:
            faults.append(f"{', '.join(both[:3])} cannot be a tester of both {one.name!r} and {other.name!r}")
    return faults


def _meet(one: Experiment, other: Experiment) -> bool:
    """Whether both are of one layer, at the same time."""
    if not one.layer or one.layer != other.layer or one.unit != other.unit:
        return False
    before = one.ends is not None and other.starts is not None and one.ends <= other.starts
    after = other.ends is not None and one.starts is not None and other.ends <= one.starts
    return not before and not after


def _widest(taken: Sequence[tuple[int, int]]) -> int:
    at, widest = 0, 0
    for low, high in [*taken, (SLOTS, SLOTS)]:
        widest, at = max(widest, low - at), max(at, high)
    return widest

"""What an experiment is judged by: a sum over units divided by another, such as clicks over impressions.

A *measure* is something of each unit that can be added up. A *metric* is the sum of one measure over that of another,
or over the number of units. Any two measures make a metric: ``"revenue / sessions"``; the usual ones have names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evenshelf.errors import SettingError, near

MEASURES = {
    "impressions": "items shown in lists",
    "clicks": "clicks; where a log has no events 'click', impressions whose value says that they were clicked",
    "views": "items looked at",
    "carts": "puttings into the cart",
    "purchases": "rows of purchases",
    "pieces": "pieces bought",
    "revenue": "pieces bought times their price",
    "returns": "pieces sent back",
    "buyers": "1 if anything was bought, otherwise 0",
    "sessions": "different sessions",
    "units": "1: users or sessions, whichever are assigned",
}
"""What can be added up over units, with its meaning."""

WHOLE = ("sessions", "units")
"""Measures that are not of single items: for a group of items they are not cut, so that its parts add up."""


@dataclass(frozen=True)
class Metric:
    """A ratio of sums over units.

    Attributes
    ----------
    name
        As it is asked for.
    numerator, denominator
        Two of :data:`MEASURES`.
    title
        What a report calls it.
    better
        Whether ``"more"`` or ``"less"`` of it is better.
    """

    name: str
    numerator: str
    denominator: str
    title: str
    better: Literal["more", "less"] = "more"

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that it needs."""
        return (self.numerator, self.denominator)


NAMED = {
    one.name: one
    for one in (
        Metric("ctr", "clicks", "impressions", "click-through rate"),
        Metric("conversion", "buyers", "units", "share who buy"),
        Metric("clicks_per_unit", "clicks", "units", "clicks per unit"),
        Metric("carts_per_unit", "carts", "units", "carts per unit"),
        Metric("purchases_per_unit", "purchases", "units", "purchases per unit"),
        Metric("sessions_per_unit", "sessions", "units", "sessions per unit"),
        Metric("revenue_per_unit", "revenue", "units", "revenue per unit"),
        Metric("revenue_per_session", "revenue", "sessions", "revenue per session"),
        Metric("purchases_per_session", "purchases", "sessions", "purchases per session"),
        Metric("price_per_piece", "revenue", "pieces", "revenue per piece"),
        Metric("return_rate", "returns", "pieces", "pieces sent back per piece bought", better="less"),
    )
}
"""Metrics with names."""


def metric_faults(spec: str) -> list[str]:
    """What is wrong with the name of a metric or its ratio; nothing if it is one."""
    if spec in NAMED:
        return []
    parts = [part.strip() for part in spec.split("/")]
    if len(parts) != 2:
        return [f"there is no metric {spec!r}{near(spec, NAMED)}"]
    unknown = [part for part in parts if part not in MEASURES]
    if unknown:
        return [f"{spec!r} asks for what is no measure: {', '.join(p + near(p, MEASURES) for p in unknown)}"]
    return [f"{spec!r} divides a measure by itself"] if parts[0] == parts[1] else []


def metric(spec: str) -> Metric:
    """A metric by its name, or by two measures, such as ``"purchases / sessions"``.

    Raises
    ------
    SettingError
        If there is no such metric or measure.
    """
    faults = metric_faults(spec)
    if faults:
        raise SettingError(
            "; ".join(faults) + ".",
            hint=f"Name one of {', '.join(NAMED)}, or two measures, one / other, of {', '.join(MEASURES)}.",
        )
    if spec in NAMED:
        return NAMED[spec]
    numerator, denominator = (part.strip() for part in spec.split("/"))
    for known in NAMED.values():
        if known.measures == (numerator, denominator):
            return known
    worse = numerator == "returns"
    title = f"{numerator} per {denominator.removesuffix('s')}"
    return Metric(f"{numerator} / {denominator}", numerator, denominator, title, "less" if worse else "more")

"""The chart of an experiment: what each variant changes, for all and for groups of items and users."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import altair as alt

from evenshelf.experiments.wording import interval, p_words
from evenshelf.report.interval_charts import interval_panel
from evenshelf.report.svg import Figure, Size, axis, figure, stacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.experiments.lines import Line
    from evenshelf.experiments.reading_out import Readout

WIDEST = 1.0
"""Intervals are drawn up to a doubling: one that is wider says nothing, and would make the others a dot."""


def changes(found: Readout) -> Figure | None:
    """Relative change of the metrics with intervals; ``None`` where none is known."""
    of_groups = [line for line in (*found.by_items, *found.by_users) if line.role == "primary"]
    title = found.primary[0].metric.title if found.primary else ""
    panels = [
        ("All", [line for line in found.lines if _drawn(line)]),
        (f"Items: {title}", [line for line in of_groups if line.items and _drawn(line)]),
        (f"Users: {title}", [line for line in of_groups if line.users and _drawn(line)]),
    ]
    panels = [(name, lines) for name, lines in panels if lines]
    if not panels:
        return None
    every = [line for _, lines in panels for line in lines]
    low = max(-WIDEST, min(-0.01, *(line.effect.relative_low for line in every)))
    high = min(WIDEST, max(0.01, *(line.effect.relative_high for line in every)))
    scale = alt.Scale(domain=[low * 1.04, high * 1.04], nice=False)

    def panel(name: str, lines: Sequence[Line], size: Size) -> Any:
        rows = [_row(line, found, low, high) for line in lines]
        ticks = axis(tickCount=5, format="+.0%" if high - low > 0.05 else "+.1%", labelOverlap="greedy")
        return interval_panel(rows, name, size, scale=scale, ticks=ticks)

    def draw(size: Size) -> Any:
        return stacked([panel(name, lines, size) for name, lines in panels], 24)

    said = "; ".join(f"{_name(line, found)}: {interval(line)}" for line in found.lines)
    return figure(draw, f"Dots with intervals, a line for each metric and group. {said}.")


def _drawn(line: Line) -> bool:
    one = line.effect
    return all(map(math.isfinite, (one.relative, one.relative_low, one.relative_high))) and abs(one.relative) < WIDEST


def _name(line: Line, found: Readout) -> str:
    what = line.items or line.users or line.metric.title
    return what if len(found.experiment.treatments) == 1 else f"{what}, {line.variant}"


def _row(line: Line, found: Readout, low: float, high: float) -> dict[str, Any]:
    one, name = line.effect, _name(line, found)
    kind = "unclear" if not line.significant(found.how.alpha) else "gain" if line.better else "loss"
    return {
        "name": name,
        "value": one.relative,
        "low": max(one.relative_low, low),
        "high": min(one.relative_high, high),
        "kind": kind,
        "tip": f"{name}: {interval(line)}; {p_words(line.p_corrected)} corrected",
    }

"""Dots with their intervals, one line for each name: what charts of changes share."""

from __future__ import annotations

from typing import Any

import altair as alt

from evenshelf.report.axes import names_axis, plot_width
from evenshelf.report.svg import ACCENT, INK, MUTED, OTHER, PAPER, Size, data, layer

STEP = 22
"""Height of one line, in pixels."""


def interval_panel(rows: list[dict[str, Any]], title: str, size: Size, *, scale: Any, ticks: Any) -> Any:
    """One panel.

    Parameters
    ----------
    rows
        Each with ``name``, ``value``, ``low``, ``high``, ``tip`` and ``kind``: ``"gain"``, ``"loss"``, or
        ``"unclear"``, whose dot is hollow. No two names are equal.
    title
        Above the panel.
    size
        For which width it is drawn.
    scale, ticks
        Of the values, the same for all panels of a chart.
    """
    colours = alt.Scale(domain=["gain", "loss", "unclear"], range=[ACCENT, OTHER, MUTED])
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("name:N", sort=[row["name"] for row in rows], axis=names_axis(size)),
        color=alt.Color("kind:N", scale=colours, legend=None),
    )
    zero = alt.Chart(data([{"x": 0}])).mark_rule(color=INK, strokeWidth=1, aria=False).encode(x="x:Q")
    points = base.encode(x=alt.X("value:Q", scale=scale, axis=ticks), description="tip:N")
    return layer(
        [
            zero,
            base.mark_rule(strokeWidth=2.5, strokeCap="round", opacity=0.45, aria=False).encode(
                x=alt.X("low:Q", scale=scale, title=None), x2="high:Q"
            ),
            points.transform_filter("datum.kind === 'unclear'").mark_point(
                shape="circle", size=58, strokeWidth=2, fill=PAPER, opacity=1
            ),
            points.transform_filter("datum.kind !== 'unclear'").mark_point(
                shape="circle", filled=True, size=90, opacity=1
            ),
        ],
        width=plot_width(size),
        height=alt.Step(STEP),
        title=alt.Title(title, anchor="start", color=INK, fontSize=13, fontWeight=600, offset=8),
    )

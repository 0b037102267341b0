"""Charts of events. Each function returns a chart for both widths and the words that replace it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from evenshelf.report.class_charts import PARTS
from evenshelf.report.svg import ACCENT, INK, Figure, Size, axis, data, figure, layer, stacked
from evenshelf.shop.profiling.imbalance import BUCKETS
from evenshelf.study.wording import percent

if TYPE_CHECKING:
    from evenshelf.shop.profiling.log_profile import LogProfile

_NUMBERS = 58
"""Room for the numbers at the left, in pixels: the same in every panel, so that periods stand below each other."""


def events_over_time(log: LogProfile) -> Figure | None:
    """Events of each period, a panel for each kind, each with its own scale; None for fewer than two periods."""
    periods = log.periods
    if len(periods) < 2:
        return None
    starts = [period.start for period in periods]
    busiest = {kind: max(period.kinds[kind] for period in periods) for kind in log.kinds}
    # A log may hold kinds whose events all lack a time.
    kinds = [kind for kind in log.kinds if busiest[kind]]

    def draw(size: Size) -> Any:
        count = min(len(starts), size.pick(7, 3))
        ticks = np.linspace(0, len(starts) - 1, count).round().astype(int).tolist()

        def panel(kind: str) -> Any:
            rows = [
                {
                    "from": place + 0.08,
                    "to": place + 0.92,
                    "count": period.kinds[kind],
                    "tip": f"{period.start}: {period.kinds[kind]:,} × {kind}",
                }
                for place, period in enumerate(periods)
                if period.kinds[kind]
            ]
            # Dates are put below the bars as texts: an axis of time would be drawn in the zone of the machine.
            dates = axis(
                values=[tick + 0.5 for tick in ticks],
                labelExpr=f"{json.dumps(starts)}[floor(datum.value)]",
                labels=kind == kinds[-1],
                labelFlush=True,
                labelOverlap="greedy",
                labelSeparation=8,
                grid=False,
            )
            levels = axis(values=[0, busiest[kind]], format=",d", minExtent=_NUMBERS, maxExtent=_NUMBERS)
            bars = (
                alt.Chart(data(rows))
                .mark_rect(color=ACCENT, stroke=None)
                # Channels are made by hand: Altair takes long to find out what a text stands for.
                .encode(
                    x=alt.X("from:Q", scale=alt.Scale(domain=[0, len(starts)], nice=False), axis=dates),
                    x2=alt.X2("to:Q"),
                    y=alt.Y("count:Q", scale=alt.Scale(domain=[0, busiest[kind]], nice=False), axis=levels),
                    y2=alt.Y2Value(size.pick(58, 46)),
                    description=alt.Description("tip:N"),
                )
            )
            return layer(
                [bars],
                width=size.width - _NUMBERS - 20,
                height=size.pick(58, 46),
                title=alt.Title(kind, anchor="start", color=INK, fontSize=13, fontWeight=600, offset=6),
            )

        return stacked([panel(kind) for kind in kinds], 12)

    most = max(periods, key=lambda period: sum(period.kinds.values()))
    return figure(
        draw,
        f"Events by {log.unit} from {starts[0]} to {starts[-1]}, a panel for each of: {', '.join(kinds)}. The busiest "
        f"{log.unit} begins on {most.start} and has {sum(most.kinds.values()):,} events.",
    )


def concentration(log: LogProfile) -> Figure:
    """Share of the events that the most frequent items hold, head, torso and tail in three tints."""
    points = log.concentration()
    rows, start = [], 0
    for bucket in BUCKETS:
        size = int((log.imbalance.bucket == bucket).sum())
        end = start + size
        if size:
            rows += [
                {"items": point.items_share, "events": point.events_share, "bucket": bucket}
                for point in points
                if start <= point.items <= end
            ]
        start = end
    shares = [0, 0.25, 0.5, 0.75, 1]

    def draw(size: Size) -> Any:
        x = alt.X(
            "items:Q",
            scale=alt.Scale(domain=[0, 1]),
            axis=axis(title="share of the items, most frequent first", values=shares, format=".0%", grid=False),
        )
        y = alt.Y(
            "events:Q",
            scale=alt.Scale(domain=[0, 1]),
            axis=axis(title="share of the events", values=shares, format=".0%"),
        )
        colour = alt.Color("bucket:N", scale=alt.Scale(domain=list(PARTS), range=list(PARTS.values())), legend=None)
        even = alt.Chart(data([{"items": 0, "events": 0}, {"items": 1, "events": 1}])).encode(x=x, y=y)
        return layer(
            [
                alt.Chart(data(rows)).mark_area(opacity=0.85, aria=False).encode(x=x, y=y.stack(None), color=colour),
                even.mark_line(color=INK, strokeWidth=1, strokeDash=[3, 3], aria=False),
            ],
            width=size.width - 62,
            height=size.pick(320, 240),
        )

    told = [f"the top {percent(top.items_share)} hold {percent(top.events_share)}" for top in log.tops()]
    return figure(
        draw,
        f"Share of the events against the share of the {log.items:,} items, most frequent first"
        f"{': ' if told else ''}{', '.join(told)}. If all items were equal, it would be the diagonal.",
    )

"""Charts with a line for every remedy. Each function returns a chart for both widths and the words that replace it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt

from evenshelf.report.axes import STEP, change_format, name_lines, names_axis, plot_width, value_format
from evenshelf.report.numbers import number
from evenshelf.report.svg import (
    ACCENT,
    INK,
    MUTED,
    PAPER,
    SOFT,
    Figure,
    Size,
    abreast,
    axis,
    data,
    figure,
    layer,
    stacked,
)
from evenshelf.study.wording import probability, seconds, signed

if TYPE_CHECKING:
    from evenshelf.study.comparison import Comparison
    from evenshelf.study.verdict import Verdict


def gains(verdict: Verdict) -> Figure:
    """Difference to doing nothing, with intervals: the metric and tail F1 side by side."""
    rivals = [c for c in verdict.comparisons if c.spec != verdict.baseline]
    metric, tail = verdict.title, verdict.measures.tail
    panels = [(f"{metric}, difference to {verdict.baseline}", "diff", "low", "high")]
    if verdict.metric != tail:
        title = f"{verdict.measures.title(tail)}, difference to {verdict.baseline}"
        panels.append((title, "tail_diff", "tail_low", "tail_high"))
    panels = [p for p in panels if any(math.isfinite(getattr(c, p[1])) for c in rivals)]

    def draw(size: Size) -> Any:
        width = plot_width(size) if size.narrow or len(panels) == 1 else (plot_width(size) - 28) // 2
        made = [
            _whiskers(rivals, panel, width, size, labels=size.narrow or number == 0)
            for number, panel in enumerate(panels)
        ]
        return stacked(made, 24) if size.narrow else abreast(made, 28)

    best = rivals[0]
    return figure(
        draw,
        f"Dots with 95 % intervals for {len(rivals)} remedies, best first. {best.spec}: {signed(best.diff)} "
        f"({signed(best.low)} to {signed(best.high)}). The table below holds the same numbers.",
    )


def _whiskers(
    rivals: Sequence[Comparison], panel: tuple[str, str, str, str], width: int, size: Size, *, labels: bool
) -> Any:
    title, value, low, high = panel
    numbers = [(getattr(c, value), getattr(c, low), getattr(c, high)) for c in rivals]
    finite = [v for triple in numbers for v in triple if math.isfinite(v)]
    top = max([0.01, *finite])
    # One very bad remedy must not squeeze the others together: what is far out is written at the edge instead.
    bottom = max(min([-0.01, *finite]), -max(1.2 * top, 0.03))
    rows = []
    for c, (v, a, b) in zip(rivals, numbers, strict=True):
        if not math.isfinite(v):
            continue
        beyond = c.significant and not c.slight
        kind = "yardstick" if c.reference else "qualifies" if c.qualifies else "refused" if beyond else "unclear"
        rows.append(
            {
                "remedy": name_lines(c.spec, size),
                "value": v,
                "low": max(a, bottom),
                "high": max(b, bottom),
                "kind": kind,
                "best": c.recommended,
                "off": f"◂ {signed(v)}" if v < bottom else "",
                "edge": bottom,
                "tip": f"{c.spec}: {signed(v)}, {signed(a)} to {signed(b)}; {probability(c.p_holm)} corrected",
            }
        )
    x = alt.Scale(domain=[bottom, top * 1.04], nice=False)
    order = [r["remedy"] for r in rows]
    y = alt.Y("remedy:N", sort=order, axis=names_axis(size) if labels else None)
    colour = alt.Scale(domain=["qualifies", "refused", "unclear", "yardstick"], range=[ACCENT, INK, MUTED, MUTED])
    base = alt.Chart(data(rows)).encode(y=y, color=alt.Color("kind:N", scale=colour, legend=None))
    inside = base.transform_filter("datum.off === ''")
    zero = alt.Chart(data([{"x": 0}])).mark_rule(color=INK, strokeWidth=1, aria=False).encode(x="x:Q")
    points = inside.encode(
        x=alt.X(
            "value:Q",
            scale=x,
            axis=axis(tickCount=5, format=change_format(bottom, top), labelOverlap="greedy", labelSeparation=10),
        ),
        description="tip:N",
    )
    return layer(
        [
            zero,
            inside.mark_rule(strokeWidth=2.5, strokeCap="round", opacity=0.45, aria=False).encode(
                x=alt.X("low:Q", scale=x, title=None), x2="high:Q"
            ),
            points.transform_filter("datum.kind === 'qualifies'").mark_point(
                shape="circle", filled=True, size=90, opacity=1
            ),
            points.transform_filter("datum.kind === 'unclear'").mark_point(
                shape="circle", size=58, strokeWidth=2, fill=PAPER, opacity=1
            ),
            points.transform_filter("datum.kind === 'refused'").mark_point(
                shape="cross", filled=True, size=80, opacity=1
            ),
            points.transform_filter("datum.kind === 'yardstick'").mark_point(
                shape="diamond", filled=True, size=80, opacity=1
            ),
            base.transform_filter("datum.off !== ''")
            .mark_text(align="left", fontSize=12, dx=2)
            .encode(x=alt.X("edge:Q", scale=x), text="off:N", description="tip:N"),
        ],
        width=width,
        height=alt.Step(size.pick(STEP, STEP + 4)),
        title=alt.Title(title, anchor="start", color=INK, fontSize=13, fontWeight=600, offset=8),
    )


def tuning(verdict: Verdict) -> Figure:
    """The metric at the usual defaults and tuned, for every remedy: what tuning alone does."""
    rows: list[dict[str, Any]] = [
        {
            "remedy": c.spec,
            "tuned": c[verdict.metric],
            "default": c.untuned,
            "baseline": c.spec == verdict.baseline,
            "tip": f"{c.spec}: {number(c.untuned)} at defaults, {number(c[verdict.metric])} tuned",
        }
        for c in verdict.comparisons
        if math.isfinite(c.untuned)
    ]
    reference = verdict[verdict.baseline][verdict.metric]

    def draw(size: Size) -> Any:
        lines: list[dict[str, Any]] = [{**row, "remedy": name_lines(row["remedy"], size)} for row in rows]
        low = min(min(r["tuned"], r["default"]) for r in lines)
        high = max(max(r["tuned"], r["default"]) for r in lines)
        room = min(0.03, 0.5 * (high - low) + 0.002)
        ends = max(0.0, low - room), min(1.0, high + room)
        x = alt.Scale(domain=list(ends), nice=False)
        base = alt.Chart(data(lines)).encode(
            y=alt.Y("remedy:N", sort=[r["remedy"] for r in lines], axis=names_axis(size)), description="tip:N"
        )
        rule = (
            alt.Chart(data([{"x": reference}]))
            .mark_rule(color=INK, strokeDash=[3, 3], strokeWidth=1, aria=False)
            .encode(x=alt.X("x:Q", scale=x))
        )
        return layer(
            [
                rule,
                base.mark_rule(strokeWidth=2.5, color=SOFT, aria=False).encode(
                    x=alt.X("default:Q", scale=x, axis=axis(tickCount=size.pick(8, 4), format=value_format(*ends))),
                    x2="tuned:Q",
                ),
                base.mark_point(shape="circle", size=58, strokeWidth=2, color=MUTED, fill=PAPER, opacity=1).encode(
                    x=alt.X("default:Q", scale=x)
                ),
                base.mark_point(shape="circle", filled=True, size=90, color=ACCENT, opacity=1).encode(
                    x=alt.X("tuned:Q", scale=x)
                ),
            ],
            width=plot_width(size),
            height=alt.Step(size.pick(STEP, STEP + 4)),
        )

    base = verdict[verdict.baseline]
    return figure(
        draw,
        f"For each of {len(rows)} remedies a hollow dot at the usual defaults joined to a filled dot after tuning. "
        f"Doing nothing goes from {number(base.untuned)} to {number(reference)}.",
    )


def cost(verdict: Verdict) -> Figure:
    """CPU seconds of every remedy, search included."""
    ordered = sorted(verdict.comparisons, key=lambda c: (c.seconds, c.spec))
    longest = max(c.seconds for c in ordered) or 1.0

    def draw(size: Size) -> Any:
        rows = [
            {
                "remedy": name_lines(c.spec, size),
                "seconds": c.seconds,
                "best": c.recommended,
                "text": seconds(c.seconds),
                "tip": f"{c.spec}: {seconds(c.seconds)}, {c.bytes / 1e6:,.0f} MB",
            }
            for c in ordered
        ]
        base = alt.Chart(data(rows)).encode(
            # Not stacked: Vega would clip every bar by a path with a name of its own, new in every run.
            x=alt.X(
                "seconds:Q",
                scale=alt.Scale(domain=[0, longest * size.pick(1.12, 1.3)], nice=False),
                axis=None,
                stack=None,
            ),
            y=alt.Y("remedy:N", sort=[r["remedy"] for r in rows], axis=names_axis(size)),
        )
        return layer(
            [
                base.mark_bar(height=10, cornerRadiusEnd=2).encode(
                    color=alt.Color("best:N", scale=alt.Scale(domain=[True, False], range=[ACCENT, SOFT]), legend=None),
                    description="tip:N",
                ),
                base.mark_text(align="left", dx=6, fontSize=12, color=MUTED, aria=False).encode(text="text:N"),
            ],
            width=plot_width(size),
            height=alt.Step(size.pick(23, STEP + 4)),
        )

    return figure(
        draw,
        f"Bars of CPU time: from {seconds(ordered[0].seconds)} ({ordered[0].spec}) to {seconds(ordered[-1].seconds)} "
        f"({ordered[-1].spec}).",
    )

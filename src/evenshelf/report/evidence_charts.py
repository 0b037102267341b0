"""Charts of a verdict's further evidence: trade-offs, and what more labels would bring."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import altair as alt

from evenshelf.report.axes import change_format
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
from evenshelf.study.evidence_wording import front_sentence
from evenshelf.study.learning_curve import FACTOR
from evenshelf.study.wording import change, seconds, signed

if TYPE_CHECKING:
    from evenshelf.study.evidence import Tradeoff
    from evenshelf.study.learning_curve import LearningCurve
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.measures import Measures
    from evenshelf.tasks.nouns import Nouns

NAMED = 6
"""Remedies of the front that are written beside their dots; those with the largest tail gain and room for a name."""


def tradeoff(verdict: Verdict) -> Figure | None:
    """Tail gain over what the head loses; ``None`` where one of them was not evaluated."""
    measures = verdict.measures
    points = [t for t in verdict.tradeoffs if math.isfinite(t.tail_gain) and math.isfinite(t.head_loss)]
    if len(points) < 2:
        return None
    # One very bad remedy must not squeeze the others together.
    gains = [t.tail_gain for t in points]
    low = max(min(gains), -max(1.2 * max(gains), 0.05))
    worst = max(0.03, *(t.head_loss for t in points if not t.dominated_by))
    shown = [t for t in points if t.tail_gain >= low and t.head_loss <= 1.5 * worst]
    front = [t for t in shown if not t.dominated_by]
    named = _with_room(front)
    rows = [
        {
            "gain": t.tail_gain,
            "head": -t.head_loss,
            "kind": "baseline" if t.spec == verdict.baseline else "beaten" if t.dominated_by else "front",
            "name": t.spec if t in named else "",
            "tip": f"{t.spec}: tail {signed(t.tail_gain)}, head {change(-t.head_loss)}, "
            f"{f'likelihood {number(t.nll)} nats, ' if measures.likelihood else ''}{seconds(t.seconds)}"
            + (f"; beaten by {t.dominated_by}" if t.dominated_by else ""),
        }
        for t in shown
    ]

    first, last = min(t.tail_gain for t in shown), max(t.tail_gain for t in shown)

    def draw(size: Size) -> Any:
        room = size.pick(0.3, 0.05) * (last - first) + 0.005  # for the names
        x = alt.X(
            "gain:Q",
            scale=alt.Scale(domain=[first - 0.005, last + room], nice=False),
            axis=axis(
                title=f"{measures.title(measures.tail)}, difference to doing nothing",
                tickCount=size.pick(8, 4),
                format=change_format(first, last),
            ),
        )
        y = alt.Y(
            "head:Q",
            scale=alt.Scale(zero=False, padding=12),
            axis=axis(title=f"{measures.title(measures.head)}, change", tickCount=6, format="+.1~%"),
        )
        base = alt.Chart(data(rows)).encode(x=x, y=y, description="tip:N")

        names = (
            base.transform_filter("datum.name !== ''")
            .mark_text(align="left", dx=8, fontSize=11, color=MUTED, aria=False)
            .encode(text="name:N")
        )

        def of(kind: str) -> Any:
            return base.transform_filter(f"datum.kind === '{kind}'")

        return layer(
            [
                of("beaten").mark_point(shape="circle", size=44, strokeWidth=2, color=SOFT, fill=PAPER, opacity=1),
                of("baseline").mark_point(shape="circle", size=80, strokeWidth=2, color=INK, fill=PAPER, opacity=1),
                of("front").mark_point(shape="circle", filled=True, size=90, color=ACCENT, opacity=1),
                *size.pick([names], []),  # on phones there is no room beside the dots
            ],
            width=size.pick(800, 264),
            height=size.pick(330, 280),
        )

    said = f"Dots for {len(rows)} remedies, tail gain to the right, head upwards."
    return figure(draw, f"{said} {front_sentence(verdict)}")


def _with_room(front: list[Tradeoff]) -> list[Tradeoff]:
    """Those whose names do not run over each other, the first ones before the others."""
    across = max(t.tail_gain for t in front) - min(t.tail_gain for t in front) if front else 0.0
    high = max(t.head_loss for t in front) - min(t.head_loss for t in front) if front else 0.0
    found: list[Tradeoff] = []
    for t in front:
        near = (
            o
            for o in found
            if abs(o.tail_gain - t.tail_gain) < 0.25 * across and abs(o.head_loss - t.head_loss) < 0.07 * high
        )
        if next(near, None) is None:
            found.append(t)
    return found[:NAMED]


def learning_curves(curve: LearningCurve, measures: Measures, nouns: Nouns) -> Figure:
    """Values by the number of training examples, on logarithmic axes of examples, one panel a metric."""
    metrics = list(dict.fromkeys(p.metric for p in curve.points))
    specs = list(dict.fromkeys(p.spec for p in curve.points))
    counted = nouns.learned or "examples"
    colours = alt.Scale(domain=specs, range=[MUTED, ACCENT, INK, SOFT][: len(specs)])

    def panel(metric: str, width: int, size: Size) -> Any:
        seen = [p for p in curve.points if p.metric == metric]
        rows = [
            {
                "spec": p.spec,
                "examples": p.examples,
                "value": p.value,
                "low": p.low,
                "high": p.high,
                "tip": f"{p.spec}, {p.examples:,.0f} {counted}: {number(p.value)}, {number(p.low)} to {number(p.high)}",
            }
            for p in seen
        ]
        last = {p.spec: p for p in seen if p.share == 1}
        ahead = []
        for f in curve.forecasts:
            if f.metric == metric and math.isfinite(f.value):
                now = last[f.spec]
                tip = f"{f.spec}, twice the {nouns.more}: {number(f.value)}, {number(f.low)} to {number(f.high)}"
                spans = ((1, now.value, now.value, now.value, ""), (FACTOR, f.value, f.low, f.high, tip))
                for times, value, low, high, words in spans:
                    row = {"examples": times * now.examples, "value": value, "low": low, "high": high}
                    ahead.append({"spec": f.spec, "tip": words, **row})
        x = alt.X(
            "examples:Q",
            scale=alt.Scale(type="log", nice=False, padding=8),
            axis=axis(
                title=nouns.learned or "training examples",
                values=sorted({round(p.examples) for p in seen}),
                format=".2~s",
            ),
        )
        y = alt.Y("value:Q", scale=alt.Scale(zero=False, padding=8), axis=axis(tickCount=6, format=".2~f"))
        colour = alt.Color("spec:N", scale=colours, legend=None)
        base = alt.Chart(data(rows)).encode(x=x, y=y, color=colour, description="tip:N")
        marks = [
            base.mark_rule(strokeWidth=2.5, opacity=0.4, aria=False).encode(y=alt.Y("low:Q"), y2="high:Q"),
            base.mark_line(strokeWidth=2, aria=False),
            base.mark_point(shape="circle", filled=True, size=70, opacity=1),
        ]
        if ahead:
            later = alt.Chart(data(ahead)).encode(x=x, y=y, color=colour, description="tip:N")
            marks += [
                later.mark_line(strokeWidth=2, strokeDash=[4, 4], aria=False),
                later.transform_filter("datum.tip !== ''")
                .mark_rule(strokeWidth=2.5, opacity=0.4, aria=False)
                .encode(y=alt.Y("low:Q"), y2="high:Q"),
                later.transform_filter("datum.tip !== ''").mark_point(
                    shape="circle", size=60, strokeWidth=2, fill=PAPER, opacity=1
                ),
            ]
        return layer(
            marks,
            width=width,
            height=size.pick(280, 220),
            title=alt.Title(measures.title(metric), anchor="start", color=INK, fontSize=13, fontWeight=600, offset=8),
        )

    def draw(size: Size) -> Any:
        width = 260 if size.narrow else 370
        made = [panel(metric, width, size) for metric in metrics]
        return stacked(made, 24) if size.narrow else abreast(made, 36)

    return figure(
        draw,
        f"Lines of {', '.join(map(measures.title, metrics))} over the number of "
        f"{nouns.learned or 'training examples'}, for {', '.join(specs)}; dashed to what twice the {nouns.more} would "
        "bring.",
    )

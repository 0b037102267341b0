"""Charts of classes. Each function returns a chart for both widths and the words that replace it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from evenshelf.report.axes import names_axis, plot_width
from evenshelf.report.numbers import number
from evenshelf.report.svg import (
    ACCENT,
    INK,
    MUTED,
    OTHER,
    PAPER,
    RULE,
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
from evenshelf.study.wording import percent

if TYPE_CHECKING:
    from evenshelf.report.classes import ClassChange
    from evenshelf.shop.profiling.imbalance import Imbalance
    from evenshelf.tasks.label_metrics import Reliability
    from evenshelf.tasks.nouns import Nouns

PARTS = {"head": ACCENT, "torso": SOFT, "tail": OTHER, "cold": RULE}
MOST_POINTS = 1500
_FEW = 10


def long_tail(imbalance: Imbalance, noun: str = "classes", examples: str = "examples") -> Figure:
    """Examples by rank, on a logarithmic axis, head, torso and tail in three tints."""
    counts, bucket = imbalance.counts[imbalance.counts > 0], imbalance.bucket[imbalance.counts > 0]
    n = len(counts)
    # ranks are thinned beyond what the eye can tell apart
    ranks = np.unique(np.round(np.linspace(0, n - 1, min(n, MOST_POINTS))).astype(int))
    rows = [
        {
            "from": int(rank) + 0.5,
            "to": int(following) + 0.5,
            "count": int(counts[rank]),
            "floor": 0.7,
            "bucket": str(bucket[rank]),
            "tip": f"{imbalance.groups[rank]}: {counts[rank]:,} ({bucket[rank]})",
        }
        for rank, following in zip(ranks, [*ranks[1:], n], strict=True)
    ]
    scale = alt.Scale(type="log", domain=[0.7, float(counts[0]) * 1.3], nice=False)
    ticks = [10**k for k in range(int(math.log10(counts[0])) + 1)]
    # Few ranks are named one by one: the library would put marks between them.
    ranked = {"values": list(range(1, n + 1))} if n <= _FEW else {"tickMinStep": 1}

    def draw(size: Size) -> Any:
        return (
            alt.Chart(data(rows))
            .mark_rect(stroke=None)
            .encode(
                x=alt.X(
                    "from:Q",
                    scale=alt.Scale(domain=[0.5, n + 0.5], nice=False),
                    axis=axis(title=f"rank of the {noun}, most frequent first", grid=False, format=",d", **ranked),
                ),
                x2="to:Q",
                y=alt.Y("count:Q", scale=scale, axis=axis(title=examples, values=ticks, format=",d")),
                y2="floor:Q",
                color=alt.Color(
                    "bucket:N", scale=alt.Scale(domain=list(PARTS), range=list(PARTS.values())), legend=None
                ),
                description="tip:N",
            )
            .properties(width=size.width - 62, height=size.pick(240, 190))
        )

    parts = [
        f"{int((imbalance.bucket == b).sum()):,} {b}"
        for b in ("head", "torso", "tail")
        if (imbalance.bucket == b).any()
    ]
    return figure(
        draw,
        f"Bars by rank on a logarithmic axis: the largest of {n:,} {noun} has {counts[0]:,} {examples}, the smallest "
        f"{counts[-1]:,}. {', '.join(parts)}.",
    )


def class_changes(changes: Sequence[ClassChange], base: str, other: str, nouns: Nouns) -> Figure:
    """F1 per class before and after, for the classes that change most."""
    rows = [
        {
            "class": f"{c.name} ({c.count:,})",
            "before": c.before,
            "after": c.after,
            "kind": "gain" if c.after > c.before else "loss",
            "tip": f"{c.name}, {c.count:,} examples, {c.bucket}: {number(c.before)} → {number(c.after)}",
        }
        for c in changes
    ]

    def draw(size: Size) -> Any:
        base_chart = alt.Chart(data(rows)).encode(
            y=alt.Y("class:N", sort=[r["class"] for r in rows], axis=names_axis(size)),
            color=alt.Color("kind:N", scale=alt.Scale(domain=["gain", "loss"], range=[ACCENT, OTHER]), legend=None),
            description="tip:N",
        )
        x = alt.Scale(domain=[0, 1])
        scale = alt.X("before:Q", scale=x, axis=axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2~f"))
        return layer(
            [
                base_chart.mark_rule(strokeWidth=2.5, opacity=0.45, aria=False).encode(x=scale, x2="after:Q"),
                base_chart.mark_point(shape="circle", size=52, strokeWidth=2, fill=PAPER, opacity=1).encode(x=scale),
                base_chart.mark_point(shape="circle", filled=True, size=90, opacity=1).encode(
                    x=alt.X("after:Q", scale=x)
                ),
            ],
            width=plot_width(size),
            height=alt.Step(24),
        )

    first = changes[0]
    return figure(
        draw,
        f"F1 of {len(rows)} {nouns.labels}, hollow under {base}, filled under {other}. Largest gain: {first.name}, "
        f"{number(first.before)} to {number(first.after)}.",
    )


def class_scatter(changes: Sequence[ClassChange], base: str, other: str, nouns: Nouns) -> Figure:
    """F1 against the number of examples, with the mean of each doubling of the number."""
    sides = (("before", base), ("after", other))
    rows = [
        {
            "count": c.count,
            "f1": getattr(c, side),
            "side": side,
            "tip": f"{c.name}, {c.count:,} examples: {number(getattr(c, side))} under {name}",
        }
        for c in changes
        for side, name in sides
    ]
    level = [int(math.log2(c.count)) for c in changes]
    means = [
        {
            "count": float(np.exp(np.mean([math.log(c.count) for c, k in zip(changes, level, strict=True) if k == b]))),
            "f1": float(np.mean([getattr(c, side) for c, k in zip(changes, level, strict=True) if k == b])),
            "side": side,
        }
        for b in sorted(set(level))
        for side, _ in sides
    ]
    largest = max(c.count for c in changes)
    ticks = [v for k in range(7) for v in (10**k, 3 * 10**k) if v <= largest]

    def draw(size: Size) -> Any:
        x = alt.X(
            "count:Q",
            scale=alt.Scale(type="log", domain=[min(c.count for c in changes) * 0.9, largest * 1.1], nice=False),
            axis=axis(title=f"examples of the {nouns.label}", values=ticks, format=",d", grid=False),
        )
        y = alt.Y(
            "f1:Q",
            scale=alt.Scale(domain=[0, 1]),
            axis=axis(title=f"F1 of the {nouns.label}", values=[0, 0.25, 0.5, 0.75, 1], format=".2~f"),
        )
        colour = alt.Color("side:N", scale=alt.Scale(domain=["before", "after"], range=[MUTED, ACCENT]), legend=None)
        points = alt.Chart(data(rows)).encode(x=x, y=y, color=colour, description="tip:N")
        lines = alt.Chart(data(means)).encode(x=x, y=y, color=colour)
        return layer(
            [
                points.transform_filter("datum.side === 'before'").mark_point(
                    shape="circle", size=34, strokeWidth=1.4, opacity=0.55
                ),
                points.transform_filter("datum.side === 'after'").mark_point(
                    shape="circle", filled=True, size=34, opacity=0.55
                ),
                lines.transform_filter("datum.side === 'before'").mark_line(
                    strokeWidth=2.5, strokeDash=[5, 4], interpolate="monotone", aria=False
                ),
                lines.transform_filter("datum.side === 'after'").mark_line(
                    strokeWidth=3, interpolate="monotone", aria=False
                ),
            ],
            width=size.width - 62,
            height=size.pick(300, 240),
        )

    before, after = (float(m["f1"]) for m in means[:2])  # type: ignore[arg-type]
    return figure(
        draw,
        f"F1 of {len(changes):,} {nouns.labels} against their number of examples. Among the rarest, the mean is "
        f"{number(before)} under {base} and {number(after)} under {other}.",
    )


def reliability(panels: Mapping[str, Mapping[str, Reliability]], base: str) -> Figure:
    """Accuracy against confidence, per title of a panel and name of a remedy."""
    rows = [
        {
            "panel": title,
            "side": "before" if name == base else "after",
            "confidence": float(c),
            "accuracy": float(a),
            "tip": f"{name}: {percent(float(c))} sure, {percent(float(a))} right",
        }
        for title, tables in panels.items()
        for name, table in tables.items()
        for c, a in zip(table.confidence, table.accuracy, strict=True)
    ]

    specs = dict.fromkeys(spec for tables in panels.values() for spec in tables)

    def draw(size: Size) -> Any:
        side = size.pick(345, 258)

        def panel(title: str) -> Any:
            x = alt.X(
                "confidence:Q",
                scale=alt.Scale(domain=[0, 1]),
                axis=axis(title="stated confidence", values=[0, 0.25, 0.5, 0.75, 1], format=".0%", grid=False),
            )
            y = alt.Y(
                "accuracy:Q",
                scale=alt.Scale(domain=[0, 1]),
                axis=axis(title="share that is right", values=[0, 0.25, 0.5, 0.75, 1], format=".0%"),
            )
            colour = alt.Color(
                "side:N", scale=alt.Scale(domain=["before", "after"], range=[MUTED, ACCENT]), legend=None
            )
            ideal = (
                alt.Chart(data([{"confidence": 0, "accuracy": 0}, {"confidence": 1, "accuracy": 1}]))
                .mark_line(color=INK, strokeWidth=1, strokeDash=[3, 3], aria=False)
                .encode(x=x, y=y)
            )
            chart = alt.Chart(data([r for r in rows if r["panel"] == title])).encode(x=x, y=y, color=colour)
            return layer(
                [
                    ideal,
                    chart.mark_line(strokeWidth=2, opacity=0.6, aria=False),
                    chart.transform_filter("datum.side === 'before'")
                    .mark_point(shape="circle", size=46, strokeWidth=2, fill=PAPER, opacity=1)
                    .encode(description="tip:N"),
                    chart.transform_filter("datum.side === 'after'")
                    .mark_point(shape="circle", filled=True, size=56, opacity=1)
                    .encode(description="tip:N"),
                ],
                width=side,
                height=side,
                title=alt.Title(title, anchor="start", color=INK, fontSize=13, fontWeight=600, offset=8),
            )

        made = [panel(title) for title in panels]
        return stacked(made, 28) if size.narrow else abreast(made, 56)

    return figure(
        draw,
        "Share of right predictions against stated confidence in bins of equal mass; on the diagonal, confidence can "
        f"be taken at its word. Panels: {', '.join(panels)}; remedies: {', '.join(specs)}.",
    )

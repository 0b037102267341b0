"""The four charts of the page, a line for every rival."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from evenshelf.report.axes import STEP, names_axis, plot_width
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
from evenshelf.study.statistics import Estimate
from evenshelf.study.wording import signed
from examples.sports_shoes.contest import CHOICE, FULL, NOTHING
from examples.sports_shoes.measures import MEASURES, Measured

YARDSTICKS = (NOTHING, FULL)
PRICES = {"confused": "confused with it", "head": "head", "others": "all other classes"}
"""Titles of the panels."""
ENDS = (ACCENT, OTHER, SOFT, MUTED, INK, RULE)


def broken(name: str, size: Size) -> str:
    """A name for the axis, in lines where there is little room."""
    if not size.narrow:
        return name
    return name.replace(" + ", "\n+ ").replace(", ", ",\n").replace(" and ", "\nand ")


def won_figure(found: Measured, order: Sequence[str]) -> Figure:
    """F1 of the class with intervals."""

    def draw(size: Size) -> Any:
        return _whiskers([(n, found.values[n]["f1"]) for n in order], "", plot_width(size), size, at=_floor(found))

    return figure(
        draw,
        f"F1 of the thinned class with 95 % intervals: {number(_floor(found))} by doing nothing, "
        f"{number(found.values[FULL]['f1'].value)} with all rows. The table below holds the same numbers.",
    )


def balance_figure(found: Measured, order: Sequence[str]) -> Figure:
    """Recall and precision of the class: what is found, and what is found rightly."""

    def draw(size: Size) -> Any:
        rows = [
            {
                "line": broken(n, size),
                "recall": found.values[n]["recall"].value,
                "precision": found.values[n]["precision"].value,
                "tip": f"{n}: recall {number(found.values[n]['recall'].value)}, precision "
                f"{number(found.values[n]['precision'].value)}",
            }
            for n in order
        ]
        x = alt.Scale(domain=[0, 1], nice=False)
        ticks = axis(tickCount=size.pick(10, 5), format=".1~f")
        base = alt.Chart(data(rows)).encode(
            y=alt.Y("line:N", sort=[r["line"] for r in rows], axis=names_axis(size)), description="tip:N"
        )
        return layer(
            [
                base.mark_rule(strokeWidth=2.5, color=SOFT, aria=False).encode(
                    x=alt.X("recall:Q", scale=x, axis=ticks), x2="precision:Q"
                ),
                base.mark_point(shape="circle", size=70, strokeWidth=2, color=OTHER, fill=PAPER, opacity=1).encode(
                    x=alt.X("precision:Q", scale=x)
                ),
                base.mark_point(shape="circle", filled=True, size=90, color=ACCENT, opacity=1).encode(
                    x=alt.X("recall:Q", scale=x)
                ),
            ],
            width=plot_width(size),
            height=alt.Step(size.pick(STEP, _tall(rows))),
        )

    return figure(draw, "Recall and precision of the thinned class for every line, joined.")


def price_figure(found: Measured, order: Sequence[str]) -> Figure:
    """Changes of all other classes, in panels."""
    lines = [n for n in order if n not in YARDSTICKS]
    told = [key for key in PRICES if math.isfinite(found.changes[NOTHING][key].value)]

    def draw(size: Size) -> Any:
        width = plot_width(size) if size.narrow else (plot_width(size) - 24 * (len(told) - 1)) // len(told)
        panels = [
            _whiskers(
                [(n, found.changes[n][key]) for n in lines],
                PRICES[key],
                width,
                size,
                at=0.0,
                labels=size.narrow or place == 0,
                change=True,
            )
            for place, key in enumerate(told)
        ]
        return stacked(panels, 24) if size.narrow else abreast(panels, 24)

    return figure(
        draw,
        f"Differences to doing nothing with 95 % intervals for {len(lines)} lines, in panels: "
        f"{', '.join(MEASURES[key] for key in told)}.",
    )


def ends_figure(found: Measured, order: Sequence[str], names: Sequence[str]) -> Figure:
    """What the rows of the class are answered as."""
    total = found.tested[0]

    def draw(size: Size) -> Any:
        rows: list[dict[str, Any]] = []
        start = dict.fromkeys(order, 0.0)
        for place, end in enumerate(names):
            for n in order:
                share = found.ends[n][place] / total
                rows.append(
                    {
                        "line": broken(n, size),
                        "end": end,
                        "from": start[n],
                        "to": start[n] + share,
                        "tip": f"{n}: {100 * share:.1f} % as {end}",
                    }
                )
                start[n] += share
        # as spans and not stacked: Vega would clip every bar by a path with a name of its own, new in every run
        return layer(
            [
                alt.Chart(data([r for r in rows if r["to"] > r["from"]]))
                .mark_bar(height=14)
                .encode(
                    x=alt.X(
                        "from:Q",
                        scale=alt.Scale(domain=[0, 1], nice=False),
                        axis=axis(tickCount=5, format="%"),
                    ),
                    x2="to:Q",
                    y=alt.Y("line:N", sort=[broken(n, size) for n in order], axis=names_axis(size)),
                    color=alt.Color("end:N", scale=alt.Scale(domain=list(names), range=_colours(names)), legend=None),
                    description="tip:N",
                )
            ],
            width=plot_width(size),
            height=alt.Step(size.pick(STEP, _tall(rows))),
        )

    base = found.ends[NOTHING]
    return figure(
        draw,
        f"Of {total} rows of the class {base[0]} are answered rightly by doing nothing, and "
        f"{found.ends[CHOICE][0]} by {CHOICE}.",
    )


def ends_keys(names: Sequence[str]) -> list[tuple[str, str]]:
    """Colour, as the style sheet calls it, and name of each part of a bar."""
    called = {ACCENT: "accent", OTHER: "other", SOFT: "soft", MUTED: "muted", INK: "ink", RULE: "rule"}
    return [(called[colour], name) for colour, name in zip(_colours(names), names, strict=True)]


def _colours(names: Sequence[str]) -> list[str]:
    return [*ENDS[: len(names) - 1], ENDS[-1]]


def _floor(found: Measured) -> float:
    return found.values[NOTHING]["f1"].value


def _tall(rows: Sequence[dict[str, Any]]) -> int:
    """Height of a line on phones, where names have several."""
    return max(STEP + 4, 14 * max(str(row["line"]).count("\n") + 1 for row in rows) + 6)


def _whiskers(
    lines: Sequence[tuple[str, Estimate]],
    title: str,
    width: int,
    size: Size,
    *,
    at: float,
    labels: bool = True,
    change: bool = False,
) -> Any:
    kinds = {CHOICE: "choice", NOTHING: "yardstick", FULL: "yardstick"}
    rows: list[dict[str, Any]] = [
        {
            "line": broken(name, size),
            "value": e.value,
            "low": e.low,
            "high": e.high,
            "kind": kinds.get(name, "family"),
            "tip": f"{name}: {signed(e.value) if change else number(e.value)}, "
            f"{signed(e.low) if change else number(e.low)} to {signed(e.high) if change else number(e.high)}",
        }
        for name, e in lines
        if math.isfinite(e.value)
    ]
    ends = [value for row in rows for value in (row["low"], row["high"])] + [at]
    room = 0.05 * (max(ends) - min(ends)) + 0.001
    x = alt.Scale(domain=[min(ends) - room, max(ends) + room], nice=False)
    y = alt.Y("line:N", sort=[r["line"] for r in rows], axis=names_axis(size) if labels else None)
    scale = alt.Scale(domain=["choice", "family", "yardstick"], range=[OTHER, ACCENT, MUTED])
    base = alt.Chart(data(rows)).encode(y=y, color=alt.Color("kind:N", scale=scale, legend=None))
    ticks = axis(
        tickCount=size.pick(4 if change else 8, 4),
        format="+.2~f" if change else ".2~f",
        labelOverlap="greedy",
        labelSeparation=8,
    )
    points = base.encode(x=alt.X("value:Q", scale=x, axis=ticks), description="tip:N")
    more = (
        {"title": alt.Title(title, anchor="start", color=INK, fontSize=13, fontWeight=600, offset=8)} if title else {}
    )
    return layer(
        [
            alt.Chart(data([{"x": at}]))
            .mark_rule(color=INK, strokeWidth=1, strokeDash=[3, 3], aria=False)
            .encode(x=alt.X("x:Q", scale=x)),
            base.mark_rule(strokeWidth=2.5, strokeCap="round", opacity=0.45, aria=False).encode(
                x=alt.X("low:Q", scale=x, title=None), x2="high:Q"
            ),
            points.transform_filter("datum.kind !== 'yardstick'").mark_point(
                shape="circle", filled=True, size=90, opacity=1
            ),
            points.transform_filter("datum.kind === 'yardstick'").mark_point(
                shape="diamond", filled=True, size=80, opacity=1
            ),
        ],
        width=width,
        height=alt.Step(size.pick(STEP, _tall(rows))),
        **more,
    )

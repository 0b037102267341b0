"""The page and the printed table: what each step changed, and words that nobody wrote."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt

from evenshelf import LabelTask
from evenshelf.report import page
from evenshelf.report.axes import STEP, names_axis, plot_width
from evenshelf.report.numbers import count, number
from evenshelf.report.svg import ACCENT, MUTED, OTHER, PAPER, RULE, Figure, Size, axis, data, figure, layer
from evenshelf.study.wording import percent, seconds, signed
from examples.classic_recipe.ladder import METRICS, Found, Step

TITLES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "tail_f1": "tail F1"}


def changes(steps: tuple[Step, ...]) -> list[dict[str, float]]:
    """Per step and metric what it adds to the step before; none for the first."""
    return [{}] + [
        {metric: after.values[metric] - before.values[metric] for metric in METRICS}
        for before, after in pairwise(steps)
    ]


def table(found: Found) -> str:
    """For a terminal."""
    head = f"{'step':<20}{'rows':>8}{'classes':>9}" + "".join(f"{TITLES[m]:>18}" for m in METRICS) + f"{'CPU':>10}"
    lines = [head]
    for step, change in zip(found.steps, changes(found.steps), strict=True):
        cells = "".join(
            f"{number(step.values[m]) + (f' ({signed(change[m])})' if change else ''):>18}" for m in METRICS
        )
        cost = seconds(step.seconds) if step.seconds else "-"
        lines.append(f"{step.name:<20}{count(step.rows):>8}{step.classes:>9}{cells}{cost:>10}")
    return "\n".join(lines)


def sentences(found: Found) -> list[str]:
    """What the steps come to, every number from the runs."""
    first, last, by_name = found.steps[0], found.steps[-1], {step.name: step for step in found.steps}
    split, asked = by_name["Split by titles"], by_name["All classes asked"]
    repeats, dropped, words = found.repeats, found.dropped, found.words
    told: list[str] = []
    told.append(
        f"The recipe reports an accuracy of {number(first.values['accuracy'])}. "
        f"{percent(repeats.rows / repeats.of)} of its {count(repeats.of)} test titles stand in the training part as "
        f"well, equal or nearly so: on these it is {number(repeats.seen)}, on the others {number(repeats.unseen)}. "
        f"With such titles on one side, accuracy is {number(split.values['accuracy'])}."
    )
    told.append(
        f"To let SMOTE run, {count(dropped.classes)} of {count(dropped.of_classes)} classes with "
        f"{count(dropped.rows)} of {count(dropped.of_rows)} rows were dropped, the rarest ones. Asked for all classes "
        f"of the test part, the same model has a macro-F1 of {number(asked.values['macro_f1'])} instead of "
        f"{number(split.values['macro_f1'])}."
    )
    if words.made:
        told.append(
            f"SMOTE made {count(words.made)} rows of word numbers. {percent(words.unwritten / words.made)} of them say "
            f"what no title of the catalogue says, not even in another order; {percent(words.foreign / words.made)} "
            "hold a word that no training title of their class holds."
        )
    told.append(
        f"A linear head on pretrained vectors under {found.heads.best}, chosen by a study of the training rows, has a "
        f"macro-F1 of {number(last.values['macro_f1'])} and a tail F1 of {number(last.values['tail_f1'])} on the same "
        f"classes, in {seconds(last.seconds)} of CPU time, where the recipe took {seconds(first.seconds)}."
    )
    return told


def ladder_figure(found: Found) -> Figure:
    """A line for every step with its three metrics."""

    def draw(size: Size) -> Any:
        rows = [
            {
                "step": step.name,
                "metric": metric,
                "value": step.values[metric],
                "tip": f"{step.name}: {TITLES[metric]} {number(step.values[metric])}",
            }
            for step in found.steps
            for metric in METRICS
            if math.isfinite(step.values[metric])
        ]
        spans = [
            {"step": step.name, "low": min(known), "high": max(known)}
            for step in found.steps
            if (known := [v for v in step.values.values() if math.isfinite(v)])
        ]
        order = [step.name for step in found.steps]
        x = alt.Scale(domain=[0, 1], nice=False)
        y = alt.Y("step:N", sort=order, axis=names_axis(size))
        ticks = axis(tickCount=size.pick(10, 5), format=".1~f")
        base = alt.Chart(data(rows)).encode(x=alt.X("value:Q", scale=x, axis=ticks), y=y, description="tip:N")
        marks = {"accuracy": (MUTED, PAPER), "macro_f1": (ACCENT, ACCENT), "tail_f1": (OTHER, OTHER)}
        return layer(
            [
                alt.Chart(data(spans))
                .mark_rule(strokeWidth=2, color=RULE, aria=False)
                .encode(x=alt.X("low:Q", scale=x, axis=ticks), x2="high:Q", y=y),
                *(
                    base.transform_filter(f"datum.metric === '{metric}'").mark_point(
                        shape="circle", size=80, strokeWidth=2, color=colour, fill=fill, opacity=1
                    )
                    for metric, (colour, fill) in marks.items()
                ),
            ],
            width=plot_width(size),
            height=alt.Step(size.pick(STEP, STEP + 4)),
        )

    first, last = found.steps[0], found.steps[-1]
    return figure(
        draw,
        f"Accuracy, macro-F1 and tail F1 of {len(found.steps)} steps. Macro-F1 goes from "
        f"{number(first.values['macro_f1'])} to {number(last.values['macro_f1'])}.",
    )


def write_page(found: Found, task: LabelTask, out: Path) -> Path:
    """Write it to one file that needs nothing else."""
    document = page.render(
        "page.html",
        folder=Path(__file__).parent,
        found=found,
        steps=list(zip(found.steps, changes(found.steps), strict=True)),
        sentences=sentences(found),
        figure=ladder_figure(found),
        metrics=TITLES,
        rows=len(task.target),
        classes=len(task.classes),
        largest=int(task.counts[0]),
        smallest=int(task.counts[-1]),
        groups=len(set(task.group.tolist())),
    )
    return page.write(document, out)

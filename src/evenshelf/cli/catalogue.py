"""Commands that list what there is: remedies, makers of texts, encoders, learners, baselines, tasks."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenshelf.cli.app import JsonOption, app, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from evenshelf.remedies import Remedy


@app.command()
def remedies(
    spec: Annotated[str | None, typer.Argument(help="One remedy in detail, such as smote.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """List the remedies against imbalance: what they compute, their parameters, who proposed them.

    A spec names a remedy, with parameters in brackets where they are not to be
    tuned; specs are joined with +.

    For example:

      evenshelf remedies

      evenshelf remedies smote

      evenshelf remedies "smote(k=3) + logit_adjust(tau=0.5)" --json
    """
    from evenshelf.remedies import catalogue, parse  # noqa: PLC0415 - keeps --help and --version fast
    from evenshelf.remedies.sets import SETS  # noqa: PLC0415

    if spec is not None:
        remedy = parse(spec)
        described = [_described(part) for part in remedy.parts]
        show(_details(described), {"spec": remedy.spec, "remedies": described} if as_json else None)
        return
    described = [_described(kind()) for kind in catalogue().values()]
    show(_list(described, SETS), {"remedies": described, "sets": SETS} if as_json else None)


@app.command()
def makers(as_json: JsonOption = False) -> None:
    """List what makes texts out of texts, for text augmentation.

    A study compares each with as many copies of the texts that it made others
    of.

    For example:

      evenshelf makers

      evenshelf study myshop --remedies "balanced, augment_texts(maker='slots')"

      evenshelf study myshop --remedies texts
    """
    from evenshelf.augmentation import maker_kinds  # noqa: PLC0415
    from evenshelf.augmentation.base import settings_of  # noqa: PLC0415

    kinds = list(maker_kinds().values())
    lines = [
        {
            "name": k.name,
            "title": k.title,
            "languages": k.languages,
            "needs_labels": k.needs_labels,
            "needs_descriptions": k.needs_context,
            "settings": settings_of(k),
            "paper": k.paper,
        }
        for k in kinds
    ]
    told = [(k.name, f"{k.title}. Languages: {k.languages}.") for k in kinds]
    show(_kinds("maker", told), {"makers": lines} if as_json else None)


@app.command()
def encoders(as_json: JsonOption = False) -> None:
    """List the encoders, which turn texts into vectors.

    For example:

      evenshelf encoders

      evenshelf study myshop --encoder st:paraphrase-multilingual-MiniLM-L12-v2
    """
    from evenshelf.encoders import encoder_kinds  # noqa: PLC0415

    kinds = list(encoder_kinds().values())
    lines = [{"name": k.name, "usage": k.usage, "summary": k.summary, "fitted": k.fitted} for k in kinds]
    show(_kinds("spec", [(k.usage, k.summary) for k in kinds]), {"encoders": lines} if as_json else None)


@app.command()
def learners(as_json: JsonOption = False) -> None:
    """List the learners: of labels, on vectors; of recommendation, on histories; of search, on candidates.

    For example:

      evenshelf learners

      evenshelf study myshop --learner heads

      evenshelf study myshop --learner learners.py:make

      evenshelf study myshop --task recommend --learner lent

      evenshelf study myshop --task search --learner lambdamart
    """
    from rich.console import Group  # noqa: PLC0415

    from evenshelf.learners import learner_kinds  # noqa: PLC0415
    from evenshelf.learners.ranking.registry import ranking_learners  # noqa: PLC0415
    from evenshelf.learners.search.registry import search_learners  # noqa: PLC0415
    from evenshelf.rankers.answering import AFTERWARDS  # noqa: PLC0415

    found = [("labels", k.name, k.summary, [*k.stages], "") for k in learner_kinds().values()]
    for learner in ranking_learners().values():
        order = " It reads the order of steps." if learner.directed else ""
        found.append(("lists", learner.name, learner.summary, [*learner.stages, *AFTERWARDS], order))
    found += [("searches", k.name, k.summary, [*k.stages, *k.afterwards], "") for k in search_learners().values()]
    lines = [
        {"name": name, "answers": of, "summary": summary, "stages": [stage.value for stage in stages]}
        for of, name, summary, stages, _ in found
    ]
    tables = [
        _kinds(
            f"learner of {wanted}",
            [
                (name, f"{summary}{order} Honours: {', '.join(stage.value for stage in stages)}.")
                for of, name, summary, stages, order in found
                if of == wanted
            ],
        )
        for wanted in ("labels", "lists", "searches")
    ]
    show(Group(tables[0], "", tables[1], "", tables[2]), {"learners": lines} if as_json else None)


@app.command()
def baselines(as_json: JsonOption = False) -> None:
    """List the baselines, other models that a study tells beside the remedies.

    They are fitted in the same folds and are never recommended. Those on the
    vectors and those that read texts may take minutes. Of recommendation they
    are its other learners; see: evenshelf learners.

    For example:

      evenshelf baselines

      evenshelf study myshop --baselines words,zero_shot,lightgbm
    """
    from evenshelf.baselines import baseline_kinds  # noqa: PLC0415

    kinds = list(baseline_kinds().values())
    lines = [
        {"name": k.name, "title": k.title, "summary": k.summary, "reads": k.reads.value, "paper": k.paper}
        for k in kinds
    ]
    show(_kinds("baseline", [(k.name, k.summary) for k in kinds]), {"baselines": lines} if as_json else None)


@app.command()
def tasks(as_json: JsonOption = False) -> None:
    """List the tasks, the questions that can be asked of a shop.

    For example:

      evenshelf tasks

      evenshelf study myshop --task label --target brand
    """
    from evenshelf.tasks import task_kinds  # noqa: PLC0415

    kinds = list(task_kinds().values())
    lines = [{"name": k.name, "summary": k.summary} for k in kinds]
    show(_kinds("task", [(k.name, k.summary) for k in kinds]), {"tasks": lines} if as_json else None)


def _described(remedy: Remedy) -> dict[str, Any]:
    """What there is to know of a remedy, ready for JSON."""
    description = inspect.getdoc(type(remedy)) or ""
    return {
        "name": remedy.name,
        "spec": remedy.spec,
        "title": remedy.title,
        "families": [str(family) for family in remedy.families],
        "stages": [str(stage) for stage in remedy.stages],
        "summary": " ".join(description.split("\n\n")[0].split()),
        "description": description,
        "formula": remedy.formula,
        "parameters": [
            {
                "name": field.name,
                "default": field.default,
                "value": getattr(remedy, field.name),
                "grid": list(remedy.grid.get(field.name, ())),
                "tuned": field.name in remedy.grid and getattr(remedy, field.name) == field.default,
            }
            for field in dataclasses.fields(remedy)
        ],
        "neutral": None if remedy.neutral is None else dict(remedy.neutral),
        "combinations": len(remedy.settings),
        "paper": remedy.paper,
    }


def _list(described: Sequence[dict[str, Any]], sets: dict[str, str]) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    table.add_column("remedy", no_wrap=True)
    for name in ("acts at", "what it is", "parameters"):
        table.add_column(name)
    for one in described:
        given = ", ".join(f"{p['name']}={p['default']!r}" for p in one["parameters"])
        table.add_row(
            Text(one["name"], "bold cyan"),
            Text(", ".join(one["stages"])),
            Text(one["title"]),
            Text(given, "bright_black"),
        )
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, meaning in sets.items():
        grid.add_row(Text(name, "bold cyan"), Text(meaning))
    more = Text("Details and papers: evenshelf remedies NAME. Join remedies with +, as in ", "bright_black")
    more.append("smote + logit_adjust(tau=0.5)", "cyan")
    return Group(table, "", Text("Sets", "bold"), Padding(grid, (0, 0, 0, 2)), "", more)


def _details(described: Sequence[dict[str, Any]]) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    parts: list[RenderableType] = []
    for one in described:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="bright_black", no_wrap=True)
        grid.add_column()
        grid.add_row("family", Text(" + ".join(one["families"])))
        grid.add_row("acts at", Text(", ".join(one["stages"]) or "no stage"))
        grid.add_row("computes", Text(one["formula"]))
        for p in one["parameters"]:
            if p["tuned"]:
                tried = f"; tried: {', '.join(map(repr, p['grid']))}"
            else:
                tried = f"; fixed at {p['value']!r}" if p["value"] != p["default"] else "; not tuned"
            grid.add_row("parameter", Text.assemble((p["name"], "cyan"), f"  default {p['default']!r}{tried}"))
        if one["neutral"]:
            neutral = ", ".join(f"{name}={value!r}" for name, value in one["neutral"].items())
            grid.add_row("neutral", Text(f"{neutral}: does nothing"))
        grid.add_row("paper", Text(one["paper"]))
        head = Text.assemble((one["spec"], "bold cyan"), f"  {one['title']}")
        summary = Text(one["summary"])
        parts += [head, Padding(Group(summary, "", grid), (0, 0, 0, 2)), ""]
    return Group(*parts[:-1])


def _kinds(head: str, lines: Sequence[tuple[str, str]]) -> RenderableType:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    table.add_column(head, no_wrap=True)
    table.add_column("what it is")
    for name, summary in lines:
        table.add_row(Text(name, "bold cyan"), Text(summary))
    return table

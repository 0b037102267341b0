"""Plans, readouts and assignments for the terminal, as rich renderables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from evenshelf.experiments.wording import conclusions, headline, p_words, percent, plan_sentences, signed_percent

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evenshelf.experiments.assignment import Assigned
    from evenshelf.experiments.lines import Line
    from evenshelf.experiments.planning import Plan
    from evenshelf.experiments.reading_out import Readout


def readout_report(found: Readout) -> RenderableType:
    """What came of an experiment; of groups the primary metric alone, since the report and JSON have all."""
    parts: list[RenderableType] = [Text(headline(found), "bold"), Text(), _lines(found, found.lines, "")]
    for lines, what in ((found.by_items, "items"), (found.by_users, "users")):
        primary = [line for line in lines if line.role == "primary"]
        if primary:
            parts += [Text(), _lines(found, primary, what)]
    parts += [Text(), *_sentences(conclusions(found)), *_notes(found.notes)]
    return Group(*parts)


def plan_report(found: Plan) -> RenderableType:
    """What an experiment would take."""
    table = _table("days", f"{found.unit}s", found.metric.name, "found from", f"chance of {percent(found.effect)}")
    for one in found.lengths:
        table.add_row(
            str(one.days),
            f"{one.power.units:,}",
            f"{one.value:.4g}",
            percent(one.power.detectable) if math.isfinite(one.power.detectable) else "–",
            percent(one.power.reached) if math.isfinite(one.power.reached) else "–",
        )
    return Group(table, Text(), *_sentences(plan_sentences(found)), *_notes(found.notes))


def assigned_report(found: Mapping[str, Mapping[str, Assigned]]) -> RenderableType:
    """Who gets what."""
    table = _table("unit", "experiment", "variant", "propensity")
    for unit, given in found.items():
        for name, one in given.items():
            table.add_row(unit, name, one.variant + (" (by hand)" if one.overridden else ""), f"{one.propensity:g}")
        if not given:
            table.add_row(unit, "–", "–", "–")
    return table


def _lines(found: Readout, lines: Sequence[Line], what: str) -> Table:
    several = len(found.experiment.treatments) > 1
    names = ("metric", *(["variant"] if several else []), "control", "value", "change", "interval", "p")
    table = _table(*([what] if what else []), *names)
    for line in lines:
        one, style = line.effect, ""
        if line.significant(found.how.alpha) and not found.ratio.mismatch:
            style = "green" if line.better else "red"
        table.add_row(
            *([line.items or line.users] if what else []),
            line.metric.name,
            *([line.variant] if several else []),
            f"{one.control:.4g}",
            f"{one.variant:.4g}",
            Text(signed_percent(one.relative), style),
            f"{signed_percent(one.relative_low)} … {signed_percent(one.relative_high)}",
            p_words(line.p_corrected).removeprefix("p ").removeprefix("= "),
        )
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(names):
        table.add_column(
            name, style="cyan" if place == 0 else "", justify="left" if place < 2 else "right", no_wrap=True
        )
    return table


def _sentences(told: Sequence[str]) -> list[Text]:
    return [Text.assemble(("• ", "green"), sentence) for sentence in told]


def _notes(notes: Sequence[str]) -> list[Text]:
    return [Text(f"! {note}", "yellow") for note in notes]

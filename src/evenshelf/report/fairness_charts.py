"""The chart of who gains and who loses: a line for each value of each trait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from evenshelf.report.axes import change_format
from evenshelf.report.interval_charts import interval_panel
from evenshelf.report.svg import Figure, Size, axis, figure, stacked
from evenshelf.study.fairness_wording import called, values_sentence
from evenshelf.study.search_fairness import SearchFairness
from evenshelf.study.search_fairness_wording import parts_sentence
from evenshelf.study.wording import probability, signed

if TYPE_CHECKING:
    from evenshelf.study.fairness import Found
    from evenshelf.study.trait_fairness import TraitValue

LINES = 12
"""Values of a trait that are drawn; the table holds all."""
UNSEEN = "\u200b"
"""Takes no room: makes names that look alike different."""


def drawn(found: Found, trait: str) -> list[TraitValue]:
    """The values of a trait that are drawn, in their order: those shown to change, then those with most examples."""
    values = [v for v in found.values if v.trait == trait]
    first = sorted(values, key=lambda v: (not found.shown(v), -v.examples))[:LINES]
    return [v for v in values if v in first]


def trait_changes(found: Found) -> Figure | None:
    """Change of what is measured with its interval, one panel a trait; ``None`` where no trait is told of."""
    traits = list(dict.fromkeys(v.trait for v in found.values))
    if not traits:
        return None
    lines = {trait: drawn(found, trait) for trait in traits}
    every = [v.diff for values in lines.values() for v in values]
    low, high = min(-0.01, *(d.low for d in every)), max(0.01, *(d.high for d in every))
    scale = alt.Scale(domain=[low * 1.04, high * 1.04], nice=False)

    def panel(trait: str, size: Size) -> Any:
        rows = [_row(v, found) for v in lines[trait]]
        # two values may look alike: an unknown brand, and a brand that is called so
        names = [row["name"] + UNSEEN * n for n, row in enumerate(rows)]
        for row, name in zip(rows, names, strict=True):
            row["name"] = name
        ticks = axis(tickCount=5, format=change_format(low, high), labelOverlap="greedy", labelSeparation=10)
        return interval_panel(rows, trait, size, scale=scale, ticks=ticks)

    def draw(size: Size) -> Any:
        return stacked([panel(trait, size) for trait in traits], 24)

    return figure(draw, f"Dots with 95 % intervals, a line for each value. {_said(found)}")


def _said(found: Found) -> str:
    return parts_sentence(found) if isinstance(found, SearchFairness) else values_sentence(found)


def _row(v: TraitValue, found: Found) -> dict[str, Any]:
    kind = "unclear" if not found.shown(v) else "gain" if v.diff.value > 0 else "loss"
    name = " ".join(called(v).split())
    return {
        "name": name,
        "value": v.diff.value,
        "low": v.diff.low,
        "high": v.diff.high,
        "kind": kind,
        "tip": f"{name}, {v.examples:,} {found.examples}: {signed(v.diff.value)}, {signed(v.diff.low)} to "
        f"{signed(v.diff.high)}; {probability(v.p_holm)} corrected",
    }

"""What a search of settings has found, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from evenshelf.plurals import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evenshelf.learners.finetune.trials import Found

SHOWN = 12
"""So many trials at most; --json has all."""


def found_report(found: Found) -> RenderableType:
    """Return the trials, the best first, and what to think of them; the command of a study is to follow.

    Parameters
    ----------
    found
        With at least one trial that came to its end.
    """
    best, metric, remedy = found.best, found.asked.metric, found.asked.parsed
    tried = counted(len(found.trials), "trial", "trials")
    whole = sorted((one for one in found.trials if one.score is not None), key=lambda one: -(one.score or 0.0))
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title, side in (("trial", "right"), (metric, "right"), ("CPU min", "right"), ("learner", "left")):
        table.add_column(title, justify="right" if side == "right" else "left", overflow="fold")
    for one in whole[:SHOWN]:
        cells = (str(one.number + 1), f"{one.score:.3f}", f"{one.seconds / 60:.1f}", one.learner)
        table.add_row(*cells, style="bold" if one == best else "")
    early = len(found.trials) - len(whole)
    lines: list[RenderableType] = [
        Text(f"The best of {tried}: {metric} {best.score:.3f} under {remedy}."),
        table,
        Text(
            f"{found.rows:,} rows tuned to, {found.held:,} held out. {counted(early, 'trial', 'trials')} ended early"
            + (
                f", {counted(len(whole) - SHOWN, 'more trial', 'more trials')} not shown."
                if len(whole) > SHOWN
                else "."
            ),
            "bright_black",
        ),
        *([Text("A trial ran out of time: the same command goes on with it.", "bright_black")] if found.left else []),
        Text(
            "These rows chose the settings, so the score flatters them. What they are worth is told by a study:",
            "yellow",
        ),
    ]
    return Group(*lines)

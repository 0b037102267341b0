"""Progress of a study on a terminal or in a notebook: what is done, how far it is, how long it will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Task

WINDOW = 120.0
"""Seconds of work from which the time left is judged: steps come in lumps of a few seconds."""


class TimeLeft(ProgressColumn):
    """The time left in words, as soon as there is something to judge it by."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """Return nothing, or "about 2:05 left"."""
        if task.time_remaining is None or not task.total or task.finished:
            return Text()
        minutes, seconds = divmod(round(task.time_remaining), 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        return Text(f"about {clock} left", "cyan")


@contextmanager
def progress_bar(console: Console, words: str, *, shown: bool = True) -> Iterator[Callable[..., None]]:
    """Show one bar while the block runs; yields ``tell(done, total, words)``.

    Nothing is shown where the console is neither a terminal nor a notebook.

    Parameters
    ----------
    words
        What is done, until `tell` gives other words.
    """
    visible = shown and (console.is_terminal or console.is_jupyter)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeLeft(),
    )
    with Progress(*columns, console=console, transient=True, disable=not visible, speed_estimate_period=WINDOW) as bars:
        task = bars.add_task(words, total=None)

        def tell(done: float, total: float, words: str | None = None) -> None:
            bars.update(task, description=words, completed=done, total=total)

        yield tell

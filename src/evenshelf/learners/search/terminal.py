"""What rankings are worth, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from rich.console import Group
from rich.table import Table
from rich.text import Text

from evenshelf.plurals import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evenshelf.tasks.search import SearchTask

_TITLES = {
    "ndcg_at_10": "NDCG@10",
    "judged_ndcg_at_10": "judged alone",
    "mrr": "MRR",
    "recall_at_50": "recall@50",
    "judged_at_10": "judged",
    "zero_results": "empty",
}
_OVER = {"queries": "{} queries", "items": "{} items", "script": "in {}"}
_FEW = 10


def quality_report(table: pl.DataFrame, task: SearchTask) -> RenderableType:
    """Return how well search answers, over all queries and over parts of them."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("", no_wrap=True)
    shown.add_column("queries", justify="right")
    for title in _TITLES.values():
        shown.add_column(title, justify="right", no_wrap=True)
    every: dict[str, dict[str, float]] = {}
    for (over, part), rows in table.group_by("over", "part", maintain_order=True):
        values = {str(row["metric"]): row for row in rows.iter_rows(named=True)}
        every = every or values
        name = str(part) if over == "all" else _OVER[str(over)].format(part)
        asked = f"{values['ndcg_at_10']['queries']:,}" if "ndcg_at_10" in values else "0"
        cells = [_cell(values.get(metric)) for metric in _TITLES]
        shown.add_row(name, asked, *cells, style="bold" if over == "all" else "")
    told = counted(int(task.answerable.sum()), "query", "queries")
    source = "what people judged" if task.target == "judgements" else "clicks, with the place of items taken out"
    lines: list[RenderableType] = [
        Text(f"{told} with an item that answers, {len(task.grade):,} pairs, by {source}."),
        shown,
        Text(
            f"95 % intervals over all: NDCG@10 {_interval(every['ndcg_at_10'])}, of the judged items alone "
            f"{_interval(every['judged_ndcg_at_10'])}. What nobody judged counts as irrelevant in the first.",
            "bright_black",
        ),
    ]
    if int(task.answerable.sum()) < _FEW:
        lines.append(Text("So few queries tell little; look at the intervals (--json).", "yellow"))
    for reason, count in task.dropped.items():
        lines.append(Text(f"Left out: {count:,} {reason}.", "bright_black"))
    return Group(*lines)


def _cell(row: dict[str, float] | None) -> str:
    return "-" if row is None else f"{row['value']:.3f}"


def _interval(row: dict[str, float]) -> str:
    return f"[{row['low']:.3f}, {row['high']:.3f}]"

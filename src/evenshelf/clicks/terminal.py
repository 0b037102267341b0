"""Click logs, position bias and compared click models, for the terminal, as rich renderables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from evenshelf.plurals import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evenshelf.clicks.bias import PositionBias
    from evenshelf.clicks.comparing import Comparison
    from evenshelf.clicks.log import ClickLog, Floats

GREY = "bright_black"
MOST_RANKS = 20


def clicks_report(log: ClickLog, bias: PositionBias, comparison: Comparison) -> RenderableType:
    """What the log holds, how much places are looked at, which model predicts clicks, and what to use."""
    parts: list[RenderableType] = [
        Text.assemble(
            (counted(len(log), "row", "rows"), "bold"),
            f" in {counted(log.lists, 'list', 'lists')} of {counted(len(log.queries), 'query', 'queries')}, "
            f"{log.clicked.mean():.1%} clicked",
        )
    ]
    parts += [Text(f"{count:,} rows left out: {reason}.", "yellow") for reason, count in log.left_out.items()]
    parts += [Text(), _bias(bias), Text(), _models(comparison), Text()]
    parts += [_sentence(line) for line in conclusions(bias, comparison)]
    parts += [Text(f"! {note[:1].upper()}{note[1:]}.", "yellow") for note in bias.notes]
    return Group(*parts)


def conclusions(bias: PositionBias, comparison: Comparison) -> list[str]:
    """What follows, in sentences."""
    use, best = comparison.use, comparison.best
    told = []
    told.append(
        f"The place alone explains {comparison.explained:.0%} of what is uncertain of clicks: so many of the bits of a "
        "constant rate the rate by rank saves on held-out lists"
    )
    depth = min(len(bias.examination), 10)
    if depth > 1:
        last = depth - 1
        told.append(
            f"Rank {depth} is looked at {bias.examination[last]:.2f} times as much as rank 1 (95 % interval "
            f"{bias.low[last]:.2f} to {bias.high[last]:.2f})"
        )
    if use is best:
        told.append(f"Use {use.model.name}: no other model predicts held-out clicks as well")
    else:
        told.append(f"Use {use.model.name}: it cannot be told from {best.model.name}, and assumes less")
    return told


def _sentence(words: str) -> Text:
    return Text.assemble(("• ", "green"), f"{words}.")


def _bias(bias: PositionBias) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rank", justify="right", style="cyan")
    for name in ("rows", "click rate", "examination", "95 % interval", "by repeated items"):
        table.add_column(name, justify="right", no_wrap=True)
    second = None if bias.harvest is None else bias.harvest.examination
    with np.errstate(invalid="ignore"):
        rate = bias.clicks / bias.shown
    for place in range(min(len(bias.shown), MOST_RANKS)):
        if not bias.shown[place]:
            continue
        table.add_row(
            str(place + 1),
            f"{bias.shown[place]:,.0f}",
            f"{rate[place]:.3f}",
            f"{bias.examination[place]:.3f}",
            "" if place == 0 else f"{bias.low[place]:.3f} … {bias.high[place]:.3f}",
            "" if second is None or not np.isfinite(second[place]) else f"{second[place]:.3f}",
        )
    more = len(bias.shown) - MOST_RANKS
    if more > 0:
        table.caption = f"and {counted(more, 'rank', 'ranks')} below"
    return table


def _models(comparison: Comparison) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("model", style="cyan")
    for name in ("bits a row", "behind", "95 % interval", "perplexity", "at 10"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in comparison.models:
        best = one is comparison.best
        table.add_row(
            one.model.name,
            f"{one.bits:.4f}",
            "" if best else f"{one.behind:.4f}",
            "" if best else f"{one.low:.4f} … {one.high:.4f}",
            f"{np.nanmean(one.perplexity):.3f}",
            _at(one.perplexity, 10),
        )
    return table


def _at(by_rank: Floats, rank: int) -> str:
    known = len(by_rank) >= rank and np.isfinite(by_rank[rank - 1])
    return f"{by_rank[rank - 1]:.3f}" if known else ""

"""Bundles that recommend and what they show, for the terminal, as rich renderables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evenshelf.bundles.terminal import GREY
from evenshelf.plurals import counted

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from evenshelf.bundles.ranking.manifest import RankingManifest
    from evenshelf.bundles.ranking.recommended import Recommended

_TITLE = 48


def ranking_bundle_report(manifest: RankingManifest, folder: Path) -> RenderableType:
    """What was fitted, on what, why, and where it is."""
    data, remedy, learner = manifest.trained_on, manifest.remedy, manifest.learner
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column()
    users = counted(data["users"], "user", "users")
    facts.add_row("trained on", f"{data['steps']:,} steps of {users}, {manifest.items:,} items")
    setting = ", ".join(f"{name} {value}" for name, value in learner.setting.items())
    facts.add_row("learner", Text.assemble(learner.title, (f"  {setting}" if setting else "", GREY)))
    facts.add_row("remedy", Text.assemble((remedy.spec, "cyan"), "\n", (remedy.chosen, GREY)))
    again = "what a user has may be shown again" if manifest.repeats else "what a user has is left out"
    facts.add_row("lists", again)
    kept = "kept in the bundle, by the ids of the users" if manifest.histories else "not kept"
    facts.add_row("histories", kept)
    study = manifest.evidence.get("study")
    if study:
        facts.add_row("study", Text(study["headline"]))
    notes = [Text(f"- {note[:1].upper()}{note[1:]}.", GREY) for note in manifest.notes]
    done = Text.assemble(("✓ ", "green"), (str(folder), "bold"))
    return Group(facts, *([Text(), *notes] if notes else []), Text(), done)


def recommended_report(found: Recommended) -> RenderableType:
    """A list with its reasons, and what it rests on."""
    table = Table(box=None, pad_edge=False)
    table.add_column("", justify="right", style=GREY)
    table.add_column("item", style="cyan")
    table.add_column("title", overflow="fold")
    table.add_column("why", style=GREY, overflow="fold")
    for one in found.shown:
        title = one.title if len(one.title) <= _TITLE else f"{one.title[: _TITLE - 1]}…"
        table.add_row(str(one.place), Text(one.item), Text(title), Text(one.why))
    told = []
    if found.unknown:
        some = ", ".join(found.unknown[:5]) + (" ..." if len(found.unknown) > 5 else "")
        told.append(Text(f"Not known to the bundle, and left out: {some}.", "yellow"))
    if not found.history:
        told.append(Text("There is no history to go by, so this is what is popular.", GREY))
    else:
        told.append(Text(f"By {counted(len(found.history), 'step', 'steps')} of history.", GREY))
    told += [Text(f"{note[:1].upper()}{note[1:]}.", "yellow") for note in found.notes]
    return Group(Padding(table, (0, 0, 1, 0)), *told)

"""Bundles and what they say, for the terminal, as rich renderables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evenshelf.plurals import counted, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from evenshelf.bundles.labelling import Labelled
    from evenshelf.bundles.manifest import Manifest

GREY = "bright_black"
_TITLE = 60
_SET = 3


def bundle_report(manifest: Manifest, folder: Path) -> RenderableType:
    """What was fitted, on what, why, how good it is, and where it is."""
    nouns, data = manifest.nouns, manifest.trained_on
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column()
    labels = counted(len(manifest.classes), nouns["label"], nouns["labels"])
    facts.add_row("trained on", f"{data['examples']:,} {nouns['examples']}, {labels} of {manifest.target}")
    facts.add_row("encoder", f"{manifest.encoder.spec}, {manifest.encoder.dimension} dimensions")
    remedy, penalty = manifest.remedy, manifest.remedy.penalty
    strength = "usual penalty" if penalty is None else f"penalty {penalty:g}"
    facts.add_row("remedy", Text.assemble((remedy.spec, "cyan"), f", {strength}\n", (remedy.chosen, GREY)))
    study = manifest.evidence.get("study")
    if study:
        facts.add_row("study", Text(study["headline"]))
    own = manifest.evidence.get("out_of_fold", {})
    if "macro_f1" in own:
        facts.add_row("out of fold", f"macro-F1 {own['macro_f1']:.3f}, accuracy {own['accuracy']:.3f}")
    sets = manifest.conformal
    if sets is not None and sets.coverage:
        covered = ", ".join(f"{name} {value:.1%}" for name, value in sets.coverage.items())
        facts.add_row(
            "sets",
            f"{1 - sets.alpha:.0%} wanted; covered: {covered}\n{sets.size:.2f} {nouns['labels']} in a set, "
            f"one in {sets.sure:.0%}; {sets.own:,} of {labels} with a threshold of {plural(sets.own, 'its', 'their')} "
            "own",
        )
    notes = [Text(f"- {note[:1].upper()}{note[1:]}.", GREY) for note in manifest.notes]
    done = Text.assemble(("✓ ", "green"), (str(folder), "bold"))
    return Group(facts, *([Text(), *notes] if notes else []), Text(), done)


def prediction_report(
    rows: Sequence[Labelled], counts: Mapping[str, int], manifest: Manifest, out: Path | None
) -> RenderableType:
    """The first rows with their labels, how many are not sure, and where all are."""
    table = Table(box=None, pad_edge=False)
    table.add_column(manifest.nouns["text"], overflow="fold")
    table.add_column(manifest.nouns["label"], style="cyan")
    table.add_column("", justify="right")
    sets = manifest.conformal is not None
    for name in ("then", *(("set",) if sets else ()), ""):
        table.add_column(name, style=GREY if name == "then" else "")
    for row in rows:
        title, said = row.given.title, row.prediction
        shown = Text(title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…")
        if said is None:
            table.add_row(shown, "", "", "", *([""] if sets else []), Text(row.given.refused or "", "yellow"))
            continue
        others = ", ".join(f"{n} {p:.0%}" for n, p in zip(said.labels[1:], said.probabilities[1:], strict=True))
        unsure = Text() if said.unsure is None else Text.assemble(("not sure", "yellow"), (f": {said.unsure}", GREY))
        cells: list[RenderableType] = [shown, Text(said.label), f"{said.probability:.0%}", Text(others)]
        table.add_row(*cells, *([Text(_set(said.conformal or ()))] if sets else []), unsure)
    left = counts["rows"] - len(rows)
    more = [Text(f"... and {left:,} more{'' if out else '; write all with --out FILE'}", GREY)] if left > 0 else []
    told = [f"{counts['labelled']:,} labelled", f"{counts['unsure']:,} of them not sure"]
    if counts["refused"]:
        told.append(f"{counts['refused']:,} refused")
    end = Text(", ".join(told) + ".")
    written = [] if out is None else [Text.assemble(("✓ ", "green"), (str(out), "bold"))]
    return Group(Padding(table, (0, 0, 1, 0)), *more, end, *written)


def _set(held: Sequence[str]) -> str:
    if not held:
        return "∅"
    return ", ".join(held[:_SET]) + (f" and {len(held) - _SET:,} more" if len(held) > _SET else "")

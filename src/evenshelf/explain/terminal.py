"""Explanations for the terminal, as rich renderables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evenshelf.explain.examples import INFLUENCE
from evenshelf.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from evenshelf.bundles import Manifest
    from evenshelf.explain.examples import Example, ExampleReasons
    from evenshelf.explain.explanation import Explanation
    from evenshelf.explain.steps import RemedyReasons, Step
    from evenshelf.explain.words import WordReasons

GREY, FOR, AGAINST = "bright_black", "green", "red"
_BAR = 12
_LEAST = 0.005
_LINE = 60
_RESTS = {
    "occlusion": "what words say together, beyond each alone",
    "gradients": "the margin of a text of padding",
    "exact": "biases, and what is no word",
}


def explanation_report(
    found: Sequence[Explanation], notes: Sequence[str], manifest: Manifest, *, top: int
) -> RenderableType:
    """Explanations one after another, and what a person should know of all of them."""
    parts: list[RenderableType] = []
    for said in found:
        parts += [_head(said), Text(), _words(said.words, said, top)]
        if said.examples is not None:
            parts += [Text(), _examples(said.examples, said, manifest)]
        if said.remedy is not None:
            parts += [Text(), _remedy(said.remedy, said)]
        parts.append(Text())
    parts += [Text(f"- {note[:1].upper()}{note[1:]}.", GREY) for note in notes]
    return Group(*parts)


def _head(said: Explanation) -> Text:
    chance = said.prediction.probability
    line = Text.assemble((said.text, "bold"), "\n", (said.prediction.label, "cyan"), f" {chance:.0%}")
    line.append(f"; explained: {said.answer} rather than {said.rival}, margin {said.words.margin:+.2f}", GREY)
    return line


def _words(words: WordReasons, said: Explanation, top: int) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    table.add_column("words", style="bold", overflow="fold")
    table.add_column("", justify="right")
    table.add_column("")
    probed = any(word.probability is not None for word in words.words)
    if probed:
        table.add_column(f"{said.answer} without it", justify="right", style=GREY)
    ordered = sorted(words.words, key=lambda word: -abs(word.value))
    shown = sorted(ordered[:top], key=lambda word: -word.value)
    largest = max((abs(word.value) for word in shown), default=0.0)
    for word in shown:
        cells: list[RenderableType] = [Text(word.text), f"{word.value:+.2f}", _bar(word.value, largest)]
        if probed:
            cells.append("" if word.probability is None else f"{word.probability:.0%}")
        table.add_row(*cells)
    left = len(ordered) - len(shown)
    more = f"; {counted(left, 'more word', 'more words')}" if left > 0 else ""
    return Group(table, Text(f"by {words.method}; rest {words.rest:+.2f}: {_RESTS[words.method]}{more}", GREY))


def _bar(value: float, largest: float) -> Text:
    length = round(_BAR * abs(value) / largest) if largest > 0 else 0
    return Text("█" * length, FOR if value > 0 else AGAINST)


def _examples(found: ExampleReasons, said: Explanation, manifest: Manifest) -> RenderableType:
    nouns = manifest.nouns
    table = Table(box=None, pad_edge=False)
    table.add_column(f"training {nouns['examples']}", overflow="fold")
    table.add_column(nouns["label"], style="cyan")
    by_influence = found.by == INFLUENCE
    if by_influence:
        table.add_column("lost without", justify="right")
    table.add_column("adds", justify="right", style=GREY if by_influence else None)
    table.add_column("cosine", justify="right", style=GREY)
    groups: list[tuple[str, Iterable[Example]]] = [
        ("speak for it", found.supporting),
        ("speak against it", found.opposing),
        (f"nearest of {said.answer}", found.nearest[0]),
        (f"nearest of {said.rival}", found.nearest[1]),
    ]
    for name, examples in groups:
        table.add_row(Text(name, GREY))
        for example in examples:
            times = f" ({example.count} times)" if example.count > 1 else ""
            lost = [] if example.lost is None else [f"{example.lost:+.2f}"]
            table.add_row(
                Text(f"  {_cut(example.text)}{times}"),
                example.label,
                *lost,
                f"{example.value:+.2f}",
                f"{example.cosine:.2f}",
            )
    sums = [
        (f"{nouns['examples']} of {said.answer}", found.answers),
        (f"of {said.rival}", found.rivals),
        (f"of other {nouns['labels']}", found.others),
        ("names of them", found.names),
        ("rows that the remedy made", found.made),
        ("biases", found.biases),
        ("not explained", found.left),
    ]
    told = ", ".join(f"{name} {value:+.2f}" for name, value in sums if abs(value) >= _LEAST)
    end = [Text(f"margin {found.margin:+.2f} = {told}; as it is served {found.served:+.2f}", GREY)]
    if by_influence:
        end.append(
            Text("lost without it: to first order, which ranks examples well and understates large losses", GREY)
        )
    return Group(table, *end)


def _cut(text: str) -> str:
    shown = text.replace("\t", " → ")
    return shown if len(shown) <= _LINE else f"{shown[: _LINE - 1]}…"


def _remedy(found: RemedyReasons, said: Explanation) -> RenderableType:
    classes = list(found.steps[-1].scores)
    table = Table(box=None, pad_edge=False)
    table.add_column("remedy", overflow="fold")
    table.add_column("", style=GREY)
    table.add_column("label", style="cyan")
    for name in classes:
        table.add_column(name, justify="right")
    table.add_column("why", style=GREY, overflow="fold")
    for number, step in enumerate(found.steps):
        decided = found.changed and number == found.decided
        chances = [f"{step.probabilities[name]:.0%}" for name in classes]
        part = Text(("+ " if number else "") + step.part, "bold" if decided else "")
        table.add_row(part, ", ".join(step.stages), Text(step.label), *chances, Text(_why(step, said)))
    if not found.changed:
        told = f"Doing nothing would give {said.prediction.label} as well."
    else:
        told = f"Doing nothing would give {found.steps[0].label}; {found.steps[found.decided].part} decides."
    return Group(Padding(table, (0, 0, 0, 0)), Text(told))


def _why(step: Step, said: Explanation) -> str:
    told = []
    words = {"weight": "weight", "rows": "rows times", "names": "name adds", "added": "adds"}
    for name, values in step.reasons.items():
        if name == "added" and {"names"} & step.reasons.keys():
            continue
        pair = [f"{values[label]:+.2f}" if name in {"names", "added"} else f"{values[label]:.3g}"
                for label in (said.answer, said.rival)]  # fmt: skip
        told.append(f"{words[name]} {pair[0]} to {said.answer}, {pair[1]} to {said.rival}")
    return "; ".join(told)

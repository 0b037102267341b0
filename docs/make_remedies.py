"""Write ``remedies.md`` from the catalogue of remedies: ``make docs``."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

from evenshelf.remedies import Remedy, Stage, catalogue
from evenshelf.remedies.sets import LISTS, PROVEN, QUICK, SEARCH, SETS, TEXTS

PAGE = Path(__file__).with_name("remedies.md")
HEAD = """\
# Remedies

<!-- Written by `make docs` from the catalogue; do not edit. -->

{count} remedies, by the first stage they act at. The terminal has the same: `evenshelf remedies`,
`evenshelf remedies NAME`.

A remedy is written as a **spec**: its name, with parameters in brackets where they are to be fixed, such as
`{example}`. What is not fixed is tuned over the values under *tried*, inside the training folds, together with the
penalty of the head. Specs are joined with `+`: weights multiply, adjustments follow each other, and of the stages
*evidence*, *texts*, *variants*, *augment*, *resample*, *loss*, *negatives*, *retrieve*, *calibrate*, *pool* and
*rerank* there can be one.

In formulas, g is a group (in product labelling: a class), n[g] the number of its training examples and s[g] its score.
"""
STAGES = {
    None: ("Baseline", "What every remedy is compared with."),
    Stage.EVIDENCE: ("Evidence", "Reads clicks, for learners that rank items for queries."),
    Stage.TEXTS: ("Texts", "Makes queries, for learners that rank items for queries."),
    Stage.VARIANTS: ("Variants", "Trains on texts as well that were made out of training texts."),
    Stage.AUGMENT: ("Augment", "Makes more training sequences, for learners that rank items for users."),
    Stage.RESAMPLE: ("Resample", "Chooses, repeats or makes training rows. Only ever sees training rows."),
    Stage.WEIGHT: ("Weight", "Weighs training examples by their group."),
    Stage.LOSS: ("Loss", "Changes what training minimises."),
    Stage.NEGATIVES: ("Negatives", "Chooses what an example competes with, for learners that rank items for users."),
    Stage.ADJUST: ("Adjust", "Changes the scores of a trained model; costs no training."),
    Stage.RETRIEVE: ("Retrieve", "Asks the training rows that are near to a new one, and mixes in what they say."),
    Stage.CALIBRATE: (
        "Calibrate",
        "Is fitted on scores of rows that the model has not seen, and changes all later ones.",
    ),
    Stage.POOL: ("Pool", "Lets rare groups borrow: from what their names mean, or from where their rows lie."),
    Stage.RERANK: (
        "Rerank",
        "Orders the best items for a user anew; not for labels. A discount by popularity is `logit_adjust`.",
    ),
}


def page() -> str:
    """The whole page."""
    # what other packages have registered here is theirs to document
    remedies = [kind() for kind in catalogue().values() if kind.__module__.startswith("evenshelf.")]
    example = next(r.with_parameters(**{p: v[-1]}).spec for r in remedies for p, v in r.grid.items())
    parts = [HEAD.format(count=len(remedies), example=example)]
    for stage, (title, meaning) in STAGES.items():
        here = [r for r in remedies if next(iter(r.stages), None) == stage]
        if here:
            parts.append(f"## {title}\n\n{meaning}\n")
            parts += [_section(remedy) for remedy in here]
    parts.append(_sets())
    return "\n".join(parts)


def _section(remedy: Remedy) -> str:
    summary, _, rest = (inspect.getdoc(type(remedy)) or "").partition("\n\n")
    more = rest.partition("Parameters\n---")[0].strip()
    lines = [f"### `{remedy.name}` – {remedy.title}", "", _prose(summary), ""]
    if more:
        lines += [_prose(more), ""]
    lines += [f"- computes: `{remedy.formula}`"]
    if len(remedy.stages) > 1:
        lines += [f"- acts at: {', '.join(remedy.stages)}"]
    lines += [f"- parameter {text}" for text in _parameters(remedy)]
    if remedy.many_labels:
        lines += ["- only for examples with sets of labels, each label with a score of its own: [tags](tags.md)"]
    if remedy.neutral:
        lines += [f"- does nothing at {', '.join(f'`{k}={v!r}`' for k, v in remedy.neutral.items())}"]
    if remedy.paper != "-":
        lines += [f"- paper: {remedy.paper}"]
    return "\n".join(lines) + "\n"


def _parameters(remedy: Remedy) -> list[str]:
    meanings = _meanings(inspect.getdoc(type(remedy)) or "")
    found = []
    for field in dataclasses.fields(remedy):
        tried = remedy.grid.get(field.name)
        values = f"tried: {', '.join(f'`{v!r}`' for v in tried)}" if tried else "not tuned"
        found.append(f"`{field.name}` (default `{field.default!r}`; {values}): {meanings[field.name]}")
    return found


def _meanings(doc: str) -> dict[str, str]:
    """What a numpy docstring says of each parameter, in one line."""
    text = doc.partition("Parameters\n----------\n")[2]
    text = re.split(r"\n\n\w+\n-+\n", text)[0]
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in text.splitlines():
        if line and not line.startswith(" "):
            names = [name.strip() for name in line.split(",")]
            found.update({name: [] for name in names})
        else:
            for name in names:
                found[name].append(line.strip())
    return {name: _prose(" ".join(lines)) for name, lines in found.items()}


def _prose(text: str) -> str:
    plain = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", " ".join(text.split()))
    return plain.replace("``", "`")


def _sets() -> str:
    members = {
        "quick": QUICK,
        "texts": TEXTS,
        "lists": LISTS,
        "search": SEARCH,
        "standard": ("every remedy above for labels that needs nothing from you", *(f"`{spec}`" for spec in PROVEN)),
    }
    lines = ["## Sets", "", "Names that stand for several remedies, as in `--remedies quick`:", ""]
    for name, meaning in SETS.items():
        listed = members[name] if name == "standard" else tuple(f"`{spec}`" for spec in members[name])
        lines.append(f"- `{name}`: {meaning} ({', '.join(listed)})")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

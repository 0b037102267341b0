"""Write ``families.md`` from the code and the figures that ``make bench`` has kept: ``make docs``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evenshelf.remedies import Family, catalogue
from evenshelf.remedies.families import ACCOUNTS
from evenshelf.study.advising.evidence import SLIGHT, families_of
from evenshelf.study.advising.rules import RULES

PAGE = Path(__file__).with_name("families.md")
RESULTS = Path(__file__).parents[1] / "bench" / "results"
STUDIES = {"label_study_full": "English titles", "label_study_zh": "Chinese titles"}
"""Studies of real data that stand beside the sentences, by their file."""
HEAD = """\
# Families of remedies

<!-- Written by `make docs` from the code and from bench/results; do not edit. -->

{remedies} remedies of {families} families. What is said of a family is what its papers say; beside it stands what was
measured by `make bench` on real data, as far as it was compared there. A report of a study has the same page with the
numbers of that study, and on your data those count.

Every remedy names its family, [in the catalogue](remedies.md) it stands under the stage at which it acts. A
composition is of the families of its parts.
"""
RULES_HEAD = """\
## Rules

What `evenshelf study` says under *What suits these data* starts from these rules. Each one asks for facts of the data
and says what to expect of a family. The study has measured it, and where the two contradict each other the study
counts, and the sentence says so: a gain was expected, and even the best of the family loses, or no interval of it goes
beyond {slight:+g}; no gain was expected, and there is one. For each rule the tests (`tests/study/test_advice.py`) hold
data on which it is right and data on which it is wrong.

Whether a family gains is tested for its remedies together (Simes' method) and corrected for the number of families
(Holm), besides the test of the verdict, which is corrected for the number of remedies. With many remedies the second
hides gains that a study of a few would show; where that happens, the advice says so.

| rule | where | expected | source |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    # what other packages have registered here is theirs to document
    remedies = [kind for kind in catalogue().values() if kind.__module__.startswith("evenshelf.")]
    known = {kind.family for kind in remedies} - {Family.BASELINE}
    studies = [(title, _study(name)) for name, title in STUDIES.items()]
    count = sum(kind.family in known for kind in remedies)
    parts = [HEAD.format(remedies=count, families=len(known)), _overview(studies)]
    for family, account in ACCOUNTS.items():
        members = [f"[`{kind.name}`](remedies.md#{_anchor(kind)})" for kind in remedies if kind.family is family]
        rows = [
            ("does", account.does),
            ("strength", account.strength.text),
            ("weakness", account.weakness.text),
            ("when to use", account.when),
            ("cost", account.cost.text),
            ("remedies", ", ".join(members) or "none in the catalogue yet"),
            *((f"measured, {title}", _measured(family, study)) for title, study in studies),
            ("source", account.source),
        ]
        lines = [f"| {name} | {text} |" for name, text in rows]
        parts.append("\n".join([f"## {family.heading}\n", "| | |", "|---|---|", *lines]) + "\n")
    rules = [
        f"| {rule.name} | {rule.when} | {rule.family}: {'gain' if rule.gains else 'no gain'} | {rule.source} |"
        for rule in RULES
    ]
    parts.append(RULES_HEAD.format(slight=SLIGHT) + "\n".join(rules) + "\n")
    return "\n".join(parts)


def _anchor(kind: Any) -> str:
    """Anchor of a remedy's heading in the catalogue, as GitHub makes them."""
    heading = f"`{kind.name}` – {kind.title}".lower()
    return "".join(c for c in heading if c.isalnum() or c in "_- ").replace(" ", "-")


def _study(name: str) -> dict[str, Any]:
    """A study of ``make bench``: its settings, and a line for each remedy by column, best first."""
    document = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    (table,) = (t for t in document["tables"] if t["name"] == "remedies")
    lines = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    return {"settings": document["settings"], "lines": lines}


def _overview(studies: list[tuple[str, dict[str, Any]]]) -> str:
    """What was measured, and on what."""
    lines = []
    for title, study in studies:
        s = study["settings"]
        base = next(line for line in study["lines"] if line["remedy"] == "none")
        lines.append(
            f"- *{title}*: `{s['data']}`, {s['rows']:,} titles of {s['classes']} classes, encoder `{s['encoder']}`; "
            f"doing nothing has macro-F1 {_value(base['macro_f1'])}."
        )
    return "\n".join(["Measured on:\n", *lines]) + "\n"


def _measured(family: Family, study: dict[str, Any]) -> str:
    """The best remedy of a family alone, with its interval; lines are best first."""
    mine = [line for line in study["lines"] if families_of(line["remedy"]) == (family,) and line["p_holm"] is not None]
    if not mine:
        return "not compared"
    best = mine[0]
    value, low, high = best["difference"]
    chosen = f"best of {len(mine)}, `{best['remedy']}`" if len(mine) > 1 else f"`{best['remedy']}` alone"
    base = next(line for line in study["lines"] if line["remedy"] == "none")
    tail = best["tail_f1"] - base["tail_f1"]
    p = "p < .001" if best["p_holm"] < 0.001 else f"p = {_value(best['p_holm'])}"
    return (
        f"{chosen}: macro-F1 {_signed(value)} [{_signed(low)}, {_signed(high)}], {p} corrected for all remedies; "
        f"tail F1 {_signed(tail)}"
    )


def _value(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else '−'}{_value(abs(value))}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""Sets of labels: remedies for them on the attributes of real products, and both learners beside each other.

    python -m bench.tags            colour, season, usage and gender of 10,000 English titles
    python -m bench.tags --quick    tags of 400 made-up items and four remedies, in a minute

``binary_heads`` has a head for each label and gives any number of them; ``heads`` has one softmax over pairs and is
told how many labels a text has. Macro-F1 of the one is therefore not that of the other, and they are compared where
both are told (*size known*) and by their rankings (mAP, LRAP).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.data import shop_of
from bench.harness import Figure, Listing, Report, known, say
from evenshelf.errors import EvenshelfError
from evenshelf.remedies import catalogue, remedy_set
from evenshelf.study import prepare
from evenshelf.study.results import StudyResult
from evenshelf.study.runner import WORDS_SPEC
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.label import LabelTask

ATTRIBUTES = "baseColour,season,usage,gender"
TOGETHER = "positive_weight + label_thresholds"
QUICK = "balanced, positive_weight, label_thresholds, mlsmote"
BOTH = "balanced, name_prior"
"""Remedies that serve in both learners."""
SETS = ("micro_f1", "map", "tail_map", "lrap", "known_size_f1", "known_size_tail_f1")


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: str
    target: str
    rows: int
    remedies: str
    encoder: str
    folds: int
    budget: int
    seed: int
    json: Path | None


def for_sets() -> str:
    """Every remedy of the catalogue that serves where each label has a score of its own, and what is used together."""
    serve = [name for name, kind in catalogue().items() if kind().serves_sets and not kind.needs]
    return ", ".join([*serve, TOGETHER])


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.tags", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="400 made-up items and four remedies")
    parser.add_argument("--rows", type=int, help="items drawn with the seed: 10,000")
    parser.add_argument("--remedies", help="a set or specs with commas: all that serve")
    parser.add_argument("--encoder", default=prepare.AUTO, help="a spec: the one that is chosen for the texts")
    parser.add_argument("--folds", type=int, help="5")
    parser.add_argument("--budget", type=int, help="settings per remedy: 8")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    return Asked(
        data="simulated" if given.quick else "fashion",
        target="tags" if given.quick else ATTRIBUTES,
        rows=given.rows or (400 if given.quick else 10_000),
        remedies=given.remedies or (QUICK if given.quick else for_sets()),
        encoder=given.encoder,
        folds=given.folds or (3 if given.quick else 5),
        budget=given.budget or (4 if given.quick else 8),
        seed=given.seed,
        json=given.json,
    )


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    report = Report("tags")
    specs = [remedy.spec for remedy in remedy_set(asked.remedies)]
    report.settings = {"data": asked.data, "target": asked.target, "remedies": specs}
    report.settings |= {"folds": asked.folds, "budget": asked.budget, "seed": asked.seed, "rows": asked.rows}
    try:
        with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
            measure(asked, report, Path(folder))
    except EvenshelfError as error:
        say(str(error))
        return 1
    report.finish(asked.json)
    return 0


def measure(asked: Asked, report: Report, folder: Path) -> None:
    """One study of each learner; tables and figures go into the report."""
    say(f"reading {asked.data}")
    shop = shop_of(asked.data, asked.rows, asked.seed)
    task = prepare.shop_task(shop, asked.target, kind="tags", sample=asked.rows, seed=asked.seed)
    binary, seconds = study(task, asked, folder / "binary", asked.remedies, "binary_heads")
    softmax, softmax_seconds = study(task, asked, folder / "softmax", BOTH, "heads")
    verdict = decide(binary)
    none = verdict[verdict.baseline]
    tried = [c for c in verdict.comparisons if c.spec not in {verdict.baseline, WORDS_SPEC}]
    best = max(tried, key=lambda c: c["macro_f1"])
    report.figures += [
        Figure("macro_f1_gain_over_none", best["macro_f1"] - none["macro_f1"], "F1", "higher"),
        Figure("head_loss_relative", best.head_loss, "share", "lower"),
        Figure("study_seconds_binary_heads", seconds, "s", "lower"),
        Figure("study_seconds_heads", softmax_seconds, "s", "lower"),
    ]
    if math.isfinite(best["tail_f1"]):
        report.figures.append(Figure("tail_f1_gain_over_none", best["tail_f1"] - none["tail_f1"], "F1", "higher"))
    report.tables += [sets_table(binary, verdict), learners_table(binary, softmax)]
    facts, encoder = task.describe(), binary.meta["encoder"]["spec"]
    report.notes.append(
        f"{asked.data}, {asked.target}: {task.things:,} items with {len(task.classes)} labels, "
        f"{facts['labels_per_text']:.3g} a text, vectors by {encoder}; figures are of {best.spec}, which has the best "
        f"macro-F1 of {len(tried)}. {verdict.headline}"
    )
    skipped = [r for r in binary.remedies if r.not_applicable]
    report.notes += [f"{r.spec} is not applicable: {r.not_applicable}." for r in skipped]


def study(task: LabelTask, asked: Asked, folder: Path, remedies: str, learner: str) -> tuple[StudyResult, float]:
    """A study, and its seconds, encoding left out."""
    say(f"study: {learner}")
    plan = prepare.Plan(remedies, asked.folds, asked.budget, asked.seed, learner=learner)
    made = prepare.prepare(task, prepare.pick_encoder(task.texts or (), asked.encoder), folder, plan)
    began = time.perf_counter()
    return made.run(), time.perf_counter() - began


def sets_table(found: StudyResult, verdict: Verdict) -> Listing:
    """Every remedy, tuned, best first: macro-F1 of the sets it gives, and how it ranks."""
    rows = []
    for c in verdict.comparisons:
        difference = None if c.spec == verdict.baseline else [c.diff, c.low, c.high]
        tuned = (c["macro_f1"], difference, known(c.p_holm), known(c["tail_f1"]), known(c["head_f1"]))
        rows.append((c.spec, *tuned, *_of_sets(found, c.spec)))
    columns = ("remedy", "macro_f1", "difference", "p_holm", "tail_f1", "head_f1", *SETS)
    return Listing("sets", columns, tuple(rows))


def learners_table(binary: StudyResult, softmax: StudyResult) -> Listing:
    """The remedies that both learners have, where both are told how many labels a text has, and by rankings."""
    rows: list[tuple[Any, ...]] = []
    for name, found in (("binary_heads", binary), ("heads", softmax)):
        shared = [r.spec for r in softmax.remedies if r.tuned and r.spec in {q.spec for q in binary.remedies}]
        rows += [(name, spec, *_of_sets(found, spec)) for spec in shared]
    return Listing("learners", ("learner", "remedy", *SETS), tuple(rows))


def _of_sets(found: StudyResult, spec: str) -> list[float | None]:
    outcome = found[spec].tuned
    return [None if outcome is None else known(outcome.sets[name]) for name in SETS]


if __name__ == "__main__":
    sys.exit(main())

"""Label quality: every remedy of the catalogue, tuned, on titles of real shops, with intervals.

    python -m bench.label_quality            10,000 English titles, and Chinese ones thinned to an exponential tail
    python -m bench.label_quality --quick    600 made-up titles and five remedies, in a minute

All remedies have the same folds, and the same number of settings to try; what stands in the table was predicted for
titles that the model had not seen. Differences to doing nothing carry 95 % intervals of a paired bootstrap over title
groups; p is corrected for all remedies (Holm).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scipy.sparse import save_npz

from bench import child
from bench.data import label_task, save_task
from bench.harness import Figure, Report, say
from bench.label_study import encode
from bench.label_tables import quality_table
from evenshelf.encoders.bag import word_matrix
from evenshelf.errors import EvenshelfError
from evenshelf.remedies import parse, remedy_set
from evenshelf.study import results
from evenshelf.study.comparison import Comparison
from evenshelf.study.runner import WORDS_SPEC
from evenshelf.study.verdict import decide

ENCODERS = {"fashion": "minilm", "zh": "tfidf", "simulated": "minilm"}
QUICK = "balanced, random_over, tomek, temperature, name_prior"


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: tuple[str, ...]
    rows: int
    remedies: str
    budget: int
    seed: int
    json: Path | None


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.label_quality", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="600 made-up titles and five remedies")
    parser.add_argument("--rows", type=int, help="rows drawn with the seed: 10,000")
    parser.add_argument("--remedies", help="a set or specs with commas: standard")
    parser.add_argument("--budget", type=int, default=8, help="settings per remedy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    return Asked(
        data=("simulated",) if given.quick else ("fashion", "zh"),
        rows=given.rows or (600 if given.quick else 10_000),
        remedies=given.remedies or (QUICK if given.quick else "standard"),
        budget=given.budget,
        seed=given.seed,
        json=given.json,
    )


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    report = Report("label_quality")
    # those for sets of labels are measured on tags (bench.tags)
    remedies = [r for r in remedy_set(asked.remedies) if not any(part.many_labels for part in r.parts)]
    specs = [remedy.spec for remedy in remedies]
    report.settings = {
        "data": {},
        "remedies": specs,
        "folds": 5,
        "budget": asked.budget,
        "seed": asked.seed,
        "rows": asked.rows,
    }
    report.figures.append(Figure("remedies_total", len(specs) - 1, "remedies", "higher"))
    try:
        for data in asked.data:
            with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
                measure(data, specs, asked, report, Path(folder))
    except EvenshelfError as error:
        say(str(error))
        return 1
    report.finish(asked.json)
    return 0


def measure(data: str, specs: list[str], asked: Asked, report: Report, folder: Path) -> None:
    """One study; its table and figures go into the report."""
    say(f"reading {data}")
    task = label_task(data, asked.rows, asked.seed)
    save_task(task, folder)
    encode(task, ENCODERS[data], folder)
    assert task.texts is not None
    save_npz(folder / "words.npz", word_matrix(task.texts))
    request = {"study": "study", "remedies": specs, "budget": asked.budget, "seed": asked.seed, "words": True}
    (folder / "ours.json").write_text(json.dumps(request), encoding="utf-8")
    facts = {"rows": len(task.target), "classes": len(task.classes), "encoder": ENCODERS[data]}
    report.settings["data"][data] = facts
    outcome = child.run("bench.ours_label:main", folder)
    found = results.load(folder / "study")
    verdict = decide(found)
    none = next(c for c in verdict.comparisons if c.spec == verdict.baseline)
    tried = [c for c in verdict.comparisons if c.spec not in {verdict.baseline, WORDS_SPEC}]
    best = max(tried, key=lambda c: c["macro_f1"])
    figures = {"tail_f1_gain_over_none": best["tail_f1"] - none["tail_f1"]}
    if reweighting := [c for c in tried if _reweights(c)]:
        figures["tail_f1_gain_over_best_reweighting"] = best["tail_f1"] - max(c["tail_f1"] for c in reweighting)
    report.figures += [Figure(f"{name}_{data}", value, "F1", "higher") for name, value in figures.items()]
    report.figures.append(Figure(f"head_loss_relative_{data}", best.head_loss, "share", "lower"))
    report.figures.append(Figure(f"study_seconds_{data}", outcome.facts["seconds"], "s", "lower"))
    report.tables.append(quality_table(f"quality_{data}", found, verdict))
    skipped = [r for r in found.remedies if r.not_applicable]
    report.notes.append(
        f"{data}: {len(task.target):,} rows, {len(task.classes)} classes, vectors by {ENCODERS[data]}; figures are of "
        f"{best.spec}, which has the best macro-F1 of {len(tried)}. {verdict.headline}"
    )
    report.notes += [f"{data}: {r.spec} is not applicable: {r.not_applicable}." for r in skipped]
    costly = sorted(tried, key=lambda c: -c.seconds)[:5]
    report.notes.append(
        f"{data}: the study took {outcome.facts['seconds']:.0f} s on two processes; of CPU time the most went to "
        + ", ".join(f"{c.spec} ({c.seconds:.0f} s)" for c in costly)
        + "."
    )


def _reweights(c: Comparison) -> bool:
    """Whether it only weighs training examples by their class, in the loss or beside it."""
    parts = [part for part in parse(c.spec).parts if part.name != "none"]
    return all({stage.value for stage in part.stages} == {"weight"} or part.name == "weighted_ce" for part in parts)


if __name__ == "__main__":
    sys.exit(main())

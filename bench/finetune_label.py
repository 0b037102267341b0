"""Language models tuned to labels, beside the frozen one under the same remedies and beside a BiLSTM.

    python -m bench.finetune_label             2,000 English titles as they are and without the words of labels: an hour
    python -m bench.finetune_label --rows 10000 --learners heads "finetune_heads(epochs=8, rate=2e-4)"
    python -m bench.finetune_label --makers eda slots apertium      made texts as well, each beside as many copies
    python -m bench.finetune_label --quick     300 made-up titles, one epoch of one layer: a minute

Named makers of texts are remedies too: ``over_copies`` is what their texts are worth over as many copies of the texts
that they were made of. All learners have the same folds over title groups. A frozen model's heads, with character
n-grams beside it as well, choose among eight penalties for each remedy; tuned models have one setting, and cost minutes
instead of seconds: both are told. Intervals are those of a paired bootstrap over title groups, p is corrected for the
remedies of a learner (Holm).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import label_masks
from bench.data import label_task
from bench.harness import Figure, Listing, Report, known, say
from evenshelf.errors import EvenshelfError
from evenshelf.study.comparison import Comparison
from evenshelf.study.prepare import Plan, pick_encoder, prepare
from evenshelf.study.results import StudyResult
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.label import LabelTask

FROZEN = "heads"
AT = " @ "
"""Between a learner and the encoder whose vectors it is given."""
CHARACTERS = f"{FROZEN}{AT}fused"
"""The frozen model with character n-grams beside it, which is the harder one to beat."""
TUNED = (
    "finetune_heads(epochs=8, rate=0.0002)",
    f"finetune_heads(epochs=8, rate=0.0002, beside=True){AT}fused",
    "finetune(epochs=8, rate=0.0002)",
)
LOW_RANK = "finetune(scope='lora', epochs=8, rate=0.002)"
QUICK = ("finetune_heads(epochs=1, scope='layers', layers=1)",)
REMEDIES = ("balanced", "logit_adjust(tau=0.5)", "name_prior")
PLAIN, MASKED = "as they are", "without the words of labels"
COLUMNS = ("data", "titles", "rows", "learner", "encoder", "remedy", "macro_f1", "difference", "p_holm")
COLUMNS += ("tail_f1", "head_f1", "over_copies", "ece", "cpu_minutes")
NAMES = {PLAIN: "", MASKED: "masked_"}


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: str
    rows: int
    titles: tuple[str, ...]
    learners: tuple[str, ...]
    remedies: tuple[str, ...]
    folds: int
    seed: int
    workers: int | None
    folder: Path | None
    json: Path | None


def arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.finetune_label", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="300 made-up titles: a minute")
    parser.add_argument("--data", choices=("fashion", "zh"), default="fashion")
    parser.add_argument("--rows", type=int, help="rows drawn with the seed: 2,000")
    parser.add_argument("--titles", nargs="+", choices=("plain", "masked"), help="both")
    parser.add_argument("--learners", nargs="+", help="with ' @ ENCODER' if not the usual one")
    parser.add_argument("--remedies", nargs="+", default=REMEDIES, help=" ".join(REMEDIES))
    parser.add_argument("--makers", nargs="+", default=(), help="of texts; see: evenshelf makers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, help="processes: as many as there are cores")
    parser.add_argument("--folder", type=Path, help="keep the studies there: a run that was interrupted goes on")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    quick = given.quick
    titles = {"plain": PLAIN, "masked": MASKED}
    return Asked(
        data="simulated" if quick else given.data,
        rows=given.rows or (300 if quick else 2_000),
        titles=tuple(titles[name] for name in given.titles or (("masked",) if quick else titles)),
        learners=tuple(given.learners or ((FROZEN, *QUICK) if quick else (FROZEN, CHARACTERS, *TUNED, LOW_RANK))),
        remedies=(
            *(given.remedies[:1] if quick else given.remedies),
            *(f"augment_texts(maker={maker!r})" for maker in given.makers),
        ),
        folds=3 if quick else 5,
        seed=given.seed,
        workers=given.workers,
        folder=given.folder,
        json=given.json,
    )


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    try:
        with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
            measure(asked, asked.folder or Path(folder)).finish(asked.json)
    except EvenshelfError as error:
        say(str(error))
        return 1
    return 0


def measure(asked: Asked, folder: Path) -> Report:
    """All learners on all titles."""
    report = Report("finetune_label")
    report.settings = {"data": asked.data, "rows": asked.rows, "folds": asked.folds, "seed": asked.seed}
    say(f"reading {asked.data}")
    whole = label_task(asked.data, asked.rows, asked.seed)
    lines: list[tuple[Any, ...]] = []
    for titles in asked.titles:
        task = whole if titles == PLAIN else masked(whole)
        found: dict[str, Verdict] = {}
        for number, named in enumerate(asked.learners):
            say(f"{titles}: {named}")
            learner, _, encoder = named.partition(AT)
            encoder = encoder or ("tfidf" if asked.data == "zh" else "minilm")
            other = not any(known.partition(AT)[0] == FROZEN for known in found)
            result = study(asked, task, learner, encoder, folder / f"{NAMES[titles]}{number}", other=other)
            found[named] = decide(result)
            about = (asked.data, titles, len(task.target), learner, encoder)
            lines += [(*about, *line) for line in told(result, found[named])]
        report.figures += figures(found, NAMES[titles])
    report.tables.append(Listing("finetune_label", COLUMNS, tuple(lines)))
    report.notes += [
        (
            "CPU minutes are those of all folds, those in which settings were chosen and models tuned included; what "
            "is tuned once for several remedies is told of each."
        ),
        "ece is the mean distance of confidence and accuracy. A BiLSTM reads the same titles and has no remedy.",
    ]
    return report


def masked(task: LabelTask) -> LabelTask:
    """The same labels with every word of its own label taken out of each title."""
    assert task.texts is not None
    labels = [task.classes[code] for code in task.target]
    return LabelTask.of(labels, label_masks.without_own_words(task.texts, labels))


def study(asked: Asked, task: LabelTask, learner: str, encoder: str, folder: Path, *, other: bool) -> StudyResult:
    """Remedies on one learner; the frozen one has settings to choose from, and once the other model beside it."""
    assert task.texts is not None
    frozen = learner == FROZEN
    plan = Plan(
        ", ".join(asked.remedies),
        learner=learner,
        folds=asked.folds,
        budget=8 if frozen else 1,
        seed=asked.seed,
        workers=asked.workers,
        baselines="bilstm" if frozen and other and asked.data != "simulated" else "none",
    )
    return prepare(task, pick_encoder(task.texts, encoder), folder, plan).run()


def told(result: StudyResult, verdict: Verdict) -> list[tuple[Any, ...]]:
    """A line for each remedy, and for the other model."""
    lines = []
    worth = {line.spec: [line.diff, line.low, line.high] for line in verdict.controls}
    for one in verdict.comparisons:
        base = one.spec == verdict.baseline
        tuned = result[one.spec].tuned
        assert tuned is not None
        lines.append(
            (
                one.spec,
                one["macro_f1"],
                None if base else [one.diff, one.low, one.high],
                known(one.p_holm),
                one["tail_f1"],
                one["head_f1"],
                worth.get(one.spec),
                one["ece"],
                tuned.seconds / 60,
            )
        )
    return lines


def figures(found: dict[str, Verdict], prefix: str) -> list[Figure]:
    """The best tuned model beside the best of the frozen one, and what made texts are worth over copies."""
    gains = [line for verdict in found.values() for line in verdict.controls]
    made = max(gains, key=lambda line: line.diff, default=None)
    worth = [] if made is None else [Figure(f"{prefix}augmentation_gain_over_duplication", made.diff, "F1", "higher")]
    still = [verdict for named, verdict in found.items() if named.partition(AT)[0] == FROZEN]
    changed = [verdict for named, verdict in found.items() if named.partition(AT)[0] != FROZEN]
    if not still or not changed:
        return worth

    def best(verdicts: Sequence[Verdict]) -> Comparison:
        return max((one for verdict in verdicts for one in verdict.comparisons), key=lambda one: one["macro_f1"])

    frozen, tuned = best(still), best(changed)
    shown = [(f"{prefix}{metric}", tuned[metric], frozen[metric]) for metric in ("macro_f1", "tail_f1", "head_f1")]
    peer = f"frozen, {frozen.spec}"
    named = [
        Figure(name, value, "F1", "higher", peer, other, value / other if other else None)
        for name, value, other in shown
    ]
    minutes, others = tuned.seconds / 60, frozen.seconds / 60
    spent = Figure(f"{prefix}cpu_minutes", minutes, "min", "lower", peer, others, others / minutes)
    return [*named, spent, *worth]


if __name__ == "__main__":
    sys.exit(main())

"""The label study: remedies x folds, each tuned, against the same remedies one after another.

    python -m bench.label_study                 10,000 rows of fashion_styles, MiniLM
    python -m bench.label_study --full          all rows; the peer would take days, so it is left out
    python -m bench.label_study --data zh       Chinese titles, thinned to an exponential tail, character TF-IDF
    python -m bench.label_study --tables        also compares encoders, and shuffles the names

Vectors are made once and given to both sides; making them is not counted.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import save_npz

from bench import child, encoding
from bench.data import DATA, label_task, save_task
from bench.harness import Figure, Listing, Report, ratio_figure, say
from bench.label_tables import names_table, remedies_table, vector_rows
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.encoders.bag import word_matrix
from evenshelf.errors import EvenshelfError
from evenshelf.remedies import parse, remedy_set
from evenshelf.study import results
from evenshelf.study.results import StudyResult
from evenshelf.tasks.label import LabelTask

PEER = "imbalanced-learn, scikit-learn, torch"
PEERED = (
    "none, balanced, effective_number, random_over, random_under, smote, mixup, weighted_ce, focal, balanced_softmax, "
    "ldam, logit_adjust, tau_norm, name_prior, name_prior + logit_adjust(tau=0.5)"
)
"""What the peer can do as well."""

QUICK_REMEDIES = "smote, focal, name_prior + logit_adjust(tau=0.5)"
OBJECTIVES = (
    ("none", 1e-4),
    ("none", 1e-6),
    ("balanced", 1e-5),
    ("focal", 1e-5),
    ("ldam", 1e-5),
    ("ldam(margin=8.0)", 1e-6),
    ("name_prior", 1e-5),
)
VECTORS = ("minilm", "fast", "tfidf", "fused")
VECTOR_REMEDIES = "logit_adjust, name_prior + logit_adjust(tau=0.5)"


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: str
    rows: int | None
    encoder: str
    remedies: str
    budget: int
    seed: int
    peer: bool
    limit: float
    tables: bool
    encode: int
    encoders: tuple[str, ...]
    times: int
    json: Path | None

    @property
    def name(self) -> str:
        """Of the report."""
        return "label_study" if self.data == "fashion" else f"label_study_{self.data}"


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.label_study", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="600 rows, 3 remedies, made-up data: under a minute")
    parser.add_argument("--full", action="store_true", help="all rows instead of 10,000; without the peer")
    parser.add_argument("--data", choices=DATA, help="fashion; with --quick: simulated")
    parser.add_argument("--rows", type=int, help="rows drawn with the seed")
    parser.add_argument("--encoder", help="minilm; for zh: tfidf")
    parser.add_argument("--remedies", help="a set or specs with commas: all that the peer can do")
    parser.add_argument("--budget", type=int, default=8, help="settings per remedy, on both sides")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", action=argparse.BooleanOptionalAction, help="run the peer")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which the peer starts no other fold")
    parser.add_argument("--tables", action="store_true", help="also compare vectors, and shuffle the names")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    data = given.data or ("simulated" if given.quick else "fashion")
    rows = given.rows or (600 if given.quick else None if given.full else 10_000)
    return Asked(
        data=data,
        rows=rows,
        encoder=given.encoder or ("tfidf" if data == "zh" else "minilm"),
        remedies=given.remedies or (QUICK_REMEDIES if given.quick else PEERED),
        budget=2 if given.quick and given.budget == 8 else given.budget,
        seed=given.seed,
        peer=not given.full if given.peer is None else given.peer,
        limit=0.0 if given.quick else given.limit,
        tables=given.tables,
        encode=(100 if given.quick else 2000) if data != "zh" and given.peer is not False and not given.full else 0,
        encoders=encoding.OURS[:1] if given.quick else encoding.OURS,
        times=1 if given.quick else 3,
        json=given.json,
    )


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    try:
        with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
            measure(asked, Path(folder)).finish(asked.json)
    except EvenshelfError as error:
        say(str(error))
        return 1
    return 0


def measure(asked: Asked, folder: Path) -> Report:
    """Run both sides and gather what they found."""
    report = Report(asked.name)
    specs = [remedy.spec for remedy in remedy_set(asked.remedies)]
    if asked.peer:
        from bench import peer_fits  # noqa: PLC0415 - torch is loaded only where the peer runs

        for remedy in remedy_set(asked.remedies):
            peer_fits.check(remedy)
    say(f"reading {asked.data}")
    task = label_task(asked.data, asked.rows, asked.seed)
    save_task(task, folder)
    say(f"{len(task.target):,} rows, {len(task.classes)} classes; encoding with {asked.encoder}")
    encode(task, asked.encoder, folder)
    assert task.texts is not None
    save_npz(folder / "words.npz", word_matrix(task.texts))
    report.settings = {
        "data": asked.data,
        "rows": len(task.target),
        "classes": len(task.classes),
        "encoder": asked.encoder,
        "remedies": specs,
        "folds": 5,
        "budget": asked.budget,
        "seed": asked.seed,
    }
    runs = []
    for number in range(asked.times if asked.peer else 1):
        runs.append(study(folder, "study", specs, asked))
        say(f"evenshelf: {len(specs)} remedies x 5 folds in {runs[-1].facts['seconds']:.1f} s, run {number + 1}")
    ours = sorted(runs, key=lambda run: run.facts["seconds"])[len(runs) // 2]
    seconds = ours.facts["seconds"]
    words = study(folder, "study", specs, asked, words=True).facts["seconds"]
    found = results.load(folder / "study")
    report.notes.append(
        f"Plain TF-IDF with class weights, the yardstick that every study of texts carries, took {words:.1f} s "
        "besides; the peer leaves it out."
    )
    took = ", ".join(f"{run.facts['seconds']:.1f}" for run in runs)
    report.notes.append(f"evenshelf ran {len(runs)} time(s), each from nothing: {took} s; the median counts.")
    if asked.peer:
        compare(asked, report, found, ours, folder)
    else:
        report.figures.append(Figure("study_seconds", seconds, "s", "lower"))
        report.notes.append("The peer was left out of this run: at this size it takes many hours.")
    report.tables.insert(0, remedies_table(found))
    if asked.tables:
        tables(asked, report, task, found, folder)
    if asked.encode:
        titles = list(dict.fromkeys(task.texts))[: asked.encode]
        encoding.measure(report, titles, folder, encoders=asked.encoders, times=asked.times)
    return report


def encode(task: LabelTask, encoder: str, folder: Path) -> None:
    """Write ``vectors.npy`` and ``names.npy``."""
    assert task.texts is not None
    cache = VectorCache()
    opened = open_encoder(encoder, task.texts)
    np.save(folder / "vectors.npy", cache.encode(opened, task.texts).astype(np.float32, copy=False))
    np.save(folder / "names.npy", cache.encode(opened, task.class_texts).astype(np.float32, copy=False))


def study(folder: Path, name: str, specs: list[str], asked: Asked, *, words: bool = False) -> child.Outcome:
    """Our side, in a process of its own, with nothing done before; with `words`, go on with the yardstick alone."""
    if not words:
        shutil.rmtree(folder / name, ignore_errors=True)
    request = {"study": name, "remedies": specs, "budget": asked.budget, "seed": asked.seed, "words": words}
    (folder / "ours.json").write_text(json.dumps(request), encoding="utf-8")
    return child.run("bench.ours_label:main", folder)


def compare(asked: Asked, report: Report, found: StudyResult, ours: child.Outcome, folder: Path) -> None:
    """Run the peer; add the figures of both sides, the gaps and the objectives."""
    specs = report.settings["remedies"]
    chosen = {spec: tuned.settings for spec in specs if (tuned := found[spec].tuned) is not None}
    request = {
        "remedies": list(chosen),
        "budget": asked.budget,
        "seed": asked.seed,
        "limit": asked.limit,
        "chosen": chosen,
    }
    (folder / "peer.json").write_text(json.dumps(request), encoding="utf-8")
    np.savez(folder / "peer-rows.npz", target=found.y.astype(np.int64), fold=found.fold)
    peer = child.run("bench.peer_label:main", folder)
    facts = peer.facts
    folds, of = len(facts["folds"]), facts["of"]
    theirs = sum(facts["seconds"].values()) * of / folds
    seconds = ours.facts["seconds"]
    cpu = facts["cpu"] * of / folds
    with np.load(folder / "peer.npz") as stored:
        predictions = {name: stored[name] for name in stored.files}
    gaps = gap_rows(found, facts, predictions, list(chosen))
    worst = max(gaps, key=lambda row: abs(row[3]))
    drawn = {spec for spec in specs if {"resample"} & {stage.value for stage in parse(spec).stages}}
    exact = max((abs(row[4]) for row in gaps if row[0] not in drawn), default=math.nan)
    worst_same = max(gaps, key=lambda row: abs(row[4]))
    worst_default = max(gaps, key=lambda row: abs(row[5]))
    report.figures += [
        ratio_figure("speed_ratio", seconds, theirs, "x", PEER),
        ratio_figure("cpu_ratio", ours.facts["cpu"], cpu, "x", PEER),
        ratio_figure("memory_ratio", ours.peak / 2**20, peer.peak / 2**20, "x", PEER),
        Figure("study_seconds", seconds, "s", "lower", PEER, theirs, theirs / seconds),
        Figure("study_memory", ours.peak / 2**20, "MiB", "lower", PEER, peer.peak / 2**20, peer.peak / ours.peak),
        Figure("macro_f1_gap_max", abs(worst[3]), "macro-F1", "lower", PEER),
        Figure("macro_f1_gap_same_setting_max", abs(worst_same[4]), "macro-F1", "lower", PEER),
        Figure("macro_f1_gap_same_setting_not_drawn_max", exact, "macro-F1", "lower", PEER),
        Figure("macro_f1_gap_default_max", abs(worst_default[5]), "macro-F1", "lower", PEER),
    ]
    columns = ("remedy", "ours", "theirs", "gap", "same_setting_gap", "default_gap", "peer_seconds")
    report.tables.append(Listing("peer", columns, tuple(gaps)))
    reached = objectives(asked, folder)
    report.tables.append(reached)
    tight = max(abs(row[-2] - row[-1]) for row in reached.rows)
    report.figures.append(Figure("macro_f1_gap_at_optimum_max", tight, "macro-F1", "lower", PEER))
    threads = "; ".join(
        f"{library} " + ", ".join(f"{t}: {took}" for t, took in seconds_by.items())
        for library, seconds_by in facts["threads"].items()
    )
    scaled = f"; its seconds are multiplied by {of}/{folds}" if folds < of else ""
    report.notes += [
        f"The peer ran {folds} of {of} outer folds{scaled}. Gaps are taken on the folds that both ran.",
        (
            f"The largest gap, each side with the settings that it chose: {worst[0]} ({worst[3]:+.4f}); both with "
            f"those of evenshelf: {worst_same[0]} ({worst_same[4]:+.4f}), and {exact:.4f} among remedies that draw no "
            f"random rows, which differ between the sides; at defaults: {worst_default[0]} ({worst_default[5]:+.4f})."
        ),
        (
            f"The peer's fits: {facts['fits']}, of which {facts['stopped']} ended at the limit of 300 iterations. Each "
            f"library has the number of threads that was faster (seconds of a fit by threads: {threads})."
        ),
        (
            "Both sides used the same vectors, folds, settings and scale; the peer's rows are centred, so that "
            "L-BFGS converges sooner. evenshelf used a process a core; cpu_ratio compares processor seconds instead."
        ),
        "Memory is the peak of the process with all its children, pages they share counted once.",
    ]
    if any("smote" in spec for spec in specs):
        report.notes.append(
            f"SMOTE as it comes raises on {facts['smote_raised']} of {of} training folds, for its smallest classes; "
            "the peer gives each class as many neighbours as it has."
        )


def gap_rows(
    found: StudyResult, facts: dict[str, Any], predictions: dict[str, NDArray[np.int32]], specs: list[str]
) -> list[tuple[Any, ...]]:
    """Remedy, our and the peer's macro-F1, gap, gap at our settings, gap at defaults, seconds of the peer."""
    from bench.peer_label import macro_f1  # noqa: PLC0415

    rows = np.isin(found.fold, facts["folds"])
    y = found.y[rows]
    lines = []
    for number, spec in enumerate(specs):
        mine = found[spec]
        if mine.tuned is None or mine.default is None:
            continue
        here, there = macro_f1(y, mine.tuned.predicted[rows]), macro_f1(y, predictions[f"tuned.{number}"][rows])
        usual = macro_f1(y, mine.default.predicted[rows]) - macro_f1(y, predictions[f"default.{number}"][rows])
        same = here - macro_f1(y, predictions[f"theirs.{number}"][rows])
        lines.append((spec, here, there, here - there, same, usual, facts["seconds"][spec]))
    return lines


def objectives(asked: Asked, folder: Path) -> Listing:
    """How near each side comes to the optimum, and macro-F1 there."""
    chosen = OBJECTIVES[:1] if asked.limit == 0.0 else OBJECTIVES
    (folder / "objectives.json").write_text(json.dumps({"settings": chosen, "seed": asked.seed}), encoding="utf-8")
    facts = child.run("bench.ours_label:objectives", folder).facts["objectives"]
    rows = tuple(
        (
            f["remedy"],
            f["penalty"],
            *(f[side] / f["ours_tight"] - 1 for side in ("ours", "peer", "peer_tight")),
            *(f[f"{side}_f1"] for side in ("ours", "peer", "ours_tight", "peer_tight")),
        )
        for f in facts
    )
    columns = ("excess_ours", "excess_peer", "excess_peer_tight", "ours", "theirs", "ours_tight", "theirs_tight")
    return Listing("objectives", ("remedy", "penalty", *columns), rows)


def tables(asked: Asked, report: Report, task: LabelTask, found: StudyResult, folder: Path) -> None:
    """Other vectors, and shuffled names; our side only."""
    specs = [remedy.spec for remedy in remedy_set(VECTOR_REMEDIES)]
    names = np.load(folder / "names.npy")
    shuffled = np.random.default_rng(asked.seed).permutation(len(names))
    np.save(folder / "names.npy", names[shuffled])
    prior = ["none", "name_prior", "name_prior + logit_adjust(tau=0.5)"]
    study(folder, "shuffled", prior, asked)
    report.tables.append(names_table(found, results.load(folder / "shuffled"), prior))
    lines = []
    for encoder in VECTORS:
        say(f"encoding with {encoder}")
        encode(task, encoder, folder)
        study(folder, "vectors", specs, asked)
        lines += vector_rows(encoder, results.load(folder / "vectors"))
    columns = ("encoder", "remedy", "macro_f1", "tail_f1", "rarest_f1", "accuracy")
    report.tables.append(Listing("vectors", columns, tuple(lines)))


if __name__ == "__main__":
    sys.exit(main())

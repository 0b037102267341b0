"""Conformal sets: how often they hold the right class, for tail and rare classes as well, beside one threshold for all.

    python -m bench.conformal             all English titles, and Chinese ones thinned to an exponential tail
    python -m bench.conformal --quick     600 made-up titles, in a minute

Title groups are held out; of the rest a bundle's head and thresholds are made as ``evenshelf train`` makes them. The
peer is split conformal prediction with one threshold, the quantile of the same scores over all calibration rows. That
is repeated with other groups held out; values are medians over the splits, and so are the ends of their 95 % intervals
(a bootstrap over title groups).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.coverage import Held, intervals, middle, one_threshold, too_low
from bench.data import label_task
from bench.harness import Figure, Listing, Report, say
from evenshelf.bundles.conformal import enough_titles, fit_conformal
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.errors import EvenshelfError
from evenshelf.learners.bundling import cross_fit, serving_head
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import parse
from evenshelf.remedies.calibrated import log_probabilities
from evenshelf.study.judged import chosen_penalty
from evenshelf.study.train import FOLDS
from evenshelf.tasks.label import LabelTask

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
ENCODERS = {"fashion": "fused", "zh": "tfidf", "simulated": "tfidf"}
REMEDY = "name_prior + logit_adjust(tau=0.5)"
ALPHAS = (0.05, 0.1, 0.2)
SHOWN = 0.1
"""The alpha that is used where none is given; figures are of it."""
HELD_OUT = 0.3
OURS, PEER = "by class", "one for all"
_PROBES = 512


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: tuple[str, ...]
    rows: int | None
    splits: int
    remedy: str
    seed: int
    json: Path | None


@dataclass(frozen=True, eq=False)
class Split:
    """What heads say of rows that they have not seen: of the training rows out of fold, and of titles held out.

    Attributes
    ----------
    probabilities, target, group, count
        ``[u, C]`` and ``[u]`` of the calibration rows; equal titles of a class are one row, `count` times.
    said
        ``[m, C]`` of the titles held out.
    held
        These titles.
    unknown
        Titles held out whose class has no title to train on; they are left out.
    """

    probabilities: Floats
    target: Codes
    group: Codes
    count: Codes
    said: Floats
    held: Held
    unknown: int


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.conformal", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="600 made-up titles, two splits")
    parser.add_argument("--rows", type=int, help="rows drawn with the seed: all")
    parser.add_argument("--splits", type=int, help="5")
    parser.add_argument("--remedy", default=REMEDY, help="spec")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    return Asked(
        data=("simulated",) if given.quick else ("fashion", "zh"),
        rows=given.rows or (600 if given.quick else None),
        splits=given.splits or (2 if given.quick else 5),
        remedy=given.remedy,
        seed=given.seed,
        json=given.json,
    )


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    report = Report("conformal")
    report.settings = {"data": list(asked.data), "rows": asked.rows, "splits": asked.splits, "held_out": HELD_OUT}
    report.settings |= {"remedy": asked.remedy, "alphas": list(ALPHAS), "seed": asked.seed}
    try:
        with threadpool_limits(1):  # the bits of a product depend on the number of threads
            for data in asked.data:
                measure(data, asked, report)
    except EvenshelfError as error:
        say(str(error))
        return 1
    report.finish(asked.json)
    return 0


def measure(data: str, asked: Asked, report: Report) -> None:
    """All splits of one data set; its table and figures go into the report."""
    say(f"reading {data}")
    task = label_task(data, asked.rows, asked.seed)
    began = time.process_time()
    found: dict[tuple[float, str], dict[str, list[tuple[float, ...]]]] = defaultdict(lambda: defaultdict(list))
    held, unknown = [], []
    for number, split in enumerate(splits(task, ENCODERS[data], asked)):
        say(f"{data}: split {number + 1} of {asked.splits}")
        held.append(len(split.held.target))
        unknown.append(split.unknown)
        for alpha in ALPHAS:
            for who, values in judged(split, alpha, asked.seed + number).items():
                for name, value in values.items():
                    found[alpha, who][name].append(value)
    report.tables.append(table(data, found))
    report.figures += figures(data, found)
    report.notes.append(
        f"{data}: {len(task.target):,} rows, {len(task.classes)} classes, vectors by {ENCODERS[data]}, {asked.remedy}; "
        f"{asked.splits} splits with {median(held):,.0f} titles held out (the median), and {median(unknown):,.0f} more "
        f"of classes without a title to train on, which no set can hold. "
        f"{time.process_time() - began:.0f} s of CPU time."
    )
    for name, what in (("covered_tail", "titles of the tail"), ("covered_rare", "titles of rare classes")):
        single = {who: [value[0] for value in found[SHOWN, who][name]] for who in (OURS, PEER)}
        if np.isfinite(single[OURS]).all():
            report.notes.append(
                f"{data}: with alpha {SHOWN:g}, {what} in single splits are covered {_range(single[OURS])} by class, "
                f"{_range(single[PEER])} with one threshold."
            )


def _range(values: list[float]) -> str:
    return f"{min(values):.3f} to {max(values):.3f}"


def splits(task: LabelTask, encoder: str, asked: Asked) -> Iterator[Split]:
    """Title groups held out, and what a head of the others says; the penalty is chosen in the first split."""
    assert task.texts is not None
    titles, labels = np.array(task.texts, object), np.array(task.classes, object)[task.target]
    _, group = np.unique(task.group, return_inverse=True)
    cache, remedy = VectorCache(), parse(asked.remedy)
    penalty: float | None = None
    for number in range(asked.splits):
        rng = np.random.default_rng((asked.seed, number))
        out = (rng.random(int(group.max()) + 1) < HELD_OUT)[group]
        part = LabelTask.of(list(labels[~out]), list(titles[~out]))
        assert part.texts is not None
        opened = open_encoder(encoder, part.texts)
        vectors, names = (cache.encode(opened, list(texts)) for texts in (part.texts, part.class_texts))
        fold = part.split(FOLDS, asked.seed)
        prepared = prepare(vectors, part.target, fold, part.same)
        bound = remedy.bound(part.classes)
        if penalty is None:
            penalty = chosen_penalty(prepared, part, bound, names, asked.seed)
        fitted = cross_fit(prepared, len(part.classes), bound, names=names, penalty=penalty, seed=asked.seed)
        head = serving_head(fitted.head, vectors[:: -(-len(vectors) // _PROBES)])
        place = {name: code for code, name in enumerate(part.classes)}
        known = out & np.array([label in place for label in labels])
        code = np.array([place[label] for label in labels[known]], np.int64)
        merged = np.empty(len(prepared.target), np.int64)
        merged[prepared.row_of] = part.group
        yield Split(
            probabilities=np.exp(log_probabilities(fitted.scores)).astype(np.float32),
            target=prepared.target[fitted.rows].astype(np.int64),
            group=merged[fitted.rows],
            count=np.rint(prepared.count[fitted.rows]).astype(np.int64),
            said=head.probabilities(cache.encode(opened, list(titles[known]))),
            held=Held(code, group[known], part.bucket[code] == "tail"),
            unknown=int((out & ~known).sum()),
        )


def judged(split: Split, alpha: float, seed: int) -> dict[str, dict[str, tuple[float, ...]]]:
    """What the sets of both sides do on the titles held out: each value with its interval, where it has one."""
    held = split.held
    ours = fit_conformal(split.probabilities, split.target, split.group, alpha=alpha)
    true = split.probabilities[np.arange(len(split.target)), split.target]
    common = one_threshold(np.repeat(true, split.count), alpha)
    rare = (ours.titles < enough_titles(alpha))[held.target]
    sets = {OURS: ours.sets(split.said), PEER: split.said >= np.float32(common)}
    hit = {who: held.hits(of).astype(np.float64) for who, of in sets.items()}
    all_titles = np.ones(len(rare), bool)
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    for who, of in sets.items():
        values = {
            "covered": (hit[who], all_titles),
            "covered_tail": (hit[who], held.tail),
            "covered_rare": (hit[who], rare),
            "set_size": (of.sum(axis=1).astype(np.float64), all_titles),
            "more_tail": (hit[OURS] - hit[PEER], held.tail),
            "more_rare": (hit[OURS] - hit[PEER], rare),
        }
        found[who] = dict(intervals(values, held.group, seed))
        found[who]["too_low"] = (too_low(hit[who] > 0, held.target, alpha),)
        found[who]["one_class"] = (float((of.sum(axis=1) == 1).mean()),)
    return found


def table(data: str, found: dict[tuple[float, str], dict[str, list[tuple[float, ...]]]]) -> Listing:
    """Both sides at every alpha."""
    columns = ("covered", "covered_tail", "more_tail", "covered_rare", "more_rare", "too_low", "set_size", "one_class")
    rows = []
    for (alpha, who), values in found.items():
        cells = []
        for name in columns:
            cell = None if who == PEER and name.startswith("more_") else middle(values[name])
            cells.append(cell[0] if cell is not None and len(cell) == 1 else cell)
        rows.append((alpha, who, *cells))
    return Listing(f"conformal_{data}", ("alpha", "thresholds", *columns), tuple(rows))


def figures(data: str, found: dict[tuple[float, str], dict[str, list[tuple[float, ...]]]]) -> list[Figure]:
    """Ours beside one threshold, at the usual alpha."""
    made = []
    for name, unit, better in (
        ("covered", "share", "higher"),
        ("covered_tail", "share", "higher"),
        ("covered_rare", "share", "higher"),
        ("set_size", "classes", "lower"),
    ):
        ours, theirs = (middle(found[SHOWN, who][name]) for who in (OURS, PEER))
        if ours is None or theirs is None:
            continue
        ratio = ours[0] / theirs[0] if better == "higher" else theirs[0] / ours[0]
        made.append(Figure(f"{name}_{data}", ours[0], unit, better, "one threshold", theirs[0], ratio))
    return made


if __name__ == "__main__":
    sys.exit(main())

"""Annotation: what a label is worth by who chooses it, and how many wrong labels are found.

    python -m bench.annotation            fashion_styles, MiniLM
    python -m bench.annotation --quick    made-up data, in a minute

The pool and the test rows have no title in common. Every strategy begins with the same random labels and is given the
true label of each row it asks for. Random choice draws among all rows, as a person would; the others are offered each
group of nearly equal titles once, as ``evenshelf annotate export`` does. What is learned from the labels is the same
for all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from bench.data import label_task
from bench.harness import Figure, Listing, Report, say
from evenshelf.annotating.confident import doubts
from evenshelf.annotating.model import Labels, cross_fitted, fit
from evenshelf.annotating.strategies import STRATEGIES, Candidates, nearest_distance
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.errors import EvenshelfError
from evenshelf.tasks.folds import grouped_folds

PEER = "random choice"
SELF_CONFIDENCE = "ranking by self-confidence"
FLIPPED = 0.05
"""Share of labels made wrong."""
NEAR = 3
"""A label becomes one of so many nearest classes where flips are to classes that are easily confused."""

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: str
    pool: int
    test: int
    start: int
    batch: int
    budgets: tuple[int, ...]
    at: int
    ladder: tuple[int, ...]
    top: tuple[int, ...]
    seeds: int
    json: Path | None


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of the data."""

    vectors: Floats
    names: Floats
    target: Codes
    group: Codes


def arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.annotation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="1,000 made-up rows: under a minute")
    parser.add_argument("--seeds", type=int, help="repeats of everything: 5; with --quick 2")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    if given.quick:
        budgets, ladder, top = (40, 60, 80, 100), (150, 200, 300, 500), (10, 25)
        return Asked("simulated", 500, 500, 40, 20, budgets, 80, ladder, top, given.seeds or 2, given.json)
    budgets, ladder = (200, 400, 600, 800, 1000, 1500), (2000, 3000, 4000, 6000, 8000, 10_000)
    return Asked("fashion", 10_000, 10_000, 200, 100, budgets, 1000, ladder, (200, 500), given.seeds or 5, given.json)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    try:
        with threadpool_limits(1):  # products of a few hundred rows: more threads only wait for each other
            measure(asked).finish(asked.json)
    except EvenshelfError as error:
        say(str(error))
        return 1
    return 0


def measure(asked: Asked) -> Report:
    """Both halves: which rows to ask for, and which labels to doubt."""
    report = Report("annotation")
    task = label_task(asked.data, 1000 if asked.data == "simulated" else None, 0)
    assert task.texts is not None
    say(f"{len(task.target):,} rows, {len(task.classes)} classes; encoding")
    encoder, cache = open_encoder("minilm", task.texts), VectorCache()
    rows = Rows(cache.encode(encoder, task.texts), cache.encode(encoder, task.class_texts), task.target, task.group)
    report.settings = {
        "data": asked.data,
        "pool": asked.pool,
        "test": asked.test,
        "classes": len(task.classes),
        "encoder": "minilm",
        "start": asked.start,
        "batch": asked.batch,
        "seeds": asked.seeds,
        "flipped": FLIPPED,
    }
    choosing(asked, rows, report)
    doubting(asked, rows, report)
    report.notes += [
        (
            f"Means of {asked.seeds} seeds: each draws pool, test rows, first labels and flips anew. "
            "macro_f1 is over the classes present among the test rows."
        ),
        (
            "Labels are those of the data, of annotators who never err. Labels that were wrong before any was flipped "
            "count as right, so the precision of suspects is at least what is shown."
        ),
        (
            "Wrong labels, all suspects: the peer there is the set of confident learning (as cleanlab has it), as "
            "large; elsewhere it is the ranking by self-confidence."
        ),
    ]
    return report


def choosing(asked: Asked, rows: Rows, report: Report) -> None:
    """Learning curves of all strategies, and of a cold start."""
    curves: dict[str, NDArray[np.float64]] = {}
    classes: dict[str, NDArray[np.float64]] = {}
    for name in STRATEGIES:
        found = np.array([curve(asked, rows, name, seed) for seed in range(asked.seeds)])
        curves[name], classes[name] = found[:, :, 0], found[:, :, 1]
        say(f"{name}: " + ", ".join(f"{f:.3f}" for f in curves[name].mean(axis=0)))
    ladder = np.array([climb(asked, rows, seed) for seed in range(asked.seeds)])
    say("random, up to all labels: " + ", ".join(f"{f:.3f}" for f in ladder.mean(axis=0)))
    at = asked.budgets.index(asked.at)
    ours, theirs = float(curves["tail"][:, at].mean()), float(curves["random"][:, at].mean())
    budgets = np.array([*asked.budgets, *asked.ladder], float)
    random_f1 = np.concatenate([curves["random"].mean(axis=0), ladder.mean(axis=0)])
    needed, reached = labels_needed(budgets, random_f1, ours)
    cold = np.array([cold_start(asked, rows, seed) for seed in range(asked.seeds)]).mean(axis=0)
    unit = "macro-F1"
    report.figures += [
        Figure(f"macro_f1_at_{asked.at}", ours, unit, "higher", PEER, theirs, ours / theirs),
        Figure("labels_saved_ratio", needed / asked.at, "x", "higher", PEER, needed, needed / asked.at),
        Figure(
            f"cold_macro_f1_at_{asked.start}",
            float(cold[0]),
            unit,
            "higher",
            PEER,
            float(cold[1]),
            float(cold[0] / cold[1]),
        ),
    ]
    table: list[tuple[Any, ...]] = []
    for name in sorted(curves, key=lambda name: -curves[name][:, at].mean()):
        spread = float(curves[name][:, at].std(ddof=1)) if asked.seeds > 1 else None
        table.append((name, *curves[name].mean(axis=0).tolist(), spread, float(classes[name][:, at].mean())))
    columns = ("strategy", *(f"at_{budget}" for budget in asked.budgets), f"spread_{asked.at}", f"classes_{asked.at}")
    report.tables += [
        Listing("choosing", columns, tuple(table)),
        Listing(
            "more_labels",
            ("strategy", *(f"at_{budget}" for budget in asked.ladder)),
            (("random", *ladder.mean(axis=0).tolist()),),
        ),
    ]
    if not reached:
        report.notes.append(
            f"Random choice does not reach that macro-F1 with all {asked.ladder[-1]:,} labels of the pool: "
            "labels_saved_ratio is what it had, at least."
        )


def split(asked: Asked, rows: Rows, seed: int) -> tuple[Codes, Codes, np.random.Generator]:
    """Pool and test rows without a title in common."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.unique(rows.group))
    inside = np.isin(rows.group, groups[: len(groups) // 2])
    pool = rng.permutation(np.flatnonzero(inside))[: asked.pool]
    return pool, rng.permutation(np.flatnonzero(~inside))[: asked.test], rng


def labels_of(rows: Rows, index: Codes, target: Codes | None = None) -> tuple[Labels, Codes]:
    """Labelled rows, and the classes that their codes stand for."""
    classes, codes = np.unique(rows.target[index] if target is None else target, return_inverse=True)
    return Labels(rows.vectors[index], codes.reshape(-1).astype(np.int64), rows.names[classes]), classes


def score(rows: Rows, labelled: Codes, test: Codes) -> float:
    """macro-F1 on the test rows of what is learned from the labelled ones."""
    labels, classes = labels_of(rows, labelled)
    predicted = classes[fit(labels)(rows.vectors[test]).argmax(axis=1)]
    truth = rows.target[test]
    return float(f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))


def once_a_title(rows: Rows, pool: Codes, labelled: Codes) -> Codes:
    """Rows of the pool whose title is like no labelled one and no earlier one."""
    pool = pool[~np.isin(rows.group[pool], rows.group[labelled])]
    return pool[np.sort(np.unique(rows.group[pool], return_index=True)[1])]


def curve(asked: Asked, rows: Rows, name: str, seed: int) -> list[tuple[float, int]]:
    """macro-F1 and classes found at each budget."""
    pool, test, rng = split(asked, rows, seed)
    labelled = pool[: asked.start]
    found = []
    while True:
        if len(labelled) in asked.budgets:
            found.append((score(rows, labelled, test), len(np.unique(rows.target[labelled]))))
        if len(labelled) >= asked.budgets[-1]:
            return found
        left = pool[~np.isin(pool, labelled)]
        if name != "random":
            left = once_a_title(rows, left, labelled)
        labels, _ = labels_of(rows, labelled)
        candidates = Candidates(
            rows.vectors[left],
            fit(labels)(rows.vectors[left]) if name != "random" else None,
            np.bincount(labels.target),
            nearest_distance(rows.vectors[left], labels.vectors),
        )
        labelled = np.concatenate([labelled, left[STRATEGIES[name].choose(candidates, asked.batch, rng, _silent)]])


def climb(asked: Asked, rows: Rows, seed: int) -> list[float]:
    """macro-F1 of random choice at the large budgets."""
    pool, test, _ = split(asked, rows, seed)
    return [score(rows, pool[:budget], test) for budget in asked.ladder]


def cold_start(asked: Asked, rows: Rows, seed: int) -> tuple[float, float]:
    """macro-F1 after the first labels, chosen by the default and at random."""
    pool, test, rng = split(asked, rows, seed)
    once = once_a_title(rows, pool, pool[:0])
    candidates = Candidates(rows.vectors[once], None, None, np.full(len(once), np.inf, np.float32))
    chosen = once[STRATEGIES["tail"].choose(candidates, asked.start, rng, _silent)]
    return score(rows, chosen, test), score(rows, pool[: asked.start], test)


def labels_needed(budgets: NDArray[np.float64], f1: NDArray[np.float64], wanted: float) -> tuple[float, bool]:
    """Labels at which a curve first reaches a value, between two budgets by a straight line; False if it never does."""
    above = np.flatnonzero(f1 >= wanted)
    if not len(above):
        return float(budgets[-1]), False
    first = int(above[0])
    if not first:
        return float(budgets[0]), True
    share = (wanted - f1[first - 1]) / (f1[first] - f1[first - 1])
    return float(budgets[first - 1] + share * (budgets[first] - budgets[first - 1])), True


def doubting(asked: Asked, rows: Rows, report: Report) -> None:
    """Precision and recall of suspects, for labels flipped at random and to classes that are easily confused."""
    table: list[tuple[Any, ...]] = []
    for kind in ("random", "near"):
        found = []
        for seed in range(asked.seeds):
            found.append(doubt_once(asked, rows, kind, seed))
            say(f"suspects, {kind} flips, seed {seed}: precision of the first {asked.top[0]}: {found[-1][0][0][0]:.3f}")
        ours, theirs = (np.array(part).mean(axis=0).tolist() for part in zip(*found, strict=True))
        for listed, mine, peer in zip((*(f"first {k}" for k in asked.top), "all suspects"), ours, theirs, strict=True):
            table.append((kind, listed, *mine, *peer))
        name, value, other = f"suspects_precision_at_{asked.top[0]}_{kind}", ours[0][0], theirs[0][0]
        report.figures.append(Figure(name, value, "share", "higher", SELF_CONFIDENCE, other, value / max(other, 1e-9)))
    columns = ("flips", "listed", "precision", "recall", "peer_precision", "peer_recall")
    report.tables.append(Listing("doubting", columns, tuple(table)))


def doubt_once(
    asked: Asked, rows: Rows, kind: str, seed: int
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Precision and recall among the first k, then of the whole set of suspects: ours, and the peer's.

    The peer has no set of its own: confident learning by itself stands there.
    """
    rng = np.random.default_rng(seed)
    index = rng.permutation(len(rows.target))[: asked.pool]
    given, wrong = flipped(rows, index, kind, rng)
    labels, _ = labels_of(rows, index, given)
    fold = grouped_folds(labels.target, rows.group[index], 5, seed)
    judged = fold >= 0
    p = cross_fitted(labels, fold, labels.vectors[judged], fold[judged], progress=_silent)
    target, bad = labels.target[judged], wrong[judged]
    doubt = doubts(target, p)
    ours = np.lexsort((-doubt.doubt, ~doubt.suspect))
    theirs = np.argsort(p[np.arange(len(target)), target], kind="stable")
    total = wrong.sum()

    def of(listed: Codes) -> tuple[float, float]:
        return float(bad[listed].mean()), float(bad[listed].sum() / total)

    mine, peer = ([of(order[:k]) for k in asked.top] for order in (ours, theirs))
    return [*mine, of(np.flatnonzero(doubt.suspect))], [*peer, of(np.flatnonzero(doubt.contradicted))]


def flipped(rows: Rows, index: Codes, kind: str, rng: np.random.Generator) -> tuple[Codes, NDArray[np.bool_]]:
    """Labels of which a share is wrong, and which ones are."""
    truth = rows.target[index]
    given = truth.copy()
    classes = np.unique(truth)
    centres = np.stack([rows.vectors[index[truth == c]].mean(axis=0) for c in classes])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    alike = centres @ centres.T
    np.fill_diagonal(alike, -np.inf)
    for row in rng.permutation(len(index))[: round(FLIPPED * len(index))]:
        own = int(np.searchsorted(classes, truth[row]))
        others = np.argsort(-alike[own])[:NEAR] if kind == "near" else np.delete(np.arange(len(classes)), own)
        given[row] = classes[rng.choice(others)]
    return given, given != truth


def _silent(what: str, done: int, total: int | None) -> None:
    del what, done, total


if __name__ == "__main__":
    sys.exit(main())

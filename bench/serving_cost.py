"""What labelling costs and how good it is, by what is served: frozen heads, a tuned model in 8 bits, its distillation.

    python -m bench.serving_cost               2,000 English titles without the words of labels, two folds: 15 minutes
    python -m bench.serving_cost --titles plain masked --folds 5 --learner "finetune_heads(epochs=8, rate=0.0002)"
    python -m bench.serving_cost --quick       150 made-up titles, a model that nobody has trained: seconds

The peer distils the same tuned models with Model2Vec, by its own code and at its own settings. All have the same folds
over title groups and linear heads under the same remedy; penalties are the best of eight on the first fold, but for the
tuned model, which has its usual one. Times are of vectors and head together, on all cores that the process may use
(``taskset -c 0 python -m bench.serving_cost`` for one).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data import label_task
from bench.finetune_label import MASKED, NAMES, PLAIN, masked
from bench.harness import Figure, Listing, Report, known, say
from bench.peer_distilled import distilled_by_peer
from bench.tiny_bert import tiny_bert
from evenshelf.encoders import Encoder, VectorCache, open_encoder
from evenshelf.encoders.base import unit_rows
from evenshelf.encoders.weights import minilm_folder
from evenshelf.errors import EvenshelfError
from evenshelf.learners import learner_kind
from evenshelf.learners.bundling import fit_on
from evenshelf.learners.finetune.network import tokenizer_of
from evenshelf.learners.heads import LoneHead
from evenshelf.learners.language_models import penalty_of_heads
from evenshelf.learners.vectors import Vectors, prepare
from evenshelf.remedies import Remedy, parse
from evenshelf.study.judged import chosen_penalty, macro_and_tail
from evenshelf.study.serving_cost import Cost, bytes_of, cost_of
from evenshelf.study.train_distilled import Frozen, fit_distilled
from evenshelf.study.train_tuned import laid_out, rows_for, tuned_without
from evenshelf.tasks.label import LabelTask

Floats = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Floats]

LEARNER = "finetune_heads(epochs=4, rate=0.0002, scope='layers', layers=2)"
QUICK = "finetune_heads(model={!r}, epochs=2, rate=0.01, length=16)"
QUICK_ROWS = 400
"""Titles of a quick run, those without a label as well."""
FROZEN = ("minilm", "fast", "tfidf", "fused")
TUNED, DISTILLED, PEER = "tuned, 8 bits", "distilled, static", "distilled by Model2Vec"
COLUMNS = ("data", "titles", "rows", "served", "macro_f1", "tail_f1", "same_label", "ms_alone", "ms_together")
COLUMNS += ("megabytes",)
_MEGA = 1e6


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: str
    rows: int
    titles: tuple[str, ...]
    learner: str
    remedy: str
    folds: int
    seed: int
    json: Path | None

    @property
    def quick(self) -> bool:
        """Whether it is only tried."""
        return self.data == "simulated"


@dataclass(frozen=True)
class Served:
    """A line of the table; `same` is the share of titles with the label of the tuned model, where that is known."""

    macro_f1: float
    tail_f1: float
    cost: Cost
    bytes: int
    same: float | None = None


def arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving_cost", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="150 made-up titles: seconds")
    parser.add_argument("--data", choices=("fashion", "zh"), default="fashion")
    parser.add_argument("--rows", type=int, help="rows drawn with the seed: 2,000")
    parser.add_argument("--titles", nargs="+", choices=("plain", "masked"), default=("masked",), help="masked")
    parser.add_argument("--learner", help=LEARNER)
    parser.add_argument("--remedy", default="balanced", help="balanced")
    parser.add_argument("--folds", type=int, default=2, choices=range(1, 6), help="of five, that are measured: 2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    quick = given.quick
    return Asked(
        data="simulated" if quick else given.data,
        rows=given.rows or (150 if quick else 2_000),
        titles=tuple({"plain": PLAIN, "masked": MASKED}[name] for name in given.titles),
        learner=given.learner or LEARNER,
        remedy=given.remedy,
        folds=1 if quick else given.folds,
        seed=given.seed,
        json=given.json,
    )


def main(words: Sequence[str] | None = None) -> int:
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
    """All that can be served, on all titles; the folder is for what is needed meanwhile."""
    report = Report("serving_cost")
    say(f"reading {asked.data}")
    all_titles = label_task(asked.data, QUICK_ROWS if asked.quick else None, asked.seed)
    whole = (
        all_titles.sampled(asked.rows, asked.seed) if asked.quick else label_task(asked.data, asked.rows, asked.seed)
    )
    lines: list[tuple[Any, ...]] = []
    report.settings = {name: getattr(asked, name) for name in ("data", "rows", "learner", "remedy", "folds", "seed")}
    if asked.quick:
        report.settings["learner"] = QUICK.format("tiny")
        assert all_titles.texts is not None
        asked = replace(asked, learner=QUICK.format(tiny_bert(folder / "bert", all_titles.texts)))
    for titles in asked.titles:
        task, every = (whole, all_titles) if titles == PLAIN else (masked(whole), masked(all_titles))
        assert every.texts is not None
        found = served(asked, task, every.texts, report)
        about = (asked.data, titles, len(task.target))
        for name, one in found.items():
            costs = (one.cost.alone, one.cost.together, one.bytes / _MEGA)
            lines.append((*about, name, one.macro_f1, known(one.tail_f1), one.same, *costs))
        report.figures += figures(found, NAMES[titles])
    report.tables.append(Listing("serving_cost", COLUMNS, tuple(lines)))
    report.notes += [
        (
            f"F1 is that of {asked.folds} of five folds together, whose titles no model and no table has seen. The "
            "first of them chose the penalties of all heads but those of the tuned model."
        ),
        (
            "MB are those of the arrays and the tokenizer that a bundle holds, float32 for the tuned model; of minilm "
            "and fused the weights that come with a package are counted as well."
        ),
    ]
    return report


def served(asked: Asked, task: LabelTask, further: Sequence[str], report: Report) -> dict[str, Served]:
    """Everything that can be served of a task, by what it is called."""
    assert task.texts is not None
    learner, remedy = learner_kind(asked.learner), parse(asked.remedy).bound(task.classes)
    fold = task.split(5, asked.seed)
    fold = np.where(fold < asked.folds, fold, -1).astype(np.int16)
    cache = VectorCache()
    found, scores = {}, {}
    for spec in FROZEN[:1] if asked.quick else FROZEN:
        say(f"heads on {spec}")
        encoder = open_encoder(spec, task.texts)
        once = partial(cache.encode, encoder)
        encode = dict.fromkeys(range(asked.folds), once)
        made = _heads(task, remedy, fold, encode, asked.seed)
        cost = cost_of(encoder.encode, made.head, task.texts)
        found[f"frozen {spec}"] = _line(task, made, cost, _size_of(encoder))
        scores[spec] = made.scores
    vectors, names = (cache.encode(open_encoder("minilm"), list(some)) for some in (task.texts, task.class_texts))
    rows, called = rows_for(task, learner, vectors, names)
    prepared = laid_out(task, rows, fold)
    say(f"tuning and distilling {asked.folds + 1} models")
    fitted, _ = fit_distilled(
        task,
        learner,
        remedy,
        prepared,
        called,
        fold=fold,
        frozen=Frozen("minilm", scores["minilm"]),
        further=further,
        seed=asked.seed,
        progress=lambda done, total: say(f"  {done} of {total}"),
    )
    told = fitted.measured["distilled"]
    lost = told["out_of_fold"]
    for name, key in ((TUNED, "tuned"), (DISTILLED, "distilled")):
        cost = Cost(told["ms_alone"][key], told["ms_together"][key])
        tail = lost["tail_f1"][key]
        same = None if name == TUNED else lost["same_label"]
        found[name] = Served(
            lost["macro_f1"][key], float("nan") if tail is None else tail, cost, told["bytes"][key], same
        )
    report.notes.append(
        f"Learned from {told['texts']:,} titles, {told['without_label']:,} of them without a label; cosine to the "
        f"tuned model {lost['cosine']:.3f} in the mean, {lost['cosine_of_the_worst_twentieth']:.3f} for the worst "
        "twentieth."
    )
    say("distilling with Model2Vec")
    strength = penalty_of_heads(1)[0]
    by_peer: dict[int, Encode] = {}
    size = 0
    for number in range(asked.folds):
        tuned = tuned_without(learner, remedy, prepared, called, (number,), penalty=strength, seed=asked.seed)
        static, size = distilled_by_peer(tuned.tuned.network.module, tokenizer_of(tuned.settings.model))
        by_peer[number] = static
    made = _heads(task, remedy, fold, by_peer, asked.seed)
    found[PEER] = _line(task, made, cost_of(by_peer[0], made.head, task.texts), size)
    return found


@dataclass(frozen=True, eq=False)
class _Made:
    scores: Floats
    truth: NDArray[np.int64]
    head: LoneHead


def _heads(task: LabelTask, remedy: Remedy, fold: NDArray[np.int16], encode: Mapping[int, Encode], seed: int) -> _Made:
    """What heads say of the folds that they have not seen, each on vectors of its own, and the last head."""
    assert task.texts is not None
    scores, truth, penalty, classes = [], [], None, len(task.classes)
    head: LoneHead | None = None
    for number, own in encode.items():
        vectors, names = (unit_rows(own(list(some))) for some in (task.texts, task.class_texts))
        rows: Vectors = prepare(vectors, task.target, fold, task.same)
        penalty = chosen_penalty(rows, task, remedy, names, seed) if penalty is None else penalty
        others = tuple(other for other in range(-1, rows.folds) if other != number)
        fitted, _ = fit_on(rows, others, classes, remedy, names=names, penalty=penalty, seed=seed)
        scores.append(np.concatenate([fitted.scores(block, remedy) for block in rows.blocks((number,))]))
        truth.append(rows.target[rows.index((number,))])
        head = LoneHead(fitted, remedy, rows.mean, rows.axes, rows.scale)
    assert head is not None
    return _Made(np.concatenate(scores), np.concatenate(truth), head)


def _line(task: LabelTask, made: _Made, cost: Cost, size: int) -> Served:
    return Served(*macro_and_tail(made.truth, made.scores.argmax(axis=1), task), cost, size)


def _size_of(encoder: Encoder) -> int:
    reads_minilm = encoder.name in ("minilm", "fused")
    return bytes_of(encoder) + reads_minilm * (minilm_folder() / "model.safetensors").stat().st_size


def figures(found: Mapping[str, Served], prefix: str) -> list[Figure]:
    """The distilled model beside the tuned one that it was made of, and beside the peer."""
    small, large, peer = found[DISTILLED], found[TUNED], found[PEER]

    def beside(name: str, ours: float, theirs: float, unit: str, who: str) -> Figure:
        better = unit == "F1"
        ratio = (ours / theirs if better else theirs / ours) if ours and theirs else None
        return Figure(f"{prefix}{name}", ours, unit, "higher" if better else "lower", who, theirs, ratio)

    shown = [
        beside("macro_f1", small.macro_f1, large.macro_f1, "F1", TUNED),
        beside("ms_alone", small.cost.alone, large.cost.alone, "ms", TUNED),
        beside("ms_together", small.cost.together, large.cost.together, "ms", TUNED),
        beside("megabytes", small.bytes / _MEGA, large.bytes / _MEGA, "MB", TUNED),
        beside("macro_f1_beside_peer", small.macro_f1, peer.macro_f1, "F1", PEER),
        beside("ms_together_beside_peer", small.cost.together, peer.cost.together, "ms", PEER),
    ]
    if np.isfinite([small.tail_f1, large.tail_f1]).all():
        shown.insert(1, beside("tail_f1", small.tail_f1, large.tail_f1, "F1", TUNED))
    return shown


if __name__ == "__main__":
    sys.exit(main())

"""Class names as prior: whether what they gain comes from what the names say.

    python -m bench.name_prior            10,000 English titles, Chinese ones with an exponential tail, four worlds
    python -m bench.name_prior --quick    400 made-up titles and one world, in a minute

The gain has to go where the names are shuffled among the classes or are mere codes, and where titles are codes. What is
left of it where titles no longer hold the words of the labels tells how much was reading labels off titles. A class
without a single example has to be found by its name. All remedies have the same folds over title groups and the same
number of settings; differences carry 95 % intervals of a paired bootstrap over title groups, p is corrected for the
remedies of a study (Holm).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from bench import label_masks
from bench.data import label_task, shop_of
from bench.harness import Figure, Listing, Report, say
from bench.name_tables import COLUMNS, Line, gains, unseen_lines
from bench.unseen import UnseenTask
from bench.worlds import EVENTS
from evenshelf.encoders import Encoder, VectorCache, open_encoder
from evenshelf.errors import EvenshelfError
from evenshelf.shop import simulate
from evenshelf.study.prepare import shop_task
from evenshelf.study.runner import Study
from evenshelf.study.verdict import decide
from evenshelf.tasks.label import LabelTask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.settings import World
    from evenshelf.study.results import StudyResult

PRIOR = "name_prior"
ADJUSTED = "logit_adjust(tau=0.5)"
PRIORS = (PRIOR, f"name_prior + {ADJUSTED}")
REMEDIES = ("balanced", "logit_adjust", ADJUSTED, *PRIORS)
"""What the composition gains under wrong names should be what its second part gains by itself."""
ENCODERS = {"fashion": "minilm", "zh": "tfidf", "simulated": "tfidf"}
ITEMS = 2000
"""Items of each world."""
MASKS: dict[str, Callable[[Sequence[str], Sequence[str]], list[str]]] = {
    "without the whole label": label_masks.without_label,
    "without any word of the label": label_masks.without_own_words,
    "without any word of all labels": label_masks.without_all_words,
}
AS_THEY_ARE, CODES = "as they are", "codes"
SHOP = 7
"""Seed of the worlds for the seed 0: the shops of the benchmark of worlds."""
PARTS = ("fashion", "zh", "worlds")


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: tuple[str, ...]
    rows: int
    worlds: tuple[World, ...]
    items: int
    shuffles: int
    folds: int
    budget: int
    seed: int
    workers: int | None
    trials: Path | None
    json: Path | None


def arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.name_prior", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="400 made-up titles, one shuffle, one world")
    parser.add_argument("--part", choices=PARTS, help="only this one")
    parser.add_argument("--rows", type=int, help="rows drawn with the seed: 10,000")
    parser.add_argument("--budget", type=int, help="settings per remedy: 8; with --quick 2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=Path, help="keep the trials there: a run that was interrupted goes on")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    quick, parts = given.quick, (given.part,) if given.part else PARTS
    worlds: tuple[World, ...] = ("codes",) if quick else ("language", "codes", "misleading", "flat")
    return Asked(
        data=("simulated",) if quick else tuple(part for part in parts if part != "worlds"),
        rows=given.rows or (400 if quick else 10_000),
        worlds=worlds if quick or "worlds" in parts else (),
        items=400 if quick else ITEMS,
        shuffles=1 if quick else 3,
        folds=3 if quick else 5,
        budget=given.budget or (2 if quick else 8),
        seed=given.seed,
        workers=1 if quick else None,
        trials=given.trials,
        json=given.json,
    )


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    try:
        with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
            measure(asked, asked.trials or Path(folder)).finish(asked.json)
    except EvenshelfError as error:
        say(str(error))
        return 1
    return 0


@dataclass(frozen=True, eq=False)
class Encoded:
    """A task with its vectors, what makes more of them, and the folder of its studies, which share what is equal."""

    task: LabelTask
    place: Path
    encoder: Encoder
    vectors: NDArray[np.float32]
    names: NDArray[np.float32]

    @classmethod
    def of(cls, task: LabelTask, spec: str, place: Path) -> Encoded:
        """Encode titles and class names through the cache."""
        assert task.texts is not None
        encoder = open_encoder(spec, task.texts)
        return cls(task, place, encoder, encode(encoder, task.texts), encode(encoder, task.class_texts))


def encode(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors through the cache."""
    return VectorCache().encode(encoder, texts).astype(np.float32, copy=False)


def measure(asked: Asked, folder: Path) -> Report:
    """All questions on all data."""
    run = Run(asked, folder)
    for data in asked.data:
        say(f"reading {data}")
        given = Encoded.of(label_task(data, asked.rows, asked.seed), ENCODERS[data], folder / data)
        found = run.study(given, REMEDIES)
        run.report.notes.append(
            f"{data}: {len(given.task.target):,} rows, {len(given.task.classes)} classes, vectors by {ENCODERS[data]}. "
            f"{decide(found).headline}"
        )
        run.names(data, given, found)
        run.titles(data, given, found)
        run.unseen(data, given)
    for world in asked.worlds:
        run.world(world)
    return run.finished()


class Run:
    """What was asked, and what has been found so far."""

    def __init__(self, asked: Asked, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        self.report = Report("name_prior")
        self.report.settings = {
            "data": list(asked.data),
            "rows": asked.rows,
            "worlds": list(asked.worlds),
            "items": asked.items,
            "remedies": ["none", *REMEDIES],
            "folds": asked.folds,
            "budget": asked.budget,
            "seed": asked.seed,
        }
        self.lines: dict[str, list[Line]] = {name: [] for name in COLUMNS}

    def study(self, given: Encoded, remedies: Sequence[str], names: NDArray[np.float32] | None = None) -> StudyResult:
        """One study; `names` may stand in for those of the task."""
        asked = self.asked
        return Study(
            given.task,
            given.vectors,
            given.place,
            names=given.names if names is None else names,
            remedies=list(remedies),
            folds=asked.folds,
            budget=asked.budget,
            seed=asked.seed,
            workers=asked.workers,
        ).run()

    def names(self, data: str, given: Encoded, found: StudyResult) -> None:
        """The same titles and classes under other names."""
        classes, lines = given.task.classes, self.lines["names"]
        lines += [(data, AS_THEY_ARE, *line) for line in gains(found)]
        gain = decide(found)[PRIOR].diff
        left = []
        for seed in range(self.asked.shuffles):
            say(f"{data}: names shuffled, seed {seed}")
            moved = self.study(given, PRIORS, given.names[derangement(len(classes), seed)])
            lines += [(data, f"shuffled, seed {seed}", *line) for line in gains(moved, PRIORS)]
            left.append(decide(moved)[PRIOR].diff)
        peer = f"names shuffled, mean of {len(left)}"
        self.report.figures.append(Figure(f"gain_{data}", gain, "macro-F1", "higher", peer, fmean(left)))
        others = {CODES: [f"C{number:03d}" for number in range(len(classes))]}
        if data == "fashion":
            others["described by the levels above"] = list(replace(given.task, descriptions=levels_above()).class_texts)
        if any("|" in name for name in classes):
            others |= {
                "last part of the path": [name.split("|")[-1] for name in classes],
                "path without its last part": [" ".join(name.split("|")[:-1]) for name in classes],
            }
        for what, texts in others.items():
            say(f"{data}: names are {what}")
            other = self.study(given, PRIORS, encode(given.encoder, texts))
            lines += [(data, what, *line) for line in gains(other, PRIORS)]
            if what == CODES:
                codes = decide(other)[PRIOR].diff
                self.report.figures.append(
                    Figure(f"gain_of_codes_{data}", codes, "macro-F1", "lower", "names as they are", gain)
                )

    def titles(self, data: str, given: Encoded, found: StudyResult) -> None:
        """The same names and classes with titles that hold fewer and fewer words of them."""
        task, lines = given.task, self.lines["titles"]
        assert task.texts is not None
        shown = ("none", *PRIORS)
        lines += [(data, AS_THEY_ARE, 0.0, *line) for line in gains(found, shown)]
        labels = [task.classes[code] for code in task.target]
        for number, (what, mask) in enumerate(MASKS.items()):
            say(f"{data}: titles {what}")
            masked = mask(task.texts, labels)
            changed = fmean(one != other for one, other in zip(task.texts, masked, strict=True))
            made = Encoded.of(LabelTask.of(labels, masked), ENCODERS[data], self.folder / f"{data}-masked-{number}")
            lines += [(data, what, changed, *line) for line in gains(self.study(made, PRIORS), shown)]

    def unseen(self, data: str, given: Encoded) -> None:
        """Classes whose every example is left out of training, a drawn tenth in each fold."""
        say(f"{data}: classes never seen")
        asked, lines = self.asked, self.lines["unseen"]
        task, kept = UnseenTask.drawn(given.task, asked.folds, asked.seed)
        code = {name: number for number, name in enumerate(given.task.classes)}
        names = given.names[[code[name] for name in task.classes]]
        place = self.folder / f"{data}-unseen"
        known = replace(given, task=task, place=place, vectors=given.vectors[kept], names=names)
        cold = task.home >= 0
        found = unseen_lines(self.study(known, REMEDIES), cold)
        moved = self.study(known, PRIORS, names[derangement(len(names), asked.seed)])
        lines += [(data, AS_THEY_ARE, *line) for line in found]
        lines += [(data, "shuffled", *line) for line in unseen_lines(moved, cold, PRIORS)]
        recalls = {line[0]: line[1][0] for line in found}
        nameless = max(value for spec, value in recalls.items() if spec not in PRIORS)
        peer = "best remedy without names"
        self.report.figures.append(Figure(f"unseen_recall_{data}", recalls[PRIOR], "share", "higher", peer, nameless))
        self.report.notes.append(
            f"{data}, never seen: of {len(cold)} classes {int(cold.sum())} were drawn, about a tenth of all for each "
            f"fold, which holds all {int(cold[task.target].sum()):,} rows of them; "
            f"{len(given.task.target) - len(task.target):,} rows were left out, as their title group holds a drawn "
            "class beside another one. Settings are chosen on folds that hold unseen classes as well."
        )

    def world(self, world: World) -> None:
        """A simulated shop."""
        say(f"world {world}")
        asked, place = self.asked, self.folder / f"world-{world}"
        with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
            shop = simulate(
                Path(folder) / "shop", items=asked.items, seed=SHOP + asked.seed, world=world, events=EVENTS, pictures=0
            )
            given = Encoded.of(shop_task(shop, "category"), ENCODERS["simulated"], place)
        found = self.study(given, REMEDIES)
        verdict = decide(found)
        self.lines["worlds"] += [(world, *line) for line in gains(found)]
        self.report.figures.append(Figure(f"gain_in_{world}", verdict[PRIOR].diff, "macro-F1", "higher"))
        self.report.notes.append(f"{world}: {verdict.headline}")

    def finished(self) -> Report:
        """The report with its tables, those that are empty left out."""
        for name, columns in COLUMNS.items():
            if self.lines[name]:
                self.report.tables.append(Listing(f"prior_{name}", columns, tuple(self.lines[name])))
        self.report.notes += [
            "Titles without the words of labels are grouped anew: those that have become equal stay together.",
            "Words of its own label that are missing in a title tell its label as well; words of all labels do not.",
            f"Worlds have {self.asked.items:,} items, and vectors by {ENCODERS['simulated']}.",
            f"No names in another language: none of the sets has any, and {ENCODERS['fashion']} reads English only.",
        ]
        if self.asked.trials is not None:
            self.report.notes.append("Trials were kept: the seconds are those of the last run, which may have gone on.")
        return self.report


def levels_above() -> dict[str, str]:
    """Of each category of the English titles, the two levels that it has in the hierarchy of the shop most often."""
    items = shop_of("fashion", None, 0).items().drop_nulls("category")
    counts = items.group_by("category", "subCategory", "masterCategory").len()
    most = counts.sort("len", "subCategory", "masterCategory", descending=True).unique("category", keep="first")
    return {name: f"{sub}, {master}" for name, sub, master, _ in most.iter_rows()}


def derangement(size: int, seed: int) -> NDArray[np.int64]:
    """A drawn order in which nothing is where it was."""
    order = np.random.default_rng(seed).permutation(size)
    moved = np.empty(size, np.int64)
    moved[order] = np.roll(order, 1)
    return moved


if __name__ == "__main__":
    sys.exit(main())

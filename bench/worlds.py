"""Worlds: the same study of labels on simulated shops whose truth is known.

    python -m bench.worlds            2,000 items in each world, and language beside codes from 500 to 5,000: 15 minutes
    python -m bench.worlds --quick    600 items in two worlds, in a minute

No method may be flattered by its own test bed. What wins where titles speak (``language``) has to give nothing where
they are codes, and the verdict has to say so. How much there is to win hangs on how many examples the tail has, so the
two are set side by side at several sizes, each with several shops.
"""

from __future__ import annotations

import argparse
import math
import shutil
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Any, get_args

from bench.harness import Figure, Listing, Report, say
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.encoders.bag import word_matrix
from evenshelf.errors import EvenshelfError
from evenshelf.shop import simulate
from evenshelf.shop.simulation.settings import World
from evenshelf.study.prepare import shop_task
from evenshelf.study.runner import WORDS_SPEC, Study
from evenshelf.study.verdict import decide

if TYPE_CHECKING:
    from evenshelf.study.comparison import Comparison
    from evenshelf.study.verdict import Verdict

PRIOR = "name_prior"
ADJUSTED = "name_prior + logit_adjust"
REMEDIES = ("balanced", "logit_adjust", PRIOR, ADJUSTED, "smote")
"""What is compared with doing nothing: one remedy of each stage, and a composition."""
PEER = "the same in codes"
ENCODERS = ("tfidf", "fused")
"""Character n-grams alone, and beside the language model; figures are of the first."""
EVENTS = 1000
"""Events of each shop: labels do not depend on them, so few are made."""
SIZES = (500, 1000, 2000, 5000)
SHOPS = 3
"""Shops of each size, made with different seeds."""
OPPOSITES: tuple[World, ...] = ("language", "codes")


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    items: int
    worlds: tuple[World, ...]
    encoders: tuple[str, ...]
    folds: int
    budget: int
    seed: int
    sizes: tuple[int, ...]
    json: Path | None


def arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.worlds", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="600 items, language and codes: under a minute")
    parser.add_argument("--items", type=int, help="items of each shop: 2,000; with --quick 600")
    parser.add_argument("--encoder", help="only this one; else tfidf, and fused, which is chosen for these titles")
    parser.add_argument("--seed", type=int, default=7, help="of the shops: 7")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    quick = given.quick
    return Asked(
        items=given.items or (600 if quick else 2000),
        worlds=("language", "codes") if quick else get_args(World),
        encoders=(given.encoder,) if given.encoder else ("tfidf",) if quick else ENCODERS,
        folds=3,
        budget=4,
        seed=given.seed,
        sizes=() if quick or given.items else SIZES,
        json=given.json,
    )


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    try:
        measure(asked).finish(asked.json)
    except EvenshelfError as error:
        say(str(error))
        return 1
    return 0


def measure(asked: Asked) -> Report:
    """Study every world and set them side by side."""
    report = Report("worlds")
    report.settings = {
        "items": asked.items,
        "encoders": list(asked.encoders),
        "remedies": list(REMEDIES),
        "folds": asked.folds,
        "budget": asked.budget,
        "seed": asked.seed,
        "sizes": list(asked.sizes),
        "shops": SHOPS,
    }
    measured: dict[tuple[World, str, int], list[Verdict]] = {}
    found: dict[str, dict[World, Verdict]] = {encoder: {} for encoder in asked.encoders}
    with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
        for world in asked.worlds:
            found_here = judge(asked, world, asked.items, asked.seed, Path(folder))
            for encoder, verdict in found_here.items():
                found[encoder][world] = verdict
        for items in asked.sizes:
            for world in OPPOSITES:
                for seed in range(asked.seed, asked.seed + SHOPS):
                    for encoder, verdict in judge(asked, world, items, seed, Path(folder)).items():
                        measured.setdefault((world, encoder, items), []).append(verdict)
    columns = ("world", "encoder", "remedy", "macro_f1", "tail_f1", "accuracy", "difference", "p_holm")
    rows = [
        (world, encoder, *row)
        for world in asked.worlds
        for encoder in asked.encoders
        for row in model_rows(found[encoder][world])
    ]
    report.tables.append(Listing("worlds", columns, tuple(rows)))
    if measured:
        columns = ("world", "encoder", "items", "none", "gain", "gain_adjusted", "recommended", "no_better")
        report.tables.append(Listing("world_sizes", columns, tuple(size_row(*key, v) for key, v in measured.items())))
    verdicts = found[asked.encoders[0]]
    codes = verdicts["codes"][PRIOR].diff
    for world, verdict in verdicts.items():
        gain = verdict[PRIOR].diff
        peer, peer_value = (PEER, codes) if world != "codes" else (None, None)
        report.figures.append(Figure(f"{world}_{PRIOR}_gain", gain, "macro-F1", "higher", peer, peer_value))
    told = [world for world, verdict in verdicts.items() if not verdict.informative]
    report.notes += [
        *(f"{world}, {encoder}: {found[encoder][world].headline}" for world in asked.worlds for encoder in found),
        *(f"{world}, {asked.encoders[0]}, why: {' '.join(verdicts[world].reasons[:2])}" for world in told),
        f"Figures are those with {asked.encoders[0]}.",
        "Gains are differences in macro-F1 to doing nothing, both tuned, with 95 % intervals over title groups.",
        f"By size: medians of {SHOPS} shops, with the lowest and the highest.",
        f"The yardstick is plain word counts with class weights ({WORDS_SPEC}). Labels are those that the shop shows.",
    ]
    return report


def judge(asked: Asked, world: World, items: int, seed: int, folder: Path) -> dict[str, Verdict]:
    """Simulate one world, study its categories with each encoder, decide."""
    say(f"{world}: {items:,} items, seed {seed}")
    here = Path(mkdtemp(prefix=f"{world}-", dir=folder))
    shop = simulate(here / "shop", items=items, seed=seed, world=world, events=EVENTS, pictures=0)
    task = shop_task(shop, "category")
    assert task.texts is not None
    found = {}
    for spec in asked.encoders:
        encoder, cache = open_encoder(spec, task.texts), VectorCache()
        study = Study(
            task,
            cache.encode(encoder, task.texts),
            here / f"study-{spec}",
            names=cache.encode(encoder, task.class_texts),
            words=word_matrix(task.texts),
            remedies=", ".join(REMEDIES),
            folds=asked.folds,
            budget=asked.budget,
        )
        found[spec] = decide(study.run())
        say(f"{world}, {spec}: {found[spec].headline}")
    shutil.rmtree(here)
    return found


def size_row(world: World, encoder: str, items: int, verdicts: Sequence[Verdict]) -> tuple[Any, ...]:
    """One size of a world: values are medians over its shops, with the lowest and the highest."""

    def over(values: Sequence[float]) -> list[float]:
        return [statistics.median(values), min(values), max(values)]

    gains = (over([v[spec].diff for v in verdicts]) for spec in (PRIOR, ADJUSTED))
    said = Counter(v.recommended or "–" for v in verdicts)
    told = sum(not v.informative for v in verdicts)
    return (
        world,
        encoder,
        items,
        statistics.median(v["none"]["macro_f1"] for v in verdicts),
        *gains,
        ", ".join(f"{spec} × {times}" for spec, times in said.most_common()),
        f"{told}/{len(verdicts)}",
    )


def model_rows(verdict: Verdict) -> list[tuple[Any, ...]]:
    """Answers made without looking, and all models, best first."""
    guessed = {sight.metric: sight.guessed for sight in verdict.guessing}
    lines: list[tuple[Any, ...]] = [
        (c.spec, c["macro_f1"], c["tail_f1"], c["accuracy"], *difference(c)) for c in verdict.comparisons
    ]
    return [*lines, ("guessing", guessed["macro_f1"], None, guessed["accuracy"], None, None)]


def difference(c: Comparison) -> tuple[list[float] | None, float | None]:
    """Gain in macro-F1 with its interval, and its corrected p-value; unknown for the baseline, no p for a yardstick."""
    if not math.isfinite(c.diff):
        return None, None
    return [c.diff, c.low, c.high], c.p_holm if math.isfinite(c.p_holm) else None


if __name__ == "__main__":
    sys.exit(main())

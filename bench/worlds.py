"""Worlds: the same study of labels on simulated shops whose truth is known.

    python -m bench.worlds            2,000 items in each world
    python -m bench.worlds --quick    600 items in two worlds, in a minute

No method may be flattered by its own test bed. What wins where titles speak (``language``) has to give nothing where
they are codes, and the verdict has to say so.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
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

REMEDIES = ("balanced", "logit_adjust", "name_prior", "name_prior + logit_adjust", "smote")
"""What is compared with doing nothing: one remedy of each stage, and a composition."""
PRIOR = "name_prior"
PEER = "the same in codes"
ENCODERS = ("tfidf", "fused")
"""Character n-grams alone, and beside the language model; figures are of the first."""
EVENTS = 1000
"""Events of each shop: labels do not depend on them, so few are made."""


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    items: int
    worlds: tuple[World, ...]
    encoders: tuple[str, ...]
    folds: int
    budget: int
    seed: int
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
    }
    found: dict[str, dict[World, Verdict]] = {encoder: {} for encoder in asked.encoders}
    with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
        for world in asked.worlds:
            for encoder, verdict in judge(asked, world, Path(folder)).items():
                found[encoder][world] = verdict
                say(f"{world}, {encoder}: {verdict.headline}")
    columns = ("world", "encoder", "remedy", "macro_f1", "tail_f1", "accuracy", "difference", "p_holm")
    rows = [
        (world, encoder, *row)
        for world in asked.worlds
        for encoder in asked.encoders
        for row in model_rows(found[encoder][world])
    ]
    report.tables.append(Listing("worlds", columns, tuple(rows)))
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
        f"The yardstick is plain word counts with class weights ({WORDS_SPEC}). Labels are those that the shop shows.",
    ]
    return report


def judge(asked: Asked, world: World, folder: Path) -> dict[str, Verdict]:
    """Simulate one world, study its categories with each encoder, decide."""
    say(f"{world}: {asked.items:,} items")
    shop = simulate(folder / world, items=asked.items, seed=asked.seed, world=world, events=EVENTS, pictures=0)
    task = shop_task(shop, "category")
    assert task.texts is not None
    found = {}
    for spec in asked.encoders:
        encoder, cache = open_encoder(spec, task.texts), VectorCache()
        study = Study(
            task,
            cache.encode(encoder, task.texts),
            folder / f"{world}-{spec}",
            names=cache.encode(encoder, task.class_texts),
            words=word_matrix(task.texts),
            remedies=", ".join(REMEDIES),
            folds=asked.folds,
            budget=asked.budget,
        )
        found[spec] = decide(study.run())
    return found


def model_rows(verdict: Verdict) -> list[tuple[Any, ...]]:
    """Answers made without looking, and all models, best first."""
    guessed = {sight.metric: sight.guessed for sight in verdict.guessing}
    lines: list[tuple[Any, ...]] = [
        (c.spec, c.macro_f1, c.tail_f1, c.accuracy, *difference(c)) for c in verdict.comparisons
    ]
    return [*lines, ("guessing", guessed["macro_f1"], None, guessed["accuracy"], None, None)]


def difference(c: Comparison) -> tuple[list[float] | None, float | None]:
    """Gain in macro-F1 with its interval, and its corrected p-value; unknown for the baseline, no p for a yardstick."""
    if not math.isfinite(c.diff):
        return None, None
    return [c.diff, c.low, c.high], c.p_holm if math.isfinite(c.p_holm) else None


if __name__ == "__main__":
    sys.exit(main())

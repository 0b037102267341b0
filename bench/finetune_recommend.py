"""A language model tuned to what is taken together: lists with it, with the frozen one, and with neither.

    python -m bench.finetune_recommend            Amazon Beauty, 22,363 users and 12,101 items, in half an hour
    python -m bench.finetune_recommend --quick    a made-up shop of 300 users, in a minute
    python -m bench.finetune_recommend --sequences FILE --text FILE [--attributes FILE]    other data in these formats

Leave-one-out over all items, as `bench.recommend_beauty` has it. The model is tuned to histories without the last two
steps of each user, so it has seen neither the validation step, from which blends learn what to trust, nor the test.
Texts of Beauty are a few keywords an item and no titles. Nothing here reads which of two steps came first; "descending"
are users whom an order of ids cannot help. Texts alone choose among as many settings each, by the validation step of
some users; blends have one. Intervals are those of the paired difference over users.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.harness import Figure, Listing, Report, say
from bench.recommend_beauty import Fitted, best_of, line, places
from bench.recommend_data import Shop, made_up, read
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.errors import EvenshelfError
from evenshelf.learners.model_store import borrowing
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.registry import RankingLearner, ranking_learner
from evenshelf.learners.ranking.tuned.settings import Contrast
from evenshelf.remedies import parse

SETTINGS = 4
"""That texts alone try."""
QUICK = Contrast(layers=1, epochs=1)
COLUMNS = (
    "model",
    "reads",
    "recall_at_10",
    "recall_difference",
    "ndcg_at_10",
    "descending_recall_at_10",
    "head_recall_at_10",
    "torso_recall_at_10",
    "tail50_recall_at_10",
    "cpu_minutes",
)
PLAIN = ("text", "blend")
FIGURES = ("recall_at_10", "ndcg_at_10", "tail50_recall_at_10", "descending_recall_at_10")
WORDS, FROZEN, TUNED, BOTH = "words", "words and the frozen model", "words and the tuned model", "words and both models"


@dataclass(frozen=True)
class Rival:
    """One line of the table.

    Attributes
    ----------
    learner
        Spec.
    reads
        What it reads of items.
    frozen
        Whether vectors of the frozen model are among that.
    """

    learner: str
    reads: str
    frozen: bool


@dataclass(frozen=True, eq=False)
class Judged:
    """What came out for one: its line, and where each user's wanted item stands."""

    facts: dict[str, Any]
    rank: NDArray[np.float64]


def rivals(settings: Contrast) -> dict[str, tuple[Rival, ...]]:
    """Texts alone and blends, in the order of the table."""
    inside = f"({settings.spec})" if settings.spec else ""
    return {
        plain: (
            Rival(plain, WORDS, frozen=False),
            Rival(plain, FROZEN, frozen=True),
            Rival(f"{plain}_tuned{inside}", TUNED, frozen=False),
            Rival(f"{plain}_tuned{inside}", BOTH, frozen=True),
        )
        for plain in PLAIN
    }


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.finetune_recommend", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a made-up shop of 300 users")
    parser.add_argument("--sequences", type=Path, help="USER ITEM ITEM ... a line, oldest first; gram_Beauty_*")
    parser.add_argument("--text", type=Path, help="ITEM WORD|WORD ... a line")
    parser.add_argument("--attributes", type=Path, help="JSON of lists by item, or by its number of first appearance")
    parser.add_argument("--learners", nargs="+", choices=PLAIN, default=PLAIN, help="both, if not given")
    parser.add_argument("--settings", default="", help='of the tuning, such as "epochs=2, layers=1"')
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    if (given.sequences is None) != (given.text is None):
        parser.error("--sequences and --text go together")
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    try:
        tuned = ranking_learner(f"text_tuned({asked.settings})").fit
        settings = QUICK if asked.quick and not asked.settings else tuned.settings  # type: ignore[attr-defined]
        named = (asked.sequences, asked.text, asked.attributes)
        shop = made_up(asked.seed) if asked.quick else read(*named, seed=asked.seed)
        measure(shop, settings, asked.learners, asked.seed).finish(asked.json)
    except EvenshelfError as error:
        say(str(error))
        return 1
    return 0


def measure(shop: Shop, settings: Contrast, learners: Sequence[str], seed: int) -> Report:
    """All lines and what follows from them."""
    report = Report("finetune_recommend")
    users, items = len(shop.before.users), len(shop.before.items)
    report.settings = {"users": users, "items": items, "seed": seed, "tuning": settings.spec or "as usual"}
    report.settings["chosen"] = {}
    say("vectors of the frozen model")
    frozen = replace(shop, facts=replace(shop.facts, vectors=frozen_vectors(shop.facts)))
    rows: list[tuple[Any, ...]] = []
    for plain in learners:
        found: dict[str, Judged] = {}
        for rival in rivals(settings)[plain]:
            say(f"{rival.learner}: {rival.reads}")
            fitted, minutes = fit(ranking_learner(rival.learner), frozen if rival.frozen else shop, seed)
            report.settings["chosen"][f"{rival.learner}, {rival.reads}"] = fitted.setting
            found[rival.reads] = judged(fitted, shop, minutes)
            say(f"  recall@10 {found[rival.reads].facts['recall_at_10']:.4f}, {minutes:.1f} CPU minutes")
        rows += [told(plain, reads, one, found[FROZEN]) for reads, one in found.items()]
        report.figures += figures(found, "" if plain == "blend" else f"{plain}_")
    report.tables.append(Listing("finetune_recommend", COLUMNS, tuple(rows)))
    report.notes += [
        (
            f"{int(shop.descending.sum()):,} of {users:,} users are descending. Head, torso and tail are the first "
            "fifth, the next three tenths and the last half of the items by count."
        ),
        "Differences are those to the same learner with words and the frozen model, with 95 % intervals over users.",
        (
            "CPU minutes are those of the fit with the chosen setting; one tuning serves all that are fitted on the "
            "same steps, and its minutes are told of each. Vectors of the frozen model are not in them."
        ),
    ]
    return report


def frozen_vectors(facts: ItemFacts) -> NDArray[np.float32]:
    """``[I, d]`` of MiniLM as it comes; 0 of items without a text."""
    assert facts.titles is not None
    vectors = VectorCache().encode(open_encoder("minilm"), [title or " " for title in facts.titles]).copy()
    vectors[[not title for title in facts.titles]] = 0.0
    return vectors


def fit(learner: RankingLearner, shop: Shop, seed: int) -> tuple[Fitted, float]:
    """A learner with its best setting, and the CPU minutes of that fit, what it rests on included."""
    blends = "recount" in learner.grid
    evidence = Evidence(shop.before if blends else shop.counted, shop.facts)
    minutes = {}

    def once(setting: dict[str, Any]) -> Fitted:
        began, cpu = time.perf_counter(), time.process_time()
        with borrowing() as borrowed:
            ranker = learner.fit(evidence, parse("none"), setting=setting, seed=seed)
        minutes[repr(setting)] = (time.process_time() - cpu + borrowed.seconds) / 60
        return Fitted(learner.title, learner.directed, ranker, time.perf_counter() - began, setting)

    settings = [{**learner.default, "recount": False}] if blends else learner.settings(SETTINGS)
    found = best_of(settings, once, shop, seed)
    return found, minutes[repr(found.setting)]


def judged(fitted: Fitted, shop: Shop, minutes: float) -> Judged:
    """Asked for the test step of all users."""
    rank = places(fitted.ranker, shop.before, np.arange(len(shop.target)), shop.target)
    facts = line(fitted.title, rank, shop, seconds=fitted.seconds, size=fitted.ranker.bytes)
    return Judged({**facts, "cpu_minutes": minutes}, rank)


def told(plain: str, reads: str, one: Judged, base: Judged) -> tuple[Any, ...]:
    """A line of the table."""
    gain = (one.rank < 10).astype(np.float64) - (base.rank < 10)
    half = 1.96 * float(gain.std()) / np.sqrt(len(gain))
    between = None if one is base else [float(gain.mean()), float(gain.mean() - half), float(gain.mean() + half)]
    known = {**one.facts, "model": ranking_learner(plain).title, "reads": reads, "recall_difference": between}
    return tuple(known[column] for column in COLUMNS)


def figures(found: dict[str, Judged], prefix: str) -> list[Figure]:
    """With the tuned model beside the frozen one, and with the frozen one alone."""
    best, base = found[BOTH].facts, found[FROZEN].facts
    named = [
        Figure(f"{prefix}{name}", best[name], "share", "higher", FROZEN, base[name], _ratio(best[name], base[name]))
        for name in FIGURES
    ]
    minutes, others = best["cpu_minutes"], base["cpu_minutes"]
    return [*named, Figure(f"{prefix}cpu_minutes", minutes, "min", "lower", FROZEN, others, _ratio(others, minutes))]


def _ratio(ours: float, theirs: float) -> float | None:
    return ours / theirs if theirs else None


if __name__ == "__main__":
    sys.exit(main())

"""Recommendation in shops whose truth is known: what texts bring where they tell nothing, and who gets which rare item.

    python -m bench.recommend_worlds            1,500 items and 400,000 events in every world: 8 minutes
    python -m bench.recommend_worlds --quick    300 items in two worlds, in a minute

Two questions that no log of a real shop can answer. Where titles are mere codes, what is lent by similar titles has to
bring nothing, and the verdict has to say so. And does a remedy that shows more of the tail find the rare items that
suit a user, or does it push any? The simulated shop knows how well each item suits each user; of the items of the tail
that are shown, the share of the tail that suits the user less is .5 for any, and more for those that suit.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from bench.harness import Figure, Listing, Report, known, say
from evenshelf.errors import EvenshelfError
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.rankers.answering import Rules, answers
from evenshelf.remedies import parse
from evenshelf.shop import Shop, simulate
from evenshelf.shop.simulation.behaviour import MOST_LOG_TASTE
from evenshelf.shop.simulation.settings import World
from evenshelf.shop.simulation.truth import Truth
from evenshelf.shop.simulation.truth import read as read_truth
from evenshelf.study.comparison import Comparison
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.ranking.prepare import item_facts
from evenshelf.study.ranking.study import RankingStudy
from evenshelf.study.results import StudyResult
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.recommend import RecommendTask

LEARNER, LENT, TEXT = "near", "lent", "text"
"""Counts alone, the same with counts lent by similar titles, and titles alone."""
BASELINES = ("item_knn", LENT, TEXT, "als")
REMEDIES = (
    "none",
    "balanced",
    "inverse_propensity",
    "logit_adjust(tau=0.1)",
    "logit_adjust(tau=0.2)",
    "xquad",
    "fair_exposure",
)
PEER = "the same in codes"
PLACES = 10


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    items: int
    users: int
    events: int
    worlds: tuple[World, ...]
    budget: int
    seed: int
    json: Path | None


def arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.recommend_worlds", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="300 items, language and codes: under a minute")
    parser.add_argument("--seed", type=int, default=7, help="of the shops: 7")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    quick = given.quick
    return Asked(
        items=300 if quick else 1500,
        users=600 if quick else 6000,
        events=30_000 if quick else 400_000,
        worlds=("language", "codes") if quick else get_args(World),
        budget=3 if quick else 6,
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
    report = Report("recommend_worlds")
    report.settings = {
        "items": asked.items,
        "users": asked.users,
        "events": asked.events,
        "learner": LEARNER,
        "remedies": list(REMEDIES),
        "budget": asked.budget,
        "seed": asked.seed,
    }
    verdicts: dict[World, Verdict] = {}
    rows: list[tuple[Any, ...]] = []
    suits: dict[World, dict[str, float]] = {}
    with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
        for world in asked.worlds:
            say(f"{world}: {asked.items:,} items, {asked.events:,} events")
            here = Path(folder) / world
            simulate(
                here,
                items=asked.items,
                users=asked.users,
                events=asked.events,
                seed=asked.seed,
                world=world,
                language="en",
                pictures=0,
            )
            task = RecommendTask.from_shop(Shop.open(here), "click,cart,purchase", repeats=False, seed=asked.seed)
            facts, _ = item_facts(task, None)
            # columns of the shop tell the category in every world: here titles have to speak for themselves
            facts = ItemFacts(words=facts.words)
            result = study(task, facts, asked, here / "study")
            verdicts[world] = decide(result)
            say(f"{world}: {verdicts[world].headline}")
            suits[world] = suited(task, facts, result, read_truth(here), asked.seed)
            rows += [line(world, c, suits[world][c.spec]) for c in verdicts[world].comparisons]
    columns = ("world", "model", "macro_ndcg_at_10", "ndcg_at_10", "tail_ndcg_at_10", "difference", "tail_suits")
    report.tables.append(Listing("worlds", columns, tuple(rows)))
    for name, gain in (("text", text_gain), ("lent", lent_gain)):
        codes = gain(verdicts["codes"])
        for world, verdict in verdicts.items():
            peer, peer_value = (PEER, codes) if world != "codes" else (None, None)
            report.figures.append(
                Figure(f"{world}_{name}_gain", gain(verdict), "macro NDCG@10", "higher", peer, peer_value)
            )
    report.figures += [
        Figure(f"language_tail_suits_{name}", suits["language"][spec], "share", "higher", "any item of the tail", 0.5)
        for name, spec in (("none", "none"), ("balanced", "balanced"), ("lent", LENT))
        if math.isfinite(suits["language"][spec])
    ]
    report.notes += [
        *(f"{world}: {verdict.headline}" for world, verdict in verdicts.items()),
        "Gains of text are over what is popular, those of lent counts over counts alone.",
        "Lending to rare items spreads what is shown, whatever titles say: that much lent counts gain in codes.",
        "Differences are to counts alone, both tuned, in macro NDCG@10, with 95 % intervals over users.",
        "tail_suits: of the items of the tail among the first ten, how much of the tail suits the user less.",
    ]
    return report


def text_gain(verdict: Verdict) -> float:
    """What titles alone find more than what is popular."""
    return verdict[TEXT][verdict.metric] - verdict[POPULAR][verdict.metric]


def lent_gain(verdict: Verdict) -> float:
    """What counts find more once similar titles have lent some."""
    return verdict[LENT].diff


def line(world: World, c: Comparison, suits: float) -> tuple[Any, ...]:
    """One model in one world."""
    difference = [c.diff, c.low, c.high] if math.isfinite(c.diff) else None
    values = (known(c[name]) for name in ("macro_ndcg_at_10", "ndcg_at_10", "tail_ndcg_at_10"))
    return (world, c.spec, *values, difference, known(suits))


def study(task: RecommendTask, facts: ItemFacts, asked: Asked, folder: Path) -> StudyResult:
    """Remedies on counts alone, other learners beside them."""
    return RankingStudy(
        task,
        facts,
        folder,
        remedies=", ".join(REMEDIES),
        baselines=BASELINES,
        budget=asked.budget,
        seed=asked.seed,
        learner=LEARNER,
    ).run()


def suited(task: RecommendTask, facts: ItemFacts, result: StudyResult, truth: Truth, seed: int) -> dict[str, float]:
    """How well the items of the tail that are shown suit those who see them, by model; NaN where none is shown."""
    (sitting,) = task.sittings("last", folds=5, seed=seed)
    exam = sitting.judging
    evidence = Evidence(exam.known, facts)
    tail = np.isin(task.bucket(exam.known.counts), ["tail", "cold"])
    suits = affinity(truth, [task.histories.users[user] for user in exam.group], task.classes)
    order = np.argsort(np.argsort(suits[:, tail], axis=1), axis=1)
    share = np.full(suits.shape, np.nan)
    share[:, tail] = (order + 0.5) / tail.sum()
    found = {}
    for remedy in result.remedies:
        if remedy.tuned is None:
            continue
        chosen = dict(remedy.tuned.settings[0])
        under = parse(chosen.pop("remedy"))
        learner = ranking_learner(remedy.spec if remedy.reference else LEARNER)
        ranker = learner.fitted(evidence, under, setting=chosen, seed=seed)
        lists = answers(ranker, [under], exam.asked, evidence.prior, Rules(length=PLACES, seed=seed))[0].lists
        user, place = np.nonzero(lists >= 0)
        shown = share[user, lists[user, place]]
        found[remedy.spec] = float(np.nanmean(shown)) if np.isfinite(shown).any() else math.nan
    return found


def affinity(truth: Truth, users: Sequence[str], items: Sequence[str]) -> NDArray[np.float64]:
    """``[U, I]`` what of the chance of a click is between this user and this item, as a logarithm."""
    parameters = truth.parameters
    person = {user: row for row, user in enumerate(truth.users["user_id"].to_list())}
    thing = {item: row for row, item in enumerate(truth.items["item_id"].to_list())}
    who, what = np.array([person[user] for user in users]), np.array([thing[item] for item in items])
    style = np.array(truth.users["style"].to_list())[who] @ np.array(truth.items["style"].to_list())[what].T
    taste = np.array(truth.users["taste"].to_list())[who][:, truth.items["category"].to_numpy()[what]]
    log = np.clip(np.log(np.maximum(taste * len(truth.categories), 1e-9)), -MOST_LOG_TASTE, MOST_LOG_TASTE)
    fit = style / np.sqrt(parameters["style_size"])
    return np.asarray(parameters["style_click"] * fit + parameters["taste_click"] * log)


if __name__ == "__main__":
    sys.exit(main())

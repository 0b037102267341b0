"""Recommendation: what comes next for a user, by all registered learners, beside peers and what was published.

    python -m bench.recommend_beauty            Amazon Beauty, 22,363 users and 12,101 items, in half an hour
    python -m bench.recommend_beauty --quick    a made-up shop of 300 users, in a minute
    python -m bench.recommend_beauty --sequences FILE --text FILE [--attributes FILE]    other data in these formats

Leave-one-out, as in the papers: the last step of each user is the test, the step before it the validation, and counts
are made of all others; the history at the test holds the validation step. All items are ranked, but those of the
history. Settings are chosen by NDCG on the validation step of some users; the blend learns from that step, and chooses
by cross-fitting over users. In files whose dates are days, same-day steps stand in the order of the ids: users whose
wanted item has a lower id than their last one ("descending") are those whom that order cannot help. Learners that read
which of two steps came first are marked.

Peers are ALS of the package implicit; item kNN and ALS of LensKit; and SASRec of RecTools, which reads the order of
steps. LensKit and RecTools have environments of their own: `make lenskit` and `make rectools` make them, and
--without-lenskit and --without-rectools leave them out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import outside_lists
from bench.harness import Figure, Listing, Report, known, say
from bench.recommend_data import Shop, made_up, read
from bench.recommend_peers import OUTSIDE, PEER, PUBLISHED, STEPS, Als, tried
from evenshelf.errors import EvenshelfError
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.registry import RankingLearner, ranking_learners
from evenshelf.rankers.base import Ranker
from evenshelf.remedies import parse
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import cut_by_items, rank_of, ranking_metrics

BLEND = "learned blend"
BLOCK = 500
"""Users that are scored at once."""
ASKED = 5_000
"""Users by whom settings are chosen."""
COLUMNS = (
    "model",
    "directed",
    "recall_at_10",
    "ndcg_at_10",
    "descending_recall_at_10",
    "descending_ndcg_at_10",
    "head_recall_at_10",
    "torso_recall_at_10",
    "tail50_recall_at_10",
    "fit_seconds",
    "model_mib",
)
PUBLISHED_COLUMNS = ("model", "recall_at_10", "ndcg_at_10", "source")
FIGURES = ("recall_at_10", "ndcg_at_10", "tail50_recall_at_10", "descending_recall_at_10", "descending_ndcg_at_10")


@dataclass(frozen=True, eq=False)
class Fitted:
    """What is judged.

    Attributes
    ----------
    title
        How it is called.
    directed
        Whether it reads which of two steps came first.
    ranker
        That was fitted.
    seconds
        That the fit with the chosen setting took.
    setting
        That was chosen.
    """

    title: str
    directed: bool
    ranker: Ranker
    seconds: float
    setting: dict[str, Any]


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.recommend_beauty", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a made-up shop of 300 users")
    parser.add_argument("--sequences", type=Path, help="USER ITEM ITEM ... a line, oldest first; gram_Beauty_*")
    parser.add_argument("--text", type=Path, help="ITEM WORD|WORD ... a line")
    parser.add_argument("--attributes", type=Path, help="JSON of lists by item, or by its number of first appearance")
    parser.add_argument("--learners", nargs="*", help="which, by name, beside blend; all if not given")
    for peer in OUTSIDE:
        without = f"leave out {peer.name}, whose environment `make {peer.target}` makes"
        parser.add_argument(peer.flag, action="append_const", dest="without", const=peer, default=[], help=without)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    if (given.sequences is None) != (given.text is None):
        parser.error("--sequences and --text go together")
    return given


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    report = Report("recommend_beauty")
    outside = [peer for peer in OUTSIDE if peer not in asked.without]
    try:
        for other in outside:
            other.check()
        named = (asked.sequences, asked.text, asked.attributes)
        shop = made_up(asked.seed) if asked.quick else read(*named, seed=asked.seed)
    except EvenshelfError as error:
        say(str(error))
        return 1
    users, items = len(shop.before.users), len(shop.before.items)
    report.settings = {
        "users": users,
        "items": items,
        "seed": asked.seed,
        "texts": [name for name, _ in shop.facts.texts],
        "chosen": {},
    }
    lines = {}
    evidence = Evidence(shop.counted, shop.facts)
    for name, learner in ranking_learners().items():
        if asked.learners is not None and name not in {*asked.learners, "blend"}:
            continue
        if "titles" in learner.needs:
            continue  # they tune a language model, which bench.finetune_recommend measures
        if lacking := learner.lacking(evidence):
            report.notes.append(f"{lacking[0].upper()}{lacking[1:]}.")
            continue
        say(f"{name}: {users:,} users, {items:,} items")
        found = tuned(learner, shop, asked.seed)
        report.settings["chosen"][name] = found.setting
        lines[found.title] = judged(found, shop)
    say(PEER)
    peer_fit = tuned_peer(shop, asked.seed)
    report.settings["chosen"][PEER] = peer_fit.setting
    lines[PEER] = judged(peer_fit, shop)
    for other, model in [(peer, model) for peer in outside for model in peer.models]:
        say(model.title)
        theirs = outside_lists.tuned(other, model, shop, validators(shop, asked.seed), asked.seed)
        report.settings["chosen"][model.title] = theirs.setting
        rank, took, size = theirs.listed.places(shop.target), theirs.listed.seconds, theirs.listed.bytes
        lines[model.title] = line(model.title, rank, shop, directed=model.directed, seconds=took, size=size)
    best, peer = lines[BLEND], lines[PEER]
    for name in FIGURES:
        report.figures.append(
            Figure(name, best[name], "share", "higher", PEER, peer[name], _ratio(best[name], peer[name]))
        )
    seconds = best["fit_seconds"]
    report.figures.append(Figure("fit_seconds", seconds, "s", "lower", PEER, peer["fit_seconds"]))
    rows = sorted(lines.values(), key=lambda line: -line["ndcg_at_10"])
    report.tables.append(Listing("recommenders", COLUMNS, tuple(tuple(known(r[c]) for c in COLUMNS) for r in rows)))
    if not (asked.quick or asked.sequences):
        report.tables.append(Listing("recommenders_published", PUBLISHED_COLUMNS, PUBLISHED))
    report.notes.append(
        f"{int(shop.descending.sum()):,} of {users:,} users are descending. Head, torso and tail are the first fifth, "
        "the next three tenths and the last half of the items by count; those never taken count for none of them."
    )
    report.notes.append(
        f"Settings are chosen on the validation step of {min(ASKED, users):,} users; seconds are those of the fit with "
        "the chosen setting, and those of the blend include all that it chooses."
    )
    report.finish(asked.json)
    return 0


def tuned(learner: RankingLearner, shop: Shop, seed: int) -> Fitted:
    """A learner with the setting that is best on the validation step; the blend chooses by itself.

    So many settings are tried as its cost allows.
    """
    evidence, none = Evidence(shop.counted, shop.facts), parse("none")

    def fit(setting: dict[str, Any]) -> Fitted:
        began = time.perf_counter()
        ranker = learner.fit(evidence, none, setting=setting, seed=seed)
        return Fitted(learner.title, learner.directed, ranker, time.perf_counter() - began, setting)

    if "recount" in learner.grid:
        evidence = Evidence(shop.before, shop.facts)
        return fit({**learner.default, "recount": False})
    count = 1 if learner.cost > 100 else 4 if learner.cost > 10 else 8
    return best_of(learner.settings(count), fit, shop, seed)


def tuned_peer(shop: Shop, seed: int) -> Fitted:
    """The peer, with the setting that is best on the validation step: one parameter after another."""

    def fit(setting: dict[str, Any]) -> Fitted:
        began = time.perf_counter()
        ranker = Als(shop.counted, **setting, seed=seed)
        return Fitted(PEER, False, ranker, time.perf_counter() - began, setting)

    found = best_of(tried(0, {}), fit, shop, seed)
    for step in range(1, STEPS):
        found = best_of(tried(step, found.setting), fit, shop, seed)
    return found


def best_of(settings: list[dict[str, Any]], fit: Callable[[dict[str, Any]], Fitted], shop: Shop, seed: int) -> Fitted:
    """The fit with the highest NDCG at 10 on the validation step of some users, drawn at random."""
    if len(settings) == 1:
        return fit(settings[0])
    users, wanted = validators(shop, seed), shop.before.last(1)
    best, worth = None, -1.0
    for setting in settings:
        found = fit(setting)
        ndcg = ranking_metrics(places(found.ranker, shop.counted, users, wanted))["ndcg_at_10"]
        if ndcg > worth:
            best, worth = found, ndcg
    assert best is not None
    return best


def validators(shop: Shop, seed: int) -> NDArray[np.int64]:
    """Codes of the users by whose validation step settings are chosen."""
    users = np.sort(np.random.default_rng(seed).permutation(len(shop.target))[:ASKED])
    return users[(shop.before.last(1)[users] >= 0) & (shop.counted.lengths[users] > 0)]


def places(
    ranker: Ranker, histories: Histories, users: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.float64]:
    """``[n]`` places of what some users want, among all items but those that they have."""
    rank = []
    for block, own in histories.blocks(BLOCK, users):
        scores = np.array(ranker.scores(own))
        line, column = own.weights().nonzero()
        scores[line, column] = -np.inf
        rank.append(rank_of(scores, wanted[block]))
    return np.concatenate(rank)


def judged(found: Fitted, shop: Shop) -> dict[str, Any]:
    """One line of the table, of one of our learners or of a peer that runs here."""
    rank = places(found.ranker, shop.before, np.arange(len(shop.target)), shop.target)
    return line(found.title, rank, shop, directed=found.directed, seconds=found.seconds, size=found.ranker.bytes)


def line(
    title: str, rank: NDArray[np.float64], shop: Shop, *, directed: bool = False, seconds: float, size: int
) -> dict[str, Any]:
    """One line of the table, by the places ``[U]`` of what users want."""
    bucket = cut_by_items(shop.counted.counts)[shop.target]
    every, descending = ranking_metrics(rank), ranking_metrics(rank, shop.descending)
    return {
        "model": title,
        "directed": directed,
        **{key: every[key] for key in ("recall_at_10", "ndcg_at_10")},
        **{f"descending_{key}": descending[key] for key in ("recall_at_10", "ndcg_at_10")},
        **{f"{b}_recall_at_10": ranking_metrics(rank, bucket == b)["recall_at_10"] for b in ("head", "torso")},
        "tail50_recall_at_10": ranking_metrics(rank, bucket == "tail")["recall_at_10"],
        "fit_seconds": seconds,
        "model_mib": size / 2**20,
    }


def _ratio(ours: float, theirs: float) -> float | None:
    return ours / theirs if theirs else None


if __name__ == "__main__":
    sys.exit(main())

"""Serving: one request after another on one core, each the history of a user turned to a list of ten, beside a peer.

    python -m bench.recommend_serving            100,000 items and 1 million users; some minutes
    python -m bench.recommend_serving --quick    1,000 items: seconds

A request goes the way that lists go everywhere in evenshelf: all items are scored, the remedy adjusts, what the user
had is left out, the best hundred are kept and re-ranked, ten are shown. Histories are those of a made-up log
(:mod:`bench.scale_log`). Neighbourhoods are counted in the histories of some users and pruned; vectors and factors are
drawn, as their values do not matter to the time. The peer is ``recommend`` of implicit with the same neighbourhoods and
the same factors, users folded in by their histories as ours are; it has no remedies.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.harness import Figure, Listing, Report, say
from bench.scale_log import Size, chunks
from bench.serving_peers import PeerFactors, PeerNeighbours
from evenshelf.learners.ranking.counting import likeness, strongest, taken_together
from evenshelf.learners.ranking.factors import solver_of
from evenshelf.rankers.answering import Rules, answer
from evenshelf.rankers.base import Ranker
from evenshelf.rankers.factors import Factors
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.rankers.popularity import Popularity
from evenshelf.rankers.texts import Texts
from evenshelf.remedies import Prior, parse
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.recommend import first_time

PEER = "implicit"
REMEDIES = ("none", "logit_adjust(tau=0.5)", "mmr")
LENGTH, CANDIDATES = 10, 100
COUNTED = 50_000
"""Users whose histories are counted for the neighbourhoods."""
NEIGHBOURS, FACTORS, DIMENSIONS = 200, 128, 384
DECAY, CONFIDENCE, PENALTY = 0.8, 20.0, 10.0
WARM = 20
"""Requests before those that are measured."""
COLUMNS = ("model", "remedy", "requests_per_second", "p50_ms", "p99_ms", "clock_p99_ms", "model_mib")
MIB = 2**20

Serve = Callable[[Histories], NDArray[np.int64]]


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    items: int
    users: int
    requests: int
    runs: int
    json: Path | None


@dataclass(frozen=True, eq=False)
class Line:
    """Who is asked.

    Attributes
    ----------
    model, remedy
        How it is called.
    serve
        From the history of one user to a list.
    bytes
        Of the model.
    """

    model: str
    remedy: str
    serve: Serve
    bytes: int


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.recommend_serving", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="1,000 items: seconds")
    parser.add_argument("--requests", type=int, help="700 in each run")
    parser.add_argument("--runs", type=int, help="3, of which medians are given")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    for name in ("requests", "runs"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            parser.error(f"--{name} must be at least 1")
    if given.quick:
        return Asked(1_000, 2_000, given.requests or 30, given.runs or 1, given.json)
    return Asked(100_000, 1_000_000, given.requests or 700, given.runs or 3, given.json)


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    with threadpool_limits(1):
        measure(asked).finish(asked.json)
    return 0


def measure(asked: Asked) -> Report:
    """All lines, in turns, so that what slows the machine down for a while slows all of them."""
    report = Report("recommend_serving")
    report.settings = {"items": asked.items, "users": asked.users, "requests": asked.requests, "runs": asked.runs}
    report.settings |= {"neighbours": NEIGHBOURS, "factors": FACTORS, "dimensions": DIMENSIONS, "seed": 0}
    say(f"making histories of {asked.users:,} users")
    histories = made_up(asked)
    say("counting neighbourhoods")
    lines = lines_of(histories)
    # who asks is drawn among those who have a history: users who come more often have longer ones, but come once here
    users = np.random.default_rng(1).choice(np.flatnonzero(histories.lengths), asked.requests + WARM)
    found: dict[int, list[Timed]] = defaultdict(list)
    for number in range(asked.runs):
        for place, line in enumerate(lines):
            found[place].append(timed(line.serve, histories, users))
        say(f"run {number + 1} of {asked.runs}")
    rows = [row(line, found[place]) for place, line in enumerate(lines)]
    report.tables.append(Listing("serving", COLUMNS, tuple(tuple(one[c] for c in COLUMNS) for one in rows)))
    report.figures += figures(rows, histories)
    report.notes += notes(lines, histories, users, asked)
    return report


def made_up(asked: Asked) -> Histories:
    """Histories of a made-up log, twenty events a user, each item once for a user."""
    size = Size(asked.users * 20, asked.users, asked.items)
    parts = [(user.astype(np.int32), item.astype(np.int32)) for user, item, _ in chunks(size, seed=0)]
    user, item = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(user, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=asked.users))]).astype(np.int64)
    names = tuple(f"i{number}" for number in range(asked.items)), tuple(f"u{number}" for number in range(asked.users))
    histories = Histories(*names, start, item[order].astype(np.int64))
    return histories.kept(first_time(histories))


def lines_of(histories: Histories) -> list[Line]:
    """Everything that is measured."""
    rng = np.random.default_rng(0)
    prior, items = Prior(histories.counts), len(histories.items)
    popularity = prior.counts + 0.5
    some = histories.of_users(np.arange(min(COUNTED, len(histories.users))))
    matrix = strongest(likeness(taken_together(some), some.counts.astype(np.float64)), NEIGHBOURS)
    vectors = drawn(items, DIMENSIONS, rng)
    factors = drawn(items, FACTORS, rng)
    rankers: dict[str, Ranker] = {
        "item_knn": Neighbourhoods(matrix, popularity, DECAY),
        "als": Factors(factors, solver_of(factors, PENALTY), CONFIDENCE, popularity, DECAY),
        "text": Texts(vectors, vectors, np.float32(0.01) * Popularity.of(popularity).log_share, DECAY),
        "popular": Popularity.of(popularity),
    }
    rules = Rules(length=LENGTH, candidates=CANDIDATES)

    def served(ranker: Ranker, spec: str) -> Serve:
        remedy = parse(spec)
        return lambda own: answer(ranker, remedy, own, prior, rules, vectors=vectors).lists[0]

    lines = [
        Line(name, spec, served(ranker, spec), ranker.bytes) for name, ranker in rankers.items() for spec in REMEDIES
    ]
    peers = {
        "item_knn": PeerNeighbours(matrix, DECAY, LENGTH),
        "als": PeerFactors(factors, PENALTY, CONFIDENCE, DECAY, LENGTH),
    }
    return lines + [Line(f"{PEER}, {name}", "none", peer.serve, rankers[name].bytes) for name, peer in peers.items()]


def drawn(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """``[n, d]`` lines of length 1."""
    found = rng.standard_normal((rows, columns), dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Timed:
    """Seconds of each request.

    Attributes
    ----------
    core
        ``[n]`` that a core was at work on it.
    clock
        ``[n]`` that whoever asked waited.
    """

    core: NDArray[np.float64]
    clock: NDArray[np.float64]


def timed(serve: Serve, histories: Histories, users: NDArray[np.int64]) -> Timed:
    """All requests but the first few; to look the history up is part of it."""
    core, clock = np.empty(len(users)), np.empty(len(users))
    for place in range(len(users)):
        began, worked = time.perf_counter(), time.process_time()
        serve(histories.of_users(users[place : place + 1]))
        core[place], clock[place] = time.process_time() - worked, time.perf_counter() - began
    return Timed(core[WARM:], clock[WARM:])


def row(line: Line, runs: list[Timed]) -> dict[str, Any]:
    """A line of the table: medians over the runs."""
    return {
        "model": line.model,
        "remedy": line.remedy,
        "requests_per_second": median(1.0 / float(one.core.mean()) for one in runs),
        "p50_ms": median(1e3 * float(np.quantile(one.core, 0.5)) for one in runs),
        "p99_ms": median(1e3 * float(np.quantile(one.core, 0.99)) for one in runs),
        "clock_p99_ms": median(1e3 * float(np.quantile(one.clock, 0.99)) for one in runs),
        "model_mib": line.bytes / MIB,
    }


def figures(rows: list[dict[str, Any]], histories: Histories) -> list[Figure]:
    """Speed without a remedy, beside the peer where it has such a model; the slowest line; what a user takes."""
    plain = {one["model"]: one for one in rows if one["remedy"] == "none"}
    ours = {name: one for name, one in plain.items() if not name.startswith(PEER)}
    found = []
    for name, one in ours.items():
        theirs = plain.get(f"{PEER}, {name}")
        for key, unit, better in (("requests_per_second", "requests/s", "higher"), ("p99_ms", "ms", "lower")):
            if theirs is None:
                found.append(Figure(f"{key}_{name}", one[key], unit, better))
                continue
            ratio = one[key] / theirs[key] if better == "higher" else theirs[key] / one[key]
            found.append(Figure(f"{key}_{name}", one[key], unit, better, PEER, theirs[key], ratio))
    slowest = max(one["p99_ms"] for one in rows if not one["model"].startswith(PEER))
    found.append(Figure("p99_ms_slowest", slowest, "ms", "lower"))
    held = histories.start.nbytes + histories.item.nbytes
    found.append(Figure("history_bytes_per_user", held / len(histories.users), "bytes", "lower"))
    return found


def notes(lines: list[Line], histories: Histories, users: NDArray[np.int64], asked: Asked) -> list[str]:
    """What to know about the figures, and whether both sides answer alike."""
    serves = {line.model: line.serve for line in lines if line.remedy == "none"}
    alike = {}
    for name in ("item_knn", "als"):
        same = []
        for user in users[: min(200, asked.requests)]:
            own = histories.of_users(np.array([user]))
            ours, theirs = serves[name](own), serves[f"{PEER}, {name}"](own)
            same.append(len(set(ours.tolist()) & set(theirs.tolist())) / max(len(theirs), 1))
        alike[name] = float(np.mean(same))
    lengths = histories.lengths[users]
    return [
        (
            f"Medians of {asked.runs} runs of {asked.requests:,} requests each, one thread. Histories of those who ask "
            f"have {np.median(lengths):.0f} items (the median), at most {lengths.max():,}; of {len(users):,} drawn."
        ),
        (
            f"Of what the peer shows, {alike['item_knn']:.1%} (item_knn) and {alike['als']:.1%} (als) are in our list "
            "for the same user. Lists of the peer's neighbourhoods end where nothing speaks for an item; ours go on "
            "with what is popular."
        ),
        (
            "Seconds are those that the core was at work on a request, so that others on the machine do not count; the "
            "p99 by the clock is how long one had to wait here, with what else was running."
        ),
        "Bytes of a user are those of the codes of all steps and of where they begin, 8 each; ids come on top.",
    ]


if __name__ == "__main__":
    sys.exit(main())

"""The service under load: search, lists and events over HTTP, at times that do not wait for answers; kills and swaps.

    python -m bench.serve_load             100,000 items, 200 requests a second: some twenty minutes
    python -m bench.serve_load --quick     300 items: a minute

Beside it, in the same run and asked the same, what people write themselves: FastAPI with implicit, bm25s and SQLite
(:mod:`bench.peer_app`). Both run in two processes, on cores that they share with what asks them. Latencies run from the
moment a request was due (:mod:`bench.open_loop`). Then our service is killed while events are sent, started again, and
asked what it has; and bundles are swapped while lists are asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl
import psutil

from bench.harness import Figure, Listing, Report, say
from bench.open_loop import Answers, at_once, at_rate, request
from bench.search_catalogue import made_up
from evenshelf.errors import EvenshelfError
from evenshelf.index.engine import SearchEngine
from evenshelf.serve.database import default_url, open_database
from evenshelf.serve.events.log import EventLog
from evenshelf.serve.releases import Releases
from evenshelf.shop import Shop
from evenshelf.study.ranking.train import RankingWanted, train_ranking

OURS, PEER = "evenshelf", "FastAPI, implicit, bm25s, SQLite"
RATE = 200.0
WORKERS = 2
"""Processes of each service."""
GROUP = 100
"""Events in a request."""
COLUMNS = ("engine", "asked", "requests_per_second", "p50_ms", "p99_ms", "failed")
MIB = 2**20


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    items: int
    users: int
    events: int
    seconds: float
    runs: int
    quick: bool
    json: Path | None


def arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.serve_load", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="300 items: a minute")
    parser.add_argument("--items", type=int, help="100,000")
    parser.add_argument("--seconds", type=float, help="of each load: 30")
    parser.add_argument("--runs", type=int, help="3, of which medians are given")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    if given.quick:
        return Asked(given.items or 300, 200, 4_000, given.seconds or 1.0, given.runs or 1, True, given.json)
    items = given.items or 100_000
    return Asked(items, items // 5, items * 5, given.seconds or 30.0, given.runs or 3, False, given.json)


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
    """Both services under each load in turns; then kills and swaps."""
    report = Report("serve_load")
    report.settings = {"items": asked.items, "users": asked.users, "events": asked.events, "rate": RATE, "seed": 0}
    report.settings |= {"seconds": asked.seconds, "runs": asked.runs, "events_a_request": GROUP}
    shop, queries, users = made(asked, folder)
    loads = {"search": searches(queries, asked), "lists": lists(users, asked)}
    found: dict[tuple[str, str], list[Answers]] = {}
    memory: list[tuple[float, float]] = []
    for number in range(asked.runs):
        for name in (OURS, PEER):
            with started(name, shop, folder) as (port, process):
                for load, requests in loads.items():
                    # what is loaded and cached when it is first asked for
                    if at_once(port, requests[: len(requests) // 5]).failed:
                        raise RuntimeError(f"{name} does not answer {load}")
                    before = resident(process)
                    found.setdefault((name, load), []).append(at_rate(port, requests, RATE, seed=number))
                    if name == OURS:
                        memory.append((before, resident(process)))
                events = sent(f"{name}-{number}", asked)
                found.setdefault((name, "events"), []).append(at_once(port, events))
        say(f"run {number + 1} of {asked.runs}")
    lost, twice, accepted = killed(shop, folder, asked)
    failed, swaps = swapped(shop, folder, loads["lists"])
    report.tables.append(Listing("serve_load", COLUMNS, tuple(rows(found))))
    report.figures += figures(found)
    report.figures += [
        Figure("events_lost", lost, "events", "lower"),
        Figure("events_twice", twice, "events", "lower"),
        Figure("failed_requests", failed, "requests", "lower"),
        Figure("memory_grown_mib", median(after - before for before, after in memory), "MiB", "lower"),
    ]
    report.notes += [
        f"{accepted:,} events were acknowledged while the service was killed and started again.",
        f"{swaps} bundles were put in each other's place while lists were asked for.",
        f"Events go in requests of {GROUP}, each answered when they are on the disk, as fast as 32 connections allow.",
        "Ours answers searches by words and vectors, which it makes of the query, and lists by nearness and a remedy.",
    ]
    return report


def made(asked: Asked, folder: Path) -> tuple[Path, list[str], list[str]]:
    """The shop with its index and two bundles, queries, and users who have histories."""
    catalogue = made_up(asked.items, 200 if asked.quick else 5_000, simulated=asked.quick)
    catalogue.items.write_parquet(folder / "items.parquet")
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, asked.items + 1) ** 0.9
    items = np.array(catalogue.items["item_id"])[rng.permutation(asked.items)]
    events = pl.DataFrame(
        {
            "time": pl.Series(np.sort(rng.integers(0, 10**7, asked.events)) * 1_000_000).cast(pl.Datetime("us", "UTC")),
            "user_id": [f"u{number}" for number in rng.integers(0, asked.users, asked.events)],
            "item_id": items[rng.choice(asked.items, asked.events, p=share / share.sum())],
            "kind": ["click"] * asked.events,
        }
    )
    events.write_parquet(folder / "events.parquet")
    shop = Shop.create(folder / "shop")
    shop.commit({"items": catalogue.items.select("item_id", "title", "price"), "events": events})
    say("building the index")
    SearchEngine.build(shop.path / "search", catalogue.items, vectors=catalogue.vectors).close()
    engine = open_database(default_url(shop.path))
    for remedy in ("none", "logit_adjust(tau=0.5)"):
        say(f"fitting lists under {remedy}")
        _, bundle = train_ranking(shop, RankingWanted(learner="near", remedy=remedy, encoder="tfidf"))
        Releases(engine, shop.path).promote(bundle)
    engine.dispose()
    known = events["user_id"].unique(maintain_order=True).to_list()
    return shop.path, catalogue.queries, known


def searches(queries: Sequence[str], asked: Asked) -> list[bytes]:
    """What is searched for; a tenth was asked a moment ago."""
    rng = np.random.default_rng(1)
    count = int(RATE * asked.seconds)
    return [request(f"/v1/search?q={quote(queries[n])}&limit=10") for n in rng.integers(0, len(queries), count)]


def lists(users: Sequence[str], asked: Asked) -> list[bytes]:
    """Who is shown a list."""
    rng = np.random.default_rng(2)
    count = int(RATE * asked.seconds)
    return [request(f"/v1/recommend?user_id={users[n]}&k=10") for n in rng.integers(0, len(users), count)]


def sent(name: str, asked: Asked) -> list[bytes]:
    """Requests of new events."""
    count = 20 if asked.quick else 600
    return [
        request("/v1/events", {"events": [event(f"{name}-{number}-{part}", part) for part in range(GROUP)]})
        for number in range(count)
    ]


def event(name: str, number: int) -> dict[str, Any]:
    """An event that both services take."""
    return {"event_id": name, "kind": "click", "item_id": f"p{number}", "user_id": f"u{number}"}


@contextlib.contextmanager
def started(
    name: str, shop: Path, folder: Path, workers: int = WORKERS
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A service that answers, in processes of its own, and its port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    ours = ["-m", "evenshelf", "serve", str(shop), "--port", str(port), "--rate", "0", "--log-level", "warning"]
    theirs = ["-m", "bench.peer_app", str(folder), str(port)]
    command = [*(ours if name == OURS else theirs), "--workers", str(workers)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with (folder / "service.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, env=env, start_new_session=True)
    try:
        ready = request("/readyz")
        while at_once(port, [ready], 1).failed:
            if process.poll() is not None:
                raise RuntimeError(f"{name} did not start:\n{(folder / 'service.log').read_text(encoding='utf-8')}")
            time.sleep(0.2)
        yield port, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def resident(process: subprocess.Popen[bytes]) -> float:
    """MiB of a process and those that it started."""
    own = psutil.Process(process.pid)
    return sum(float(one.memory_info().rss) for one in (own, *own.children(recursive=True))) / MIB


def killed(shop: Path, folder: Path, asked: Asked) -> tuple[int, int, int]:
    """Events that were acknowledged and are not there, that are there twice, and acknowledged ones in all."""
    accepted: list[str] = []
    for number in range(2 if asked.quick else 5):
        names = [[f"kill-{number}-{place}-{part}" for part in range(GROUP)] for place in range(300)]
        wires = [request("/v1/events", {"events": [event(n, part) for part, n in enumerate(group)]}) for group in names]
        with started(OURS, shop, folder, 1) as (port, process):
            timer = threading.Timer(0.3 + 0.1 * number, process.send_signal, (signal.SIGKILL,))
            timer.start()
            answers = at_once(port, wires)
            timer.join()
        accepted += [
            n for group, status in zip(names, answers.status.tolist(), strict=True) if status == 201 for n in group
        ]
    engine = open_database(default_url(shop))
    kept = [n for frame in EventLog(engine).after(0) for n in frame["event_id"].to_list()]
    engine.dispose()
    return len(set(accepted) - set(kept)), len(kept) - len(set(kept)), len(accepted)


def swapped(shop: Path, folder: Path, requests: Sequence[bytes]) -> tuple[int, int]:
    """Requests that failed while bundles were swapped, and how often they were."""
    engine = open_database(default_url(shop))
    releases, count, ending = Releases(engine, shop), 0, threading.Event()
    places = sorted((shop / "serving" / "bundles").iterdir())

    def swap() -> None:
        nonlocal count
        while not ending.wait(1.5):
            releases.promote(places[count % len(places)])
            count += 1

    with started(OURS, shop, folder) as (port, _):
        thread = threading.Thread(target=swap)
        thread.start()
        answers = at_rate(port, [*requests, *requests], RATE / 2)
        ending.set()
        thread.join()
    engine.dispose()
    return answers.failed, count


def rows(found: dict[tuple[str, str], list[Answers]]) -> Iterator[tuple[Any, ...]]:
    """A line for each service and load: medians over the runs."""
    for (name, load), runs in found.items():
        wide = load == "events"
        yield (
            name,
            load,
            median(len(one.status) / one.took for one in runs),
            None if wide else median(one.milliseconds(0.5) for one in runs),
            None if wide else median(one.milliseconds(0.99) for one in runs),
            sum(one.failed for one in runs),
        )


def figures(found: dict[tuple[str, str], list[Answers]]) -> list[Figure]:
    """Ours beside the peer."""
    told = []
    for load, name in (("lists", "recommend"), ("search", "search")):
        for quantile, called in ((0.5, "p50"), (0.99, "p99")):
            ours, theirs = (median(one.milliseconds(quantile) for one in found[side, load]) for side in (OURS, PEER))
            told.append(Figure(f"{name}_{called}_ms", ours, "ms", "lower", PEER, theirs, theirs / ours))
    ours, theirs = (
        median(GROUP * (len(one.status) - one.failed) / one.took for one in found[side, "events"])
        for side in (OURS, PEER)
    )
    told.append(Figure("events_per_second", ours, "events/s", "higher", PEER, theirs, ours / theirs))
    return told


if __name__ == "__main__":
    sys.exit(main())

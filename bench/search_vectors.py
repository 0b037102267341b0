"""Vector stores: the nearest 200 of 20,000, 100,000 and 1 million titles, with and without a filter.

    python -m bench.search_vectors             an hour; needs `make vectors`
    python -m bench.search_vectors --quick     made-up vectors, ours and NumPy: seconds

Vectors are MiniLM's of the titles of three shops, beyond 112,000 of points between near ones; queries are words of
titles, and those of a judged list. Each store is built once for each size and then asked in turns with the others, in
processes of their own, one thread for a query. Recall is against all cosines in float32. Under a filter every row that
is given must pass it, or the run ends.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import own_vectors, peer_vectors, vector_data
from bench.harness import Figure, Listing, Report, say
from bench.vector_child import FEW, SECONDS, THREADS, K
from evenshelf.errors import InputError
from evenshelf.index.dense import Layout

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv-vectors"
SHARES = (0.99, 0.5, 0.05, 0.001)
"""Of rows that pass a filter; the first is that of an index of which one row in a hundred was deleted."""
OURS, ALL_ROWS = "evenshelf", "evenshelf, all rows"
SIZES = (20_000, 100_000, 1_000_000)
BLOCK = 50_000
MIB = 2**20
COLUMNS = ("items", "store", "build_seconds", "disk_mib", "open_seconds", "resident_mib", "p50_ms", "p99_ms")
COLUMNS += ("clock_p99_ms", "two_threads_qps", "recall_at_50", "recall_at_200", "add_ms")
FILTERED = ("items", "store", "passing", "p50_ms", "p99_ms", "recall_at_50", "recall_at_200")


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    sizes: tuple[int, ...]
    queries: int
    runs: int
    stores: tuple[str, ...]
    real: bool
    json: Path | None


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    every = (*own_vectors.STORES, *peer_vectors.STORES)
    parser = argparse.ArgumentParser(prog="python -m bench.search_vectors", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="made-up vectors, ours and NumPy: seconds")
    parser.add_argument("--sizes", type=int, nargs="+", help=f"{' '.join(map(str, SIZES))}")
    parser.add_argument("--stores", nargs="+", choices=every, metavar="STORE", help=f"of: {'; '.join(every)}")
    parser.add_argument("--without-vectors", action="store_true", help="ours and NumPy alone: no `make vectors`")
    parser.add_argument("--queries", type=int, default=300, help="300")
    parser.add_argument("--runs", type=int, help="3, of which medians are given")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    if min(given.queries, given.runs or 1, *(given.sizes or SIZES)) < 1:
        parser.error("--queries, --runs and --sizes must be at least 1")
    alone = given.quick or given.without_vectors
    stores = tuple(given.stores or (own_vectors.STORES if alone else every))
    if given.quick:
        return Asked(tuple(given.sizes or (3_000,)), min(given.queries, 40), given.runs or 1, stores, False, given.json)
    return Asked(tuple(given.sizes or SIZES), given.queries, given.runs or 3, stores, True, given.json)


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    if set(asked.stores) & set(peer_vectors.STORES) and not (ENVIRONMENT / ".made").exists():
        raise InputError(
            f"the stores of others are not installed: there is no whole {ENVIRONMENT.name}.",
            hint="Make it with `make vectors`, or leave them out: --without-vectors.",
        )
    report = Report("search_vectors")
    report.settings = {"sizes": list(asked.sizes), "queries": asked.queries, "runs": asked.runs, "k": K, "seed": 0}
    report.settings |= {"stores": list(asked.stores), "threads_to_build": THREADS, "shares": list(SHARES)}
    found: dict[tuple[int, str], dict[str, Any]] = {}
    with TemporaryDirectory(prefix="evenshelf-vectors-") as folder:
        for items in asked.sizes:
            found |= {(items, store): facts for store, facts in measure(asked, items, Path(folder)).items()}
    report.tables += tables(found)
    report.figures += figures(found)
    report.notes += notes(asked)
    report.finish(asked.json)
    return 0


def measure(asked: Asked, items: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Every store at one size: built, then asked in turns; medians over the runs."""
    prepare(asked, items, folder)
    # below that many rows it is what ours does anyway
    stores = [store for store in asked.stores if store != ALL_ROWS or items >= Layout().flat_below]
    facts: dict[str, dict[str, Any]] = {}
    for store in stores:
        facts[store] = child(store, "build", folder)
        (folder / "store").rename(folder / f"built {store}")
        say(f"{items:,}: {store} built in {facts[store]['build_seconds']:.1f} s")
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number in range(asked.runs):
        for store in stores:
            kept, used = folder / f"built {store}", folder / "store"
            if number + 1 < asked.runs:
                subprocess.run(["cp", "-r", str(kept), str(used)], check=True)  # it is asked to grow
            else:
                kept.rename(used)
            runs[store].append(child(store, "ask", folder))
            subprocess.run(["rm", "-r", str(used)], check=True)
        say(f"{items:,}: run {number + 1} of {asked.runs}")
    return {store: facts[store] | middle(runs[store]) for store in stores}


def middle(runs: list[Any]) -> Any:
    """The median of each number in facts of one form."""
    if isinstance(runs[0], dict):
        return {key: middle([run[key] for run in runs]) for key in runs[0]}
    if isinstance(runs[0], list):
        return [middle(list(one)) for one in zip(*runs, strict=True)]
    return median(runs)


def child(store: str, action: str, folder: Path) -> dict[str, Any]:
    """Build or ask a store in a process of its own."""
    module = "own_vectors" if store in own_vectors.STORES else "peer_vectors"
    python = sys.executable if module == "own_vectors" else str(ENVIRONMENT / "bin" / "python")
    threads = str(THREADS if action == "build" else 1)
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), threads)
    command = [python, str(Path(__file__).with_name("vector_child.py")), module, store, action, str(folder)]
    subprocess.run(command, check=True, env={**os.environ, **limits}, stdout=sys.stderr)
    answer: dict[str, Any] = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    return answer


def prepare(asked: Asked, items: int, folder: Path) -> None:
    """Write vectors, queries, masks, and how near the last of the wanted rows is."""
    make = vector_data.real if asked.real else lambda queries, seed: vector_data.made_up(items, queries, seed)
    vectors, queries = make(asked.queries, 0)
    vector_data.write(folder / "vectors.npy", vectors, items, 0)
    rng = np.random.default_rng(1)
    masks = np.stack([rng.random(items) < share for share in SHARES])
    np.save(folder / "queries.npy", queries)
    np.save(folder / "masks.npy", masks)
    np.save(folder / "least.npy", np.stack([least(folder / "vectors.npy", queries, mask) for mask in (None, *masks)]))


def least(file: Path, queries: NDArray[np.float32], mask: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """``[queries, 2]``: the least cosine among the best :data:`FEW` and the best :data:`K` rows that pass."""
    best = np.zeros((len(queries), 0), np.float32)
    for block in passing(file, mask):
        best = np.concatenate([best, queries @ block.T], axis=1)
        if best.shape[1] > K:
            best = np.partition(best, best.shape[1] - K, axis=1)[:, -K:]
    best = np.sort(best, axis=1)[:, ::-1]
    if not best.shape[1]:
        return np.full((len(queries), 2), -2.0, np.float32)
    return np.stack([best[:, min(FEW, best.shape[1]) - 1], best[:, -1]], axis=1)


def passing(file: Path, mask: NDArray[np.bool_] | None) -> Iterator[NDArray[np.float32]]:
    """Blocks of the rows that pass."""
    vectors = np.load(file, mmap_mode="r")
    for start in range(0, len(vectors), BLOCK):
        block = np.asarray(vectors[start : start + BLOCK])
        yield block if mask is None else block[mask[start : start + BLOCK]]


def tables(found: dict[tuple[int, str], dict[str, Any]]) -> list[Listing]:
    """One without filters and one with."""
    rows, filtered = [], []
    for (items, store), facts in found.items():
        plain, *cases = facts["cases"]
        rows.append(
            (
                *(items, store, facts["build_seconds"], facts["disk"] / MIB, facts["open_seconds"]),
                *(facts["resident"] / MIB, plain["p50_ms"], plain["p99_ms"], plain["clock_p99_ms"]),
                *(facts["two_threads"], plain["recall_few"], plain["recall_all"], facts.get("add_ms")),
            )
        )
        filtered += [
            (items, store, share, case["p50_ms"], case["p99_ms"], case["recall_few"], case["recall_all"])
            for share, case in zip(SHARES, cases, strict=False)
        ]
    return [Listing("vector_stores", COLUMNS, tuple(rows)), Listing("vector_filters", FILTERED, tuple(filtered))]


def figures(found: dict[tuple[int, str], dict[str, Any]]) -> list[Figure]:
    """Ours at each size, beside a matrix product of NumPy."""
    made = []
    for items in sorted({items for items, store in found if store == OURS}):
        ours, plain = found[items, OURS], found.get((items, "numpy"))
        size = f"{items // 1000}k" if items < 1_000_000 else f"{items // 1_000_000}m"
        value = ours["cases"][0]["p99_ms"]
        theirs = None if plain is None else plain["cases"][0]["p99_ms"]
        ratio = None if theirs is None else theirs / value
        made += [
            Figure(f"dense_p99_ms_{size}", value, "ms", "lower", None if plain is None else "numpy", theirs, ratio),
            Figure(f"dense_filtered_p99_ms_{size}", max(c["p99_ms"] for c in ours["cases"][1:]), "ms", "lower"),
            Figure(f"dense_recall_at_50_{size}", ours["cases"][0]["recall_few"], "share", "higher"),
            Figure(f"dense_recall_at_200_{size}", ours["cases"][0]["recall_all"], "share", "higher"),
            Figure(
                f"dense_least_filtered_recall_{size}",
                min(c["recall_few"] for c in ours["cases"][1:]),
                "share",
                "higher",
            ),
            Figure(f"dense_build_seconds_{size}", ours["build_seconds"], "s", "lower"),
        ]
    return made


def notes(asked: Asked) -> list[str]:
    """What to know about the figures."""
    return [
        (
            f"Medians of {asked.runs} runs of at most {asked.queries} queries for the nearest {K}; a store that is "
            f"slow is asked for {SECONDS:g} seconds. Milliseconds are those that a core was at work; by the clock it "
            f"is how long one had to wait here, with what else was running. Built with {THREADS} threads."
        ),
        (
            "Memory is that of the process after the store was opened and asked a little, less what it had before, "
            "libraries included; mapped files count as far as they were read. Ours reads all once, for its checksums."
        ),
        "A store without lines in the second table takes no filter from Python. Ours filters out what is deleted.",
        f"Graphs keep {peer_vectors.SEARCHED} nodes in view; lists are as many as ours and looked at as far.",
    ]


if __name__ == "__main__":
    sys.exit(main())

"""Builds a vector store or asks it, in a process of its own and in whichever environment the store lives in.

    python bench/vector_child.py MODULE STORE build|ask FOLDER

``bench.MODULE`` has the store; it imports nothing but NumPy, the store, and :class:`Store` of this module. What is
measured goes to ``FOLDER/answer.json``.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import time
import warnings
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
K, FEW = 200, 50
"""Rows that a query asks for; recall is of these and of so many of them."""
WARM, SECONDS, LEAST = 20, 4.0, 20
"""Queries before those that are measured; after so many seconds, and no fewer than so many queries, it is enough."""
ADDED = 50
THREADS = 2


class Store(ABC):
    """What every store can do; a store that cannot be told a filter says so.

    Attributes
    ----------
    filters
        Whether it can.
    grows
        Whether rows can be added.
    """

    filters = True
    grows = True

    @abstractmethod
    def build(self, vectors: NDArray[np.float32], folder: Path, masks: NDArray[np.bool_]) -> None:
        """Write the store with :data:`THREADS` threads; rows are called by their numbers."""

    @abstractmethod
    def open(self, folder: Path) -> None:
        """Make ready to answer, with one thread for a query."""

    @abstractmethod
    def ask(self, query: NDArray[np.float32], mask: int | None, allowed: NDArray[np.bool_] | None) -> Rows:
        """The nearest :data:`K` rows, of those that a mask allows."""

    def add(self, vector: NDArray[np.float32], row: int) -> None:
        """Add one row, so that the next query finds it; only asked of a store that grows."""
        raise SystemExit(f"{type(self).__name__} does not grow, but says so.")


def resident() -> int:
    """Bytes of this process in memory, mapped files included."""
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def build(store: Store, folder: Path) -> dict[str, Any]:
    """Seconds to build, and bytes on the disk."""
    out = folder / "store"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    vectors, masks = np.load(folder / "vectors.npy", mmap_mode="r"), np.load(folder / "masks.npy")
    began, worked = time.perf_counter(), time.process_time()
    store.build(vectors, out, masks)
    took = {"build_seconds": time.perf_counter() - began, "build_core_seconds": time.process_time() - worked}
    return took | {"disk": sum(path.stat().st_size for path in out.rglob("*") if path.is_file())}


def ask(store: Store, folder: Path) -> dict[str, Any]:
    """Seconds to open, bytes in memory, and for each mask milliseconds and recall."""
    vectors, masks = np.load(folder / "vectors.npy", mmap_mode="r"), np.load(folder / "masks.npy")
    queries, least = np.load(folder / "queries.npy"), np.load(folder / "least.npy")
    before, began = resident(), time.perf_counter()
    store.open(folder / "store")
    found: dict[str, Any] = {"open_seconds": time.perf_counter() - began}
    for query in queries[:WARM]:
        store.ask(query, None, None)
    found["resident"] = resident() - before
    cases = [None, *range(len(masks))] if store.filters else [None]
    found["cases"] = [
        case(store, queries, least[0 if n is None else n + 1], n, None if n is None else masks[n], vectors=vectors)
        for n in cases
    ]
    half = [queries[: len(queries) // 2], queries[len(queries) // 2 :]]
    some = min(len(half[0]), max(LEAST, int(SECONDS * 500 / max(found["cases"][0]["p50_ms"], 1e-3))))
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda part: [store.ask(query, None, None) for query in part[:some]], half))
    found["two_threads"] = 2 * some / (time.perf_counter() - began)
    if store.grows:
        took = []
        for number in range(ADDED):
            began = time.perf_counter()
            store.add(queries[number % len(queries)], len(vectors) + number)
            took.append(time.perf_counter() - began)
        found["add_ms"] = 1e3 * median(took)
        if len(vectors) not in store.ask(queries[0], None, None):
            raise SystemExit(f"{type(store).__name__} does not find what was added.")
    return found


def case(
    store: Store,
    queries: NDArray[np.float32],
    least: NDArray[np.float32],
    mask: int | None,
    allowed: NDArray[np.bool_] | None,
    *,
    vectors: NDArray[np.float32],
) -> dict[str, float]:
    """All queries under one mask. ``least[q]`` is the least cosine among the best :data:`FEW` and the best ``K``."""
    core, clock, few, all_of = [], [], [], []
    wanted = [min(n, len(vectors) if allowed is None else int(allowed.sum())) for n in (FEW, K)]
    for number, query in enumerate(queries):
        if sum(clock) > SECONDS and len(clock) >= LEAST:
            break
        began, worked = time.perf_counter(), time.process_time()
        rows = store.ask(query, mask, allowed)
        core.append(time.process_time() - worked)
        clock.append(time.perf_counter() - began)
        if allowed is not None and not allowed[rows].all():
            raise SystemExit(f"{type(store).__name__} gave rows that are not allowed.")
        if len(set(rows.tolist())) != len(rows):
            raise SystemExit(f"{type(store).__name__} gave a row twice.")
        cosines = vectors[rows] @ query
        # rows as near as the last one that is wanted are as good
        hits = [int((cosines >= least[number, place] - 1e-5).sum()) for place in (0, 1)]
        few.append(min(hits[0], wanted[0]) / max(wanted[0], 1))
        all_of.append(min(hits[1], wanted[1]) / max(wanted[1], 1))
    milliseconds = 1e3 * np.array(core)
    return {
        "p50_ms": float(np.quantile(milliseconds, 0.5)),
        "p99_ms": float(np.quantile(milliseconds, 0.99)),
        "clock_p99_ms": 1e3 * float(np.quantile(clock, 0.99)),
        "recall_few": float(np.mean(few)),
        "recall_all": float(np.mean(all_of)),
    }


def main(module: str, name: str, action: str, folder: Path) -> None:
    """Run, and write what was found."""
    store = importlib.import_module(f"bench.{module}").STORES[name]()
    found = {"build": build, "ask": ask}[action](store, folder)
    (folder / "answer.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    # stores are made of the class of the module by this name, not of that of the script
    from bench.vector_child import main as run

    run(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))

"""LanceDB, run by the interpreter of the environment that it has of its own: hybrid search, built and asked.

    python -I bench/peer_lancedb.py FOLDER build|hybrid|words

reads what :mod:`bench.search_catalogue` wrote and writes ``lancedb.json`` beside it. Full text and vectors are fused
by its reciprocal rank re-ranker. It encodes no query: the vectors of queries are those of titles, so its figures are
without the encoding that ours include.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from lancedb.rerankers import RRFReranker

K, WARM, MIB = 10, 20, 2**20
FLAT = 50_000
"""Up to so many items vectors are compared all; beyond, IVF with its defaults."""


def measured(ask, queries):
    """As :func:`bench.search_engines.measured`."""
    for query in queries[:WARM]:
        ask(query)
    half, seconds = (len(queries) - WARM) // 2, []
    for query in queries[WARM : WARM + half]:
        began = time.perf_counter()
        ask(query)
        seconds.append(time.perf_counter() - began)
    asked = queries[WARM + half :]
    waiting, lock = iter(asked), threading.Lock()

    def work():
        while True:
            with lock:
                query = next(waiting, None)
            if query is None:
                return
            ask(query)

    workers = [threading.Thread(target=work) for _ in range(2)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    spent = time.perf_counter() - began
    p50, p99 = (1e3 * float(np.quantile(seconds, share)) for share in (0.5, 0.99))
    return {"p50_ms": p50, "p99_ms": p99, "qps": len(asked) / spent, "resident_mib": resident()}


def resident():
    """MiB of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def build(folder: Path) -> dict:
    """Build the table, its index of words, and of vectors where there are many."""
    items = pq.read_table(folder / "items.parquet")
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    place = folder / "lancedb"
    shutil.rmtree(place, ignore_errors=True)
    began = time.perf_counter()
    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    text = [f"{t} {d or ''}" for t, d in zip(items["title"].to_pylist(), items["description"].to_pylist(), strict=True)]
    table = items.append_column("vector", pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]))
    table = table.append_column("text", pa.array(text))
    store = lancedb.connect(str(place)).create_table("items", table)
    store.create_fts_index("text", replace=True)
    if len(vectors) > FLAT:
        store.create_index(metric="cosine")
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) / MIB
    return {"build_seconds": time.perf_counter() - began, "disk_mib": size}


def asked(folder: Path, mode: str) -> dict:
    """Ask for words and vectors, or words alone; titles are answered, vectors are not."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    queries = pq.read_table(folder / "queries.parquet")["query"].to_pylist()
    store = lancedb.connect(str(folder / "lancedb")).open_table("items")
    own = {query: np.asarray(vectors[i % len(vectors)]) for i, query in enumerate(queries)}
    words = {query: " ".join("".join(c if c.isalnum() else " " for c in query).split()) or "x" for query in queries}
    fused, columns = RRFReranker(), ["item_id", "title"]

    def hybrid(query):
        found = store.search(query_type="hybrid").vector(own[query]).text(words[query])
        return found.select(columns).rerank(fused).limit(K).to_list()

    def by_words(query):
        return store.search(words[query], query_type="fts").select(columns).limit(K).to_list()

    return {mode: measured(hybrid if mode == "hybrid" else by_words, queries)}


def main(folder: Path, what: str) -> None:
    """Do what is asked and write what came out."""
    facts = build(folder) if what == "build" else asked(folder, what)
    (folder / "lancedb.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

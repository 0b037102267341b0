"""Engines of search, each built and asked in a process of its own: ours, and plain ones of the field."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.search_catalogue import ENCODER, Catalogue
from evenshelf.index import Ranking, SearchEngine

K = 10
WARM = 20
"""Queries before those that are measured; none of them is asked again."""
MIB = 2**20
_SMALL = 5_000
Ask = Callable[[str], Any]


def measured(ask: Ask, queries: list[str], threads: int = 2) -> dict[str, float]:
    """Ask each query once, one after another; then all of them once more from two threads.

    Returns
    -------
    dict
        ``p50_ms`` and ``p99_ms`` of the first round, in which no query was asked before, and ``qps`` of the second.
    """
    for query in queries[:WARM]:
        ask(query)
    asked = queries[WARM:]
    seconds = []
    for query in asked:
        began = time.perf_counter()
        ask(query)
        seconds.append(time.perf_counter() - began)
    return {
        "p50_ms": 1e3 * float(np.quantile(seconds, 0.5)),
        "p99_ms": 1e3 * float(np.quantile(seconds, 0.99)),
        "qps": together(ask, asked, threads),
    }


def together(ask: Ask, queries: list[str], threads: int) -> float:
    """Queries a second of several threads that share the queries."""
    waiting = iter(queries)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                query = next(waiting, None)
            if query is None:
                return
            ask(query)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(queries) / (time.perf_counter() - began)


def size_of(folder: Path) -> float:
    """MiB of a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / MIB


def _memory() -> float:
    return float(psutil.Process().memory_info().rss) / MIB


def ours_built(folder: Path) -> dict[str, Any]:
    """Build our index; vectors are given, as all engines are given them."""
    catalogue = Catalogue.read(folder)
    shutil.rmtree(folder / "ours", ignore_errors=True)
    began = time.perf_counter()
    vectors = np.asarray(catalogue.vectors)
    SearchEngine.build(folder / "ours", catalogue.items, encoder=ENCODER, language="english", vectors=vectors).close()
    return {"build_seconds": time.perf_counter() - began, "disk_mib": size_of(folder / "ours")}


def ours(folder: Path) -> dict[str, Any]:
    """Ask our index: both legs with the encoding of the query; words alone; both under a filter."""
    queries = Catalogue.read(folder).queries
    began = time.perf_counter()
    with SearchEngine.open(folder / "ours") as engine:
        opened = time.perf_counter() - began
        words = Ranking(fusion="words")
        found = {
            "hybrid": measured(lambda query: engine.search(query, limit=K), queries),
            "words": measured(lambda query: engine.search(query, limit=K, ranking=words), queries),
            # Their vectors are kept from the first round.
            "hybrid, asked before": measured(lambda query: engine.search(query, limit=K), queries),
            # And here.
            "hybrid, filtered": measured(
                lambda query: engine.search(query, limit=K, filters=["price:20..100"], facets=["brand"]), queries
            ),
        }
        return {"open_seconds": opened, "resident_mib": _memory(), "modes": found}


def tantivy_alone(folder: Path) -> dict[str, Any]:
    """Tantivy with its English stems over title and description, without anything else."""
    import tantivy  # noqa: PLC0415 - each engine is imported where it runs

    catalogue = Catalogue.read(folder)
    place = folder / "tantivy"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    began = time.perf_counter()
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("item_id", stored=True, tokenizer_name="raw")
    builder.add_text_field("title", stored=True, tokenizer_name="en_stem")
    builder.add_text_field("description", tokenizer_name="en_stem")
    index = tantivy.Index(builder.build(), path=str(place))
    writer = index.writer(128_000_000, 1)
    for item_id, title, description in catalogue.items.select("item_id", "title", "description").iter_rows():
        writer.add_document(tantivy.Document(item_id=item_id, title=title, description=description or ""))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    built = time.perf_counter() - began
    searcher = index.searcher()

    def ask(query: str) -> list[Any]:
        parsed, _ = index.parse_query_lenient(query, ["title", "description"])
        return [searcher.doc(address)["title"] for _, address in searcher.search(parsed, K).hits]

    modes = {"words": measured(ask, catalogue.queries)}
    return {"build_seconds": built, "disk_mib": size_of(place), "resident_mib": _memory(), "modes": modes}


def bm25s_numba(folder: Path) -> dict[str, Any]:
    """BM25 of bm25s with numba and Snowball stems, over title and description."""
    import bm25s  # noqa: PLC0415 - each engine is imported where it runs
    import Stemmer  # noqa: PLC0415

    catalogue = Catalogue.read(folder)
    began = time.perf_counter()
    stemmer = Stemmer.Stemmer("english")
    texts = [f"{t} {d or ''}" for t, d in catalogue.items.select("title", "description").iter_rows()]
    # To compile takes longer than everything else in a quick run.
    retriever = bm25s.BM25(backend="numba" if len(texts) > _SMALL else "numpy")
    retriever.index(bm25s.tokenize(texts, stemmer=stemmer, show_progress=False), show_progress=False)
    built = time.perf_counter() - began
    retriever.save(str(folder / "bm25s"))

    def ask(query: str) -> Any:
        tokens = bm25s.tokenize(query, stemmer=stemmer, show_progress=False, return_ids=False)
        # Of a query without a word it makes nothing that it takes itself.
        return retriever.retrieve(tokens, k=min(K, len(texts)), show_progress=False, n_threads=0) if tokens[0] else []

    modes = {"words": measured(ask, catalogue.queries)}
    return {"build_seconds": built, "disk_mib": size_of(folder / "bm25s"), "resident_mib": _memory(), "modes": modes}


def postgresql(folder: Path) -> dict[str, Any]:
    """PostgreSQL's full text search: a GIN index over title and description, ranked by ts_rank_cd."""
    import psycopg  # noqa: PLC0415 - each engine is imported where it runs

    from bench.postgres import server  # noqa: PLC0415

    catalogue = Catalogue.read(folder)
    with server() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE items (item_id text, title text, words tsvector, price float8)")
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE given (item_id text, title text, description text, price float8)")
            with cursor.copy("COPY given FROM STDIN") as copy:
                for row in catalogue.items.select("item_id", "title", "description", "price").iter_rows():
                    copy.write_row(row)
        connection.execute(
            "INSERT INTO items SELECT item_id, title, "
            "to_tsvector('english', title || ' ' || coalesce(description, '')), price FROM given"
        )
        connection.execute("CREATE INDEX ON items USING gin(words)")
        connection.execute("VACUUM ANALYZE items")
        built = time.perf_counter() - began
        size = connection.execute("SELECT pg_total_relation_size('items')").fetchone()
        local = threading.local()
        asked = (
            "SELECT item_id, title FROM items, plainto_tsquery('english', %s) q WHERE words @@ q "
            f"ORDER BY ts_rank_cd(words, q) DESC LIMIT {K}"
        )

        def ask(query: str) -> Any:
            if not hasattr(local, "connection"):
                local.connection = psycopg.connect(url, autocommit=True)
            return local.connection.execute(asked, (query,)).fetchall()

        modes = {"words": measured(ask, catalogue.queries)}
        assert size is not None
        own = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "postgres"]
        memory = sum(_resident(process) for process in own)
    return {"build_seconds": built, "disk_mib": size[0] / MIB, "resident_mib": memory, "modes": modes}


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / MIB
    except psutil.Error:
        return 0.0


def save(facts: dict[str, Any], path: Path) -> None:
    """Write facts for another process."""
    path.write_text(json.dumps(facts), encoding="utf-8")

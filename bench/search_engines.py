"""Engines of search, ours and plain ones of the field: each is built in a process, and asked in another."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
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
    """Ask the first half of the queries one after another, then the other half from two threads; none twice.

    Returns
    -------
    dict
        ``p50_ms`` and ``p99_ms`` of the first half and ``qps`` of the second.
    """
    for query in queries[:WARM]:
        ask(query)
    half = (len(queries) - WARM) // 2
    seconds = []
    for query in queries[WARM : WARM + half]:
        began = time.perf_counter()
        ask(query)
        seconds.append(time.perf_counter() - began)
    return {
        "p50_ms": 1e3 * float(np.quantile(seconds, 0.5)),
        "p99_ms": 1e3 * float(np.quantile(seconds, 0.99)),
        "qps": together(ask, queries[WARM + half :], threads),
        "resident_mib": _memory(),
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


def queries_of(folder: Path) -> list[str]:
    """What is asked: nothing else of the catalogue is in the memory of a process that asks."""
    return pl.read_parquet(folder / "queries.parquet")["query"].to_list()


def ours_built(folder: Path) -> dict[str, Any]:
    """Build our index; vectors are given, as all engines are given them."""
    catalogue = Catalogue.read(folder)
    shutil.rmtree(folder / "ours", ignore_errors=True)
    began = time.perf_counter()
    vectors = np.asarray(catalogue.vectors)
    SearchEngine.build(folder / "ours", catalogue.items, encoder=ENCODER, language="english", vectors=vectors).close()
    return {"build_seconds": time.perf_counter() - began, "disk_mib": size_of(folder / "ours")}


def ours(folder: Path) -> dict[str, Any]:
    """Words and vectors, with the encoding of the query; then all queries once more: their vectors are kept."""
    queries = queries_of(folder)
    with SearchEngine.open(folder / "ours") as engine:

        def ask(query: str) -> Any:
            return engine.search(query, limit=K)

        return {"hybrid": measured(ask, queries), "hybrid, asked before": measured(ask, queries)}


def ours_words(folder: Path) -> dict[str, Any]:
    """Words alone."""
    words = Ranking(fusion="words")
    with SearchEngine.open(folder / "ours") as engine:
        return {"words": measured(lambda query: engine.search(query, limit=K, ranking=words), queries_of(folder))}


def ours_filtered(folder: Path) -> dict[str, Any]:
    """Words and vectors under a filter, with counts by brand."""
    among = {"filters": ["price:20..100"], "facets": ["brand"]}
    with SearchEngine.open(folder / "ours") as engine:
        return {"hybrid, filtered": measured(lambda query: engine.search(query, limit=K, **among), queries_of(folder))}


def tantivy_built(folder: Path) -> dict[str, Any]:
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
    return {"build_seconds": time.perf_counter() - began, "disk_mib": size_of(place)}


def tantivy_alone(folder: Path) -> dict[str, Any]:
    """Ask it for titles."""
    import tantivy  # noqa: PLC0415

    index = tantivy.Index.open(str(folder / "tantivy"))
    searcher = index.searcher()

    def ask(query: str) -> list[Any]:
        parsed, _ = index.parse_query_lenient(query, ["title", "description"])
        return [searcher.doc(address)["title"] for _, address in searcher.search(parsed, K).hits]

    return {"words": measured(ask, queries_of(folder))}


def bm25s_built(folder: Path) -> dict[str, Any]:
    """BM25 of bm25s with Snowball stems, over title and description."""
    import bm25s  # noqa: PLC0415
    import Stemmer  # noqa: PLC0415

    catalogue = Catalogue.read(folder)
    began = time.perf_counter()
    titles, descriptions = catalogue.items["title"].to_list(), catalogue.items["description"].to_list()
    texts = [f"{title} {description or ''}" for title, description in zip(titles, descriptions, strict=True)]
    # To compile takes longer than everything else in a quick run.
    retriever = bm25s.BM25(backend="numba" if len(texts) > _SMALL else "numpy")
    tokens = bm25s.tokenize(texts, stemmer=Stemmer.Stemmer("english"), show_progress=False)
    retriever.index(tokens, show_progress=False)
    shutil.rmtree(folder / "bm25s", ignore_errors=True)
    retriever.save(str(folder / "bm25s"), corpus=titles)
    return {"build_seconds": time.perf_counter() - began, "disk_mib": size_of(folder / "bm25s")}


def bm25s_numba(folder: Path) -> dict[str, Any]:
    """Ask it for titles, with numba if there are many items."""
    import bm25s  # noqa: PLC0415
    import Stemmer  # noqa: PLC0415

    stemmer = Stemmer.Stemmer("english")
    retriever = bm25s.BM25.load(str(folder / "bm25s"), load_corpus=True)
    assert retriever.corpus is not None
    k = min(K, len(retriever.corpus))

    def ask(query: str) -> Any:
        tokens = bm25s.tokenize(query, stemmer=stemmer, show_progress=False, return_ids=False)
        # Of a query without a word it makes nothing that it takes itself.
        return retriever.retrieve(tokens, k=k, show_progress=False, n_threads=0) if tokens[0] else []

    return {"words": measured(ask, queries_of(folder))}


def postgresql(folder: Path) -> dict[str, Any]:
    """PostgreSQL's full text search: a GIN index over title and description, ranked by ts_rank.

    The server is built and asked in one go, but in processes of its own, and only these are counted.
    """
    import psycopg  # noqa: PLC0415

    from bench.postgres import server  # noqa: PLC0415

    items = Catalogue.read(folder).items.select("item_id", "title", "description", "price")
    with server() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE items (item_id text, title text, words tsvector, price float8)")
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE given (item_id text, title text, description text, price float8)")
            with cursor.copy("COPY given FROM STDIN") as copy:
                for row in items.iter_rows():
                    copy.write_row(row)
        connection.execute(
            "INSERT INTO items SELECT item_id, title, "
            "to_tsvector('english', title || ' ' || coalesce(description, '')), price FROM given"
        )
        connection.execute("CREATE INDEX ON items USING gin(words)")
        connection.execute("VACUUM ANALYZE items")
        connection.execute("DROP TABLE given")
        built = time.perf_counter() - began
        size = connection.execute("SELECT pg_total_relation_size('items')").fetchone()
        local = threading.local()
        asked = (
            "SELECT item_id, title FROM items, plainto_tsquery('english', %s) q WHERE words @@ q "
            f"ORDER BY ts_rank(words, q) DESC LIMIT {K}"
        )

        def ask(query: str) -> Any:
            if not hasattr(local, "connection"):
                local.connection = psycopg.connect(url, autocommit=True)
            return local.connection.execute(asked, (query,)).fetchall()

        values = measured(ask, queries_of(folder))
        postmaster = psutil.Process(connection.info.backend_pid).parent()
        assert size is not None
        assert postmaster is not None
        values["resident_mib"] = sum(_resident(one) for one in [postmaster, *postmaster.children(recursive=True)])
    return {"build_seconds": built, "disk_mib": size[0] / MIB, "modes": {"words": values}}


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / MIB
    except psutil.Error:
        return 0.0

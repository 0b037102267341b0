"""The service that people write themselves: FastAPI, ALS of implicit, BM25 of bm25s, an INSERT for each request.

    python -m bench.peer_app FOLDER PORT --workers 2

Everything is made from the files of the benchmark when it starts. It has neither keys nor fallbacks nor reasons; a
batch of events is one transaction, as somebody who has read about SQLite would write it.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel
from scipy.sparse import csr_matrix

FACTORS = 64
FOLDER = "EVENSHELF_BENCH_PEER"
"""Names the folder, for the workers."""


class Event(BaseModel):
    """What happened."""

    event_id: str
    kind: str
    item_id: str
    user_id: str | None = None


class Events(BaseModel):
    """Several events."""

    events: list[Event]


def application(folder: Path) -> Any:
    """The application, ready to answer."""
    import bm25s  # noqa: PLC0415 - the peer
    from fastapi import FastAPI  # noqa: PLC0415 - as above
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415 - as above

    items = pl.read_parquet(folder / "items.parquet")
    taken = pl.read_parquet(folder / "events.parquet")
    ids, titles = items["item_id"].to_list(), items["title"].to_list()
    words = bm25s.BM25()
    words.index(bm25s.tokenize(titles, show_progress=False), show_progress=False)
    users = {name: number for number, name in enumerate(taken["user_id"].unique(maintain_order=True))}
    codes = {name: number for number, name in enumerate(ids)}
    where = [users[name] for name in taken["user_id"]], [codes[name] for name in taken["item_id"]]
    matrix = csr_matrix((np.ones(taken.height, np.float32), where), shape=(len(users), len(ids)))
    model = AlternatingLeastSquares(factors=FACTORS, iterations=5, num_threads=1, random_state=0)
    model.fit(matrix, show_progress=False)
    database = sqlite3.connect(folder / "peer.db", check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, kind TEXT, item TEXT, user TEXT)")
    database.commit()
    lock = threading.Lock()
    app = FastAPI()

    @app.get("/readyz")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.get("/v1/search")
    def search(q: str, limit: int = 10) -> dict[str, Any]:
        found, scores = words.retrieve(bm25s.tokenize(q, show_progress=False), k=limit, show_progress=False)
        hits = [
            {"item_id": ids[row], "title": titles[row], "score": float(score)}
            for row, score in zip(found[0].tolist(), scores[0].tolist(), strict=True)
        ]
        return {"hits": hits}

    @app.get("/v1/recommend")
    def recommend(user_id: str, k: int = 10) -> dict[str, Any]:
        user = users[user_id]
        found, scores = model.recommend(user, matrix[user], N=k)
        shown = [
            {"item": ids[row], "title": titles[row], "score": float(score)}
            for row, score in zip(found.tolist(), scores.tolist(), strict=True)
        ]
        return {"shown": shown}

    @app.post("/v1/events", status_code=201)
    def send(sent: Events) -> dict[str, int]:
        rows = [(one.event_id, one.kind, one.item_id, one.user_id) for one in sent.events]
        with lock, database:
            database.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", rows)
        return {"accepted": len(rows)}

    return app


def worker() -> Any:
    """The application of a worker."""
    return application(Path(os.environ[FOLDER]))


if __name__ == "__main__":
    import uvicorn

    os.environ[FOLDER] = sys.argv[1]
    uvicorn.run(
        "bench.peer_app:worker",
        factory=True,
        port=int(sys.argv[2]),
        workers=int(sys.argv[4]),
        log_level="warning",
        access_log=False,
    )

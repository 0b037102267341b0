"""The sides of the benchmark of large logs: functions of a folder, each run in a process of its own."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import psutil

from bench.scale_log import Size, write_shop
from evenshelf.learners.ranking.out_of_core import fit_on_disk
from evenshelf.remedies import parse
from evenshelf.shop import Shop

ASKED, SHOP, FITTED = "asked.json", "shop", "fitted"


def made(folder: Path) -> dict[str, Any]:
    """Write the log."""
    asked = _asked(folder)
    began = time.perf_counter()
    write_shop(folder / SHOP, Size(asked["events"], asked["users"], asked["items"]), asked["seed"])
    return {"seconds": time.perf_counter() - began}


def ours(folder: Path) -> dict[str, Any]:
    """Fit on disk in the memory that is asked for."""
    asked = _asked(folder)
    shutil.rmtree(folder / FITTED, ignore_errors=True)
    # libraries are loaded when they are first needed, so something small is fitted before their memory is looked at
    with TemporaryDirectory(dir=folder) as small:
        fit_on_disk(write_shop(Path(small) / SHOP, Size(1_000, 50, 20), 0), Path(small) / FITTED, parse("none"))
    base = psutil.Process().memory_info().rss
    began, worked = time.perf_counter(), time.process_time()
    found = fit_on_disk(
        Shop.open(folder / SHOP),
        folder / FITTED,
        parse("none"),
        memory=asked["memory"],
        neighbours=asked["neighbours"],
        seed=asked["seed"],
    )
    seconds, core_seconds = time.perf_counter() - began, time.process_time() - worked
    return {
        "seconds": seconds,
        "core_seconds": core_seconds,
        "base": base,
        "steps": found.work.steps,
        "users": found.work.users,
        "pairs": found.work.pairs,
        "runs": found.work.runs,
        "spilled": found.work.spilled,
        "kept": int(found.ranker.matrix.nnz),
        "model": found.ranker.bytes,
    }


def peer(folder: Path) -> dict[str, Any]:
    """Read the same events into memory, and fit neighbourhoods by cosine of the package implicit."""
    from implicit.nearest_neighbours import CosineRecommender  # noqa: PLC0415 - the peer
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - as above

    asked = _asked(folder)
    base = psutil.Process().memory_info().rss
    began, worked = time.perf_counter(), time.process_time()
    events = Shop.open(folder / SHOP).scan("events").select("user_id", "item_id").unique()
    coded = events.select(pl.all().cast(pl.Categorical).to_physical()).collect(engine="streaming")
    user, item = coded["user_id"].to_numpy(), coded["item_id"].to_numpy()
    took = csr_matrix((pl.ones(len(user), pl.Float32, eager=True).to_numpy(), (user, item)))
    read = time.perf_counter() - began
    model = CosineRecommender(K=asked["neighbours"], num_threads=0)
    model.fit(took, show_progress=False)
    return {
        "seconds": time.perf_counter() - began,
        "core_seconds": time.process_time() - worked,
        "read_seconds": read,
        "base": base,
        "kept": int(model.similarity.nnz),
        "steps": int(took.nnz),
    }


def _asked(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / ASKED).read_text(encoding="utf-8")))

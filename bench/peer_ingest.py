"""The peers of the ingest benchmark: each a function of a folder, to be run in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from bench.event_log import EVENTS

PEER = "peer.parquet"
OPTIONS: dict[str, Any] = {"ignore_errors": True, "truncate_ragged_lines": True}
"""Without these polars would stop at the first dirty line."""


def polars_sink(folder: Path) -> dict[str, Any]:
    """Stream the CSV into Parquet."""
    return _peer(
        folder,
        lambda: pl.scan_csv(folder / EVENTS, **OPTIONS).sink_parquet(folder / PEER, compression="zstd"),
    )


def polars_whole(folder: Path) -> dict[str, Any]:
    """Read the CSV as a whole, then write Parquet."""
    return _peer(
        folder,
        lambda: pl.read_csv(folder / EVENTS, **OPTIONS).write_parquet(folder / PEER, compression="zstd"),
    )


def pandas_whole(folder: Path) -> dict[str, Any]:
    """Read the CSV as a whole, then write Parquet."""
    # Only here, because its memory would count for polars.
    import pandas as pd  # noqa: PLC0415
    import pyarrow.parquet  # noqa: F401, PLC0415 - pandas would import it inside of the time

    return _peer(
        folder,
        lambda: pd.read_csv(folder / EVENTS, on_bad_lines="skip").to_parquet(
            folder / PEER, index=False, compression="zstd"
        ),
    )


def _peer(folder: Path, call: Callable[[], object]) -> dict[str, Any]:
    started = time.perf_counter()
    call()
    # As for a shop, whose parts are on the disk when the ingest ends.
    with (folder / PEER).open("rb+") as stream:
        os.fsync(stream.fileno())
    seconds = time.perf_counter() - started
    rows = pl.scan_parquet(folder / PEER).select(pl.len()).collect().item()
    facts = {"seconds": seconds, "rows": rows, "bytes": (folder / PEER).stat().st_size}
    (folder / PEER).unlink()
    return facts

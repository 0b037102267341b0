"""Our side of the ingest benchmark: a function of a folder, to be run in a process of its own."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.event_log import EVENTS, ITEMS
from evenshelf.shop.ingesting import intake
from evenshelf.shop.ingesting.ingest import ingest
from evenshelf.shop.ingesting.known import KnownRows
from evenshelf.shop.ingesting.log_rows import LogRows
from evenshelf.shop.store import Writer

SHOP = "shop"
NOW = datetime(2024, 6, 1, tzinfo=UTC)
"""After the log ends; given so that no clock has a say in what is refused."""
READING = "reading"


class Stages:
    """Seconds by stage: what progress names, and inside of it the steps that are watched; no second counts twice."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._running = [READING]
        self._since = time.perf_counter()

    def _account(self) -> None:
        now = time.perf_counter()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Begin with the stage that is told."""
        del done, total
        self._account()
        self._running[0] = READING if what.startswith("reading ") else what

    def watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, with its seconds counted under a name."""

        def timed(*arguments: Any, **named: Any) -> Any:
            self._account()
            self._running.append(name)
            try:
                return call(*arguments, **named)
            finally:
                self._account()
                self._running.pop()

        return timed

    def finish(self) -> dict[str, float]:
        """All seconds so far, in the order in which stages began."""
        self._account()
        return dict(self.seconds)


@contextmanager
def steps_watched(stages: Stages) -> Iterator[None]:
    """Count the steps of each batch, which progress tells as one."""
    steps: list[tuple[Any, str, str]] = [
        (LogRows, "make", "typing"),
        (intake, "refuse_typed", "rules over rows"),
        (KnownRows, "find", "finding known rows"),
        (Writer, "_write", "writing parts"),
        (Writer, "rewrite", "rewriting parts"),
    ]
    patches = [patch.object(owner, name, stages.watched(label, getattr(owner, name))) for owner, name, label in steps]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


def ours(folder: Path) -> dict[str, Any]:
    """Ingest items and events into a new shop; the seconds of both, and what became of the rows."""
    shop = folder / SHOP
    shutil.rmtree(shop, ignore_errors=True)
    started = time.perf_counter()
    ingest(shop, [folder / ITEMS], now=NOW)
    between = time.perf_counter()
    stages = Stages()
    with steps_watched(stages):
        report = ingest(shop, [folder / EVENTS], table="events", now=NOW, progress=stages.progress)
    seconds = time.perf_counter() - between
    (source,) = report.sources
    facts = {
        "seconds": seconds,
        "items_seconds": between - started,
        "rows_in": source.rows_in,
        "rows": report.rows,
        "quarantined": source.quarantined,
        "stages": stages.finish(),
        "bytes": sum(file.stat().st_size for file in shop.glob("events-*.parquet")),
    }
    shutil.rmtree(shop)
    return facts

"""kill -9 at random moments, a hundred times: the shop is always whole, and running the command again completes it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from evenshelf.shop import Shop, ingest
from evenshelf.shop.manifest import read_manifest

ROUNDS = 100
ROWS = 3_000

# Imports once and forks for each request, before any thread of polars or pyarrow has started; what dies is the child.
SERVER = """
    import os, sys
    from evenshelf.shop import ingest
    import evenshelf.shop.store as store

    store.PART_ROWS = 500
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                ingest(line.split()[0], line.split()[1:], table="events")
                code = 0
            finally:
                os._exit(code)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)
"""


class Server:
    """Runs each ingest in a process of its own, which can be killed."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SERVER)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def run(self, *args: str, kill_after: float | None = None) -> float:
        """Ingest; returns the seconds it took. With a time to be killed after, it may end before."""
        self._process.stdin.write(" ".join(args) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        begin = time.perf_counter()
        if kill_after is not None:
            time.sleep(kill_after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        status = int(self._process.stdout.readline())
        assert status == 0 or (kill_after is not None and os.WTERMSIG(status) == signal.SIGKILL), status
        return time.perf_counter() - begin


def log(path: Path, start: int, rows: int) -> Path:
    kinds = ("view", "purchase", "sneeze")
    lines = [
        f"2024-01-{1 + k % 28:02d} 10:{k % 60:02d},u{k % 50},i{k % 40},{kinds[k % 7 % 3]},{k % 3},{k}\n"
        for k in range(start, start + rows)
    ]
    path.write_text("time,user,item_id,kind,quantity,number\n" + "".join(lines) + "half a line\n", encoding="utf-8")
    return path


def state(shop: Path) -> tuple[int, int]:
    """Rows kept and refused, after checking that files, tables and sums are whole."""
    opened = Shop.open(shop)
    opened.verify()
    events, refused = opened.read("events"), opened.quarantine()
    assert events.select("source_id", "source_file", "source_line").n_unique() == events.height
    for source in opened.manifest.sources:
        assert source.rows_in == source.rows_kept + sum(source.quarantined.values())
    assert events.height == sum(s.rows_kept - s.rows_known for s in opened.manifest.sources)
    assert refused.height == sum(sum(s.quarantined.values()) for s in opened.manifest.sources)
    return events.height, refused.height


def kept_files(shop: Path) -> set[str]:
    """Files that some revision names."""
    manifests = [Shop.open(shop).manifest] + [read_manifest(shop, old) for old in shop.glob("history/*.toml")]
    return set().union(*(manifest.files() for manifest in manifests))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_kill_at_any_moment_loses_nothing_and_leaves_nothing_half(tmp_path):
    first = log(tmp_path / "first.csv", 0, 200)
    second = log(tmp_path / "second.csv", 200, ROWS)
    ingest(tmp_path / "after", [first, second], table="events")
    ingest(tmp_path / "before", [first], table="events")
    whole, less = state(tmp_path / "after"), state(tmp_path / "before")

    shop = tmp_path / "shop"
    rng = random.Random(11)
    seen: Counter[tuple[int, int]] = Counter()
    with Server(tmp_path) as server:
        usual = max(server.run(f"trial{k}", "first.csv", "second.csv") for k in range(2))
        for _ in range(ROUNDS):
            if not shop.exists():
                shutil.copytree(tmp_path / "before", shop)
            server.run("shop", "first.csv", "second.csv", kill_after=rng.random() * usual)
            found = state(shop)
            assert found in {less, whole}
            seen[found] += 1
            if found == whole or rng.random() < 0.2:
                server.run("shop", "first.csv", "second.csv")
                assert state(shop) == whole
                assert not list(shop.glob("*.parquet.*"))
                assert {file.name for file in shop.glob("*.parquet")} <= kept_files(shop)
                shutil.rmtree(shop)
    assert seen[less] >= ROUNDS // 10
    assert seen[whole] >= 1

"""kill -9 at random moments, many times: a shop is whole or not there, and running the command again completes it."""

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

from evenshelf import cli
from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop, ingest, simulate
from evenshelf.shop.manifest import MANIFEST, read_manifest
from evenshelf.shop.simulation.write import UNFINISHED
from evenshelf.shop.store import locked

ROUNDS = 100
ROWS = 1_000
KILLED_SIMULATIONS = 8

# Imports once and forks for each request, before any thread of polars or pyarrow has started; what dies is the child.
SERVER = """
    import os, sys
    from evenshelf.shop import ingest, simulate
    import evenshelf.shop.store as store

    store.PART_ROWS = 200
    for line in sys.stdin:
        what, shop, *files = line.split()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                if what == "ingest":
                    ingest(shop, files, table="events")
                else:
                    simulate(shop, items=30, seed=3, days=10, events=300, pictures=6)
                code = 0
            finally:
                os._exit(code)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)
"""


class Server:
    """Runs each command in a process of its own, which can be killed."""

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

    def run(self, *args: str, kill_after: float | None = None, by: signal.Signals = signal.SIGKILL) -> float:
        """Run a command; returns the seconds it took. With a time to be killed after, it may end before."""
        self._process.stdin.write(" ".join(args) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        begin = time.perf_counter()
        if kill_after is not None:
            time.sleep(kill_after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, by)
        status = int(self._process.stdout.readline())
        interrupted = os.WIFSIGNALED(status) if by == signal.SIGKILL else status != 0
        assert status == 0 or (kill_after is not None and interrupted), status
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


needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")


@needs_kill
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
        usual = max(server.run("ingest", f"trial{k}", "first.csv", "second.csv") for k in range(2))
        for _ in range(ROUNDS):
            if not shop.exists():
                shutil.copytree(tmp_path / "before", shop)
            server.run("ingest", "shop", "first.csv", "second.csv", kill_after=rng.random() * usual)
            found = state(shop)
            assert found in {less, whole}
            seen[found] += 1
            if found == whole or rng.random() < 0.2:
                server.run("ingest", "shop", "first.csv", "second.csv")
                assert state(shop) == whole
                assert not list(shop.glob("*.parquet.*"))
                assert {file.name for file in shop.glob("*.parquet")} <= kept_files(shop)
                shutil.rmtree(shop)
    assert seen[less] >= ROUNDS // 10
    assert seen[whole] >= 1


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return int(caught.value.code or 0)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@needs_kill
@pytest.mark.parametrize("by", ["SIGKILL", "SIGINT"])
def test_a_simulation_that_was_killed_is_no_shop_and_the_next_one_is_as_if_nothing_had_been(tmp_path, by):
    rng = random.Random(12)
    half: Counter[str] = Counter()
    out = tmp_path / "out"
    with Server(tmp_path) as server:
        usual = max(server.run("simulate", name) for name in ("usual", "other"))
        usual_bytes = contents(tmp_path / "usual")
        assert usual_bytes == contents(tmp_path / "other")
        for _ in range(KILLED_SIMULATIONS):
            if rng.random() < 0.5:
                out.mkdir(exist_ok=True)  # a folder that is there before is as good as none
            for _ in range(rng.choice([1, 1, 2])):
                if not (out / MANIFEST).exists():
                    server.run("simulate", "out", kill_after=rng.random() * usual, by=signal.Signals[by])
            left = {file.name for file in out.iterdir()} if out.exists() else set()
            half.update(left)
            if MANIFEST in left:
                # Killed between the manifest and the end: the mark may still be there.
                Shop.open(out).verify()
                (out / UNFINISHED).unlink(missing_ok=True)
            else:
                server.run("simulate", "out")
            assert contents(out) == usual_bytes
            shutil.rmtree(out)
    assert half[UNFINISHED] >= (1 if by == "SIGKILL" else 0)
    assert half["truth"] <= half[UNFINISHED] + half[MANIFEST]


def test_a_simulation_clears_only_what_simulations_leave(tmp_path):
    """Pictures that somebody put into a folder are no leftovers."""
    mine = tmp_path / "shop" / "pictures" / "mine.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(SettingError, match="not empty"):
        simulate(tmp_path / "shop", items=20, events=100)
    assert contents(tmp_path / "shop") == {"pictures/mine.png": b"mine"}


@pytest.mark.parametrize("left", [(), (UNFINISHED, "truth/half")])
def test_a_simulation_does_not_wait_for_another_one_and_says_so(tmp_path, capsys, left):
    """A run that goes on is none that was killed, wherever it stands."""
    pytest.importorskip("fcntl")
    out = tmp_path / "shop"
    for name in left:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).touch()
    out.mkdir(exist_ok=True)
    with locked(out):
        with pytest.raises(InputError, match="another process is writing to"):
            simulate(out, items=20, events=100)
        assert run("simulate", out, "--items", 20) == 3
        told = " ".join(capsys.readouterr().err.split())
        assert "another process is writing to" in told
        assert "killed" not in told
        assert {*contents(out)} == {*left, ".lock"}
    assert run("simulate", out, "--items", 20, "--events", 0) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert ("held what a run that was killed left behind: it was cleared" in told) == bool(left)
    assert not (out / "truth" / "half").exists()


def test_what_a_killed_simulation_left_is_cleared_with_a_note(tmp_path):
    out = tmp_path / "shop"
    for folder in ("truth", "pictures"):
        (out / folder).mkdir(parents=True)
        (out / folder / "half").write_bytes(b"")
    (out / UNFINISHED).touch()
    told: list[str] = []
    simulate(out, items=20, events=100, pictures=0, progress=lambda what, _done, _total: told.append(what))
    assert told[0] == "clearing what a run that was killed left behind"
    assert not (out / "pictures").exists()
    assert not (out / "truth" / "half").exists()
    assert not (out / UNFINISHED).exists()

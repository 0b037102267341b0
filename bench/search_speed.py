"""How fast a search is: the index beside plain engines of the field, on the same catalogue and queries in the same run.

    python -m bench.search_speed            20,000, 100,000 and a million items; about half an hour
    python -m bench.search_speed --quick    1,000 simulated items: seconds

Catalogues are real electronics, repeated with changes (:mod:`bench.search_catalogue`). Each engine is built in one
process and opened and asked in another: 1,000 queries one after another, then 1,000 others from two threads at once,
none asked before. Ours is asked for words and vectors together, the encoding of the query included. The peers have
words alone: tantivy, bm25s, the full text search of PostgreSQL; and LanceDB, which has both, lives in an environment of
its own (``make vectors``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench import child
from bench.harness import Figure, Listing, Report, say
from bench.search_catalogue import made_up
from bench.search_engines import WARM
from evenshelf.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
SIZES = (20_000, 100_000, 1_000_000)
COLUMNS = ("items", "engine", "mode", "p50_ms", "p99_ms", "qps", "build_seconds", "disk_mib", "resident_mib")
OURS, TANTIVY, BM25S, POSTGRESQL, LANCEDB = "evenshelf", "tantivy", "bm25s", "PostgreSQL", "LanceDB"
ENGINES = (TANTIVY, BM25S, POSTGRESQL)
PROCESSES = {
    OURS: ("ours_built", ("ours", "ours_words", "ours_filtered")),
    TANTIVY: ("tantivy_built", ("tantivy_alone",)),
    BM25S: ("bm25s_built", ("bm25s_numba",)),
}
"""What builds, and what asks, each in a process of its own."""
LANCEDB_HOME = ROOT / ".venv-vectors"


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    sizes: tuple[int, ...]
    queries: int
    runs: int
    simulated: bool
    lancedb: bool
    json: Path | None


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.search_speed", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="1,000 simulated items: seconds")
    parser.add_argument("--sizes", type=int, nargs="+", help="so many items")
    parser.add_argument("--queries", type=int, help="1,000")
    parser.add_argument("--runs", type=int, help="3, of which medians are given; one at a million items")
    parser.add_argument("--without-lancedb", action="store_true", help="leave LanceDB out")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    if given.quick:
        return Asked((1_000,), given.queries or 60, given.runs or 1, True, False, given.json)
    sizes = tuple(given.sizes) if given.sizes else SIZES
    return Asked(sizes, given.queries or 1_000, given.runs or 3, False, not given.without_lancedb, given.json)


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    if asked.lancedb and not (LANCEDB_HOME / ".made").exists():
        raise InputError(
            "The environment of LanceDB is missing.", hint="Make it with `make vectors`, or give --without-lancedb."
        )
    measure(asked).finish(asked.json)
    return 0


def measure(asked: Asked) -> Report:
    """All engines at all sizes, in turns."""
    report = Report("search_speed")
    report.settings = {"sizes": list(asked.sizes), "queries": asked.queries, "runs": asked.runs, "seed": 0}
    rows: list[dict[str, Any]] = []
    for size in asked.sizes:
        with TemporaryDirectory() as place:
            folder = Path(place)
            say(f"{size:,} items")
            made_up(size, 2 * asked.queries + WARM, simulated=asked.simulated).write(folder)
            rows += at_size(folder, size, asked)
    report.tables.append(Listing("search_speed", COLUMNS, tuple(tuple(row.get(c) for c in COLUMNS) for row in rows)))
    report.figures += figures(rows, asked)
    report.notes += notes(asked)
    return report


def at_size(folder: Path, size: int, asked: Asked) -> list[dict[str, Any]]:
    """Lines of all engines at one size."""
    runs = asked.runs if size < 1_000_000 else 1
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for number in range(runs):
        for engine in (OURS, *ENGINES, *((LANCEDB,) if asked.lancedb else ())):
            say(f"  run {number + 1} of {runs}: {engine}")
            for mode, values in _once(engine, folder).items():
                found.setdefault((engine, mode), []).append(values)
    return [
        {"items": size, "engine": engine, "mode": mode} | {key: median(one[key] for one in some) for key in COLUMNS[3:]}
        for (engine, mode), some in found.items()
    ]


def _once(engine: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Values of each mode of an engine that is built anew."""
    if engine == LANCEDB:
        built = _lancedb(folder, "build")
        modes = {**_lancedb(folder, "hybrid"), **_lancedb(folder, "words")}
    elif engine == POSTGRESQL:
        built = child.run("bench.search_engines:postgresql", folder).facts
        modes = built.pop("modes")
    else:
        build, asking = PROCESSES[engine]
        built = child.run(f"bench.search_engines:{build}", folder).facts
        modes = {}
        for function in asking:
            modes |= child.run(f"bench.search_engines:{function}", folder).facts
    return {mode: {**built, **values} for mode, values in modes.items()}


def _lancedb(folder: Path, what: str) -> dict[str, Any]:
    script = Path(__file__).with_name("peer_lancedb.py")
    command = [str(LANCEDB_HOME / "bin" / "python"), "-I", str(script), str(folder), what]
    # Else it warns at each query, which takes time of its own.
    subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ, "LANCEDB_LOG": "error"})
    facts: dict[str, Any] = json.loads((folder / "lancedb.json").read_text(encoding="utf-8"))
    return facts


def figures(rows: list[dict[str, Any]], asked: Asked) -> list[Figure]:
    """The hybrid search at each size, beside the fastest peer that has both legs, or words."""
    found = []
    for size in asked.sizes:
        of_size = {(row["engine"], row["mode"]): row for row in rows if row["items"] == size}
        name = f"{size // 1_000_000}m" if size >= 1_000_000 else f"{size // 1000}k"
        ours = of_size[OURS, "hybrid"]
        peer = LANCEDB if (LANCEDB, "hybrid") in of_size else POSTGRESQL
        theirs = of_size[peer, "hybrid" if peer == LANCEDB else "words"]
        found += [
            Figure(
                f"hybrid_p99_ms_{name}",
                ours["p99_ms"],
                "ms",
                "lower",
                peer,
                theirs["p99_ms"],
                theirs["p99_ms"] / ours["p99_ms"],
            ),
            Figure(
                f"hybrid_qps_{name}",
                ours["qps"],
                "queries/s",
                "higher",
                peer,
                theirs["qps"],
                ours["qps"] / theirs["qps"],
            ),
        ]
        words = of_size[OURS, "words"]
        for engine in ENGINES:
            other = of_size[engine, "words"]
            found.append(
                Figure(
                    f"words_p99_ms_{name}_{engine.lower()}",
                    words["p99_ms"],
                    "ms",
                    "lower",
                    engine,
                    other["p99_ms"],
                    other["p99_ms"] / words["p99_ms"],
                )
            )
    return found


def notes(asked: Asked) -> list[str]:
    """What to know about the figures."""
    told = [
        (
            f"Medians of {asked.runs} runs (one at a million items), each built anew, of {asked.queries:,} queries one "
            f"after another and of {asked.queries:,} others from two threads, none of them asked before. Ours answers "
            "with titles, highlights and the number of all items that match, and encodes the query (8-bit MiniLM on "
            "one core); what was asked before it need not encode. Each mode is asked in a process of its own, whose "
            "memory is given, with Python and the pages of the index that it looked at."
        ),
        (
            "Vectors of titles were given to all engines that take any; the time to encode them is not part of the "
            "build. Vectors of copies are those of the original with noise."
        ),
        (
            "PostgreSQL demands all words; tantivy, bm25s and LanceDB rank items with any of them. Their latencies are "
            "as asked from Python. LanceDB encodes no query, and beyond 50,000 items its vectors are approximate "
            "(IVF-PQ at its own settings), at a recall that is not measured here."
        ),
    ]
    if not asked.lancedb:
        told.append("LanceDB was left out of this run.")
    return told


if __name__ == "__main__":
    sys.exit(main())

"""Ingest: rows a second and memory, beside readers that clean nothing.

    python -m bench.ingest            100,000, a million and 5 million events, several times each
    python -m bench.ingest --full     50 million as well, once: about 15 minutes more, and 10 GB of disk
    python -m bench.ingest --quick    a few thousand, in seconds

All sides read the same made-up CSV, each time in a new process, whose memory is counted from its start.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench import child
from bench.event_log import BOT_SHARE, EVENTS, ITEMS, SHARES, Size, write_events, write_items
from bench.harness import Figure, Listing, Report, say
from evenshelf.errors import EvenshelfError

OURS = "evenshelf"
OURS_RUN = "bench.ours_ingest:ours"
PEERS = {
    "polars": "bench.peer_ingest:polars_sink",
    "polars, whole": "bench.peer_ingest:polars_whole",
    "pandas": "bench.peer_ingest:pandas_whole",
}
"""Functions of the peers, by their names in the tables."""
SIDES = {OURS: OURS_RUN, **PEERS}
MIB = 2**20
SEED = 0


@dataclass(frozen=True)
class Asked:
    """What this run measures.

    Attributes
    ----------
    sizes
        Rows of the logs that all sides read; the last gives the figures.
    once
        Rows of a log that only evenshelf reads, once; None: no such log.
    """

    sizes: tuple[int, ...]
    runs: int
    once: int | None
    folder: Path | None
    json: Path | None


@dataclass(frozen=True)
class Side:
    """Medians of one side over its runs.

    Attributes
    ----------
    seconds, spread
        Median and largest minus smallest.
    peak
        Bytes.
    facts
        What the run with the median seconds told.
    """

    seconds: float
    spread: float
    peak: float
    facts: dict[str, Any]


def arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="2,000 and 5,000 events: seconds")
    parser.add_argument("--full", action="store_true", help="50 million events as well, once")
    parser.add_argument("--runs", type=int, help="runs of each side: 3; with --quick 1")
    parser.add_argument("--folder", type=Path, help="where the made-up files go; the system's temporary folder")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    if given.runs is not None and given.runs < 1:
        parser.error("--runs must be at least 1")
    if given.quick:
        return Asked((2_000, 5_000), given.runs or 1, 8_000 if given.full else None, given.folder, given.json)
    sizes, once = (100_000, 1_000_000, 5_000_000), 50_000_000 if given.full else None
    return Asked(sizes, given.runs or 3, once, given.folder, given.json)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    try:
        measure(asked).finish(asked.json)
    except (EvenshelfError, RuntimeError) as error:
        say(str(error))
        return 1
    return 0


def measure(asked: Asked) -> Report:
    """All sizes, all sides."""
    report = Report("ingest")
    report.settings = {"rows": list(asked.sizes), "once": asked.once, "runs": asked.runs, "seed": SEED}
    sizes: list[tuple[Any, ...]] = []
    sides: dict[str, Side] = {}
    made: dict[str, int] = {}
    for rows in asked.sizes:
        with TemporaryDirectory(prefix="evenshelf-bench-", dir=asked.folder) as name:
            made = make(Path(name), rows)
            sides = compared(Path(name), asked.runs)
        sizes += [size_row(who, rows, side) for who, side in sides.items()]
    report.figures += figures(sides, asked.sizes[-1])
    stages = sides[OURS].facts["stages"]
    what = refusals(made, sides[OURS].facts)
    if asked.once is not None:
        with TemporaryDirectory(prefix="evenshelf-bench-", dir=asked.folder) as name:
            make(Path(name), asked.once)
            found = once(Path(name))
        sizes.append(size_row(OURS, asked.once, found))
        report.figures += [
            Figure(f"seconds_{short(asked.once)}_events", found.seconds, "s", "lower"),
            Figure(f"peak_mib_{short(asked.once)}_events", found.peak / MIB, "MiB", "lower"),
        ]
    report.tables += [
        Listing("ingest_sizes", ("rows", "who", "seconds", "range", "rows_per_second", "peak_mib"), tuple(sizes)),
        stage_table(stages),
        what,
    ]
    report.notes += notes(asked, sides)
    return report


def make(folder: Path, rows: int) -> dict[str, int]:
    """Write items and events."""
    say(f"making {rows:,} events")
    size = Size(rows)
    write_items(folder / ITEMS, size, SEED)
    return write_events(folder / EVENTS, size, SEED)


def compared(folder: Path, runs: int) -> dict[str, Side]:
    """All sides on one log, in turns, so that what slows the machine down for a while slows all of them."""
    outcomes: dict[str, list[child.Outcome]] = {who: [] for who in SIDES}
    for _ in range(runs):
        for who, function in SIDES.items():
            outcomes[who].append(child.run(function, folder))
            told(who, outcomes[who][-1])
    return {who: summed_up(found) for who, found in outcomes.items()}


def once(folder: Path) -> Side:
    """Ours, once."""
    found = child.run(OURS_RUN, folder)
    told(OURS, found)
    return summed_up([found])


def told(who: str, found: child.Outcome) -> None:
    """Say what a run took."""
    say(f"{who}: {found.facts['seconds']:.1f} s, {found.peak / MIB:,.0f} MiB, {found.facts['rows']:,} rows")


def summed_up(found: Sequence[child.Outcome]) -> Side:
    """Medians of some runs."""
    by_time = sorted(found, key=lambda outcome: outcome.facts["seconds"])
    seconds = [outcome.facts["seconds"] for outcome in by_time]
    peak = median(outcome.peak for outcome in found)
    return Side(median(seconds), seconds[-1] - seconds[0], peak, by_time[(len(by_time) - 1) // 2].facts)


def size_row(who: str, rows: int, side: Side) -> tuple[Any, ...]:
    """A row of the table by sizes."""
    return (rows, who, side.seconds, side.spread, rows / side.seconds, side.peak / MIB)


def figures(sides: dict[str, Side], rows: int) -> list[Figure]:
    """Speed and memory at the largest size, beside each peer."""
    ours = sides[OURS]
    speed = rows / ours.seconds
    out = [Figure("rows_per_second", speed, "rows/s", "higher")]
    for peer in PEERS:
        theirs = sides[peer]
        name = peer.replace(", ", "_")
        other = rows / theirs.seconds
        out += [
            Figure(f"rows_per_second_ratio_{name}", speed / other, "x", "higher", peer, other, speed / other),
            Figure(
                f"peak_mib_{short(rows)}_events_{name}",
                ours.peak / MIB,
                "MiB",
                "lower",
                peer,
                theirs.peak / MIB,
                theirs.peak / ours.peak,
            ),
        ]
    return [*out, Figure(f"peak_mib_{short(rows)}_events", ours.peak / MIB, "MiB", "lower")]


def short(rows: int) -> str:
    """Rows in the name of a figure: ``5m``, ``100k``."""
    for size, letter in ((1_000_000, "m"), (1_000, "k")):
        if rows % size == 0:
            return f"{rows // size}{letter}"
    return str(rows)


def stage_table(stages: dict[str, float]) -> Listing:
    """Where the seconds of the largest log went, most first."""
    total = sum(stages.values())
    rows = sorted(((name, seconds, seconds / total) for name, seconds in stages.items()), key=lambda row: -row[1])
    return Listing("ingest_stages", ("stage", "seconds", "time_share"), tuple(rows))


_REASONS = {
    "bot": "bot",
    "malformed": "wrong_field_count",
    "unparsable time": "unparsable_time",
    "impossible price": "impossible_price",
    "sent twice": "duplicate_event",
}


def refusals(made: dict[str, int], facts: dict[str, Any]) -> Listing:
    """Dirty rows that were made, and those that were refused for that reason.

    Raises
    ------
    RuntimeError
        If a row is neither kept nor refused.
    """
    refused: dict[str, int] = facts["quarantined"]
    if facts["rows_in"] != made["rows"] or facts["rows_in"] != facts["rows"] + sum(refused.values()):
        raise RuntimeError(f"{made['rows']} rows were made, but not all are kept or refused: {facts}")
    rows: list[tuple[Any, ...]] = [
        (what, made[what], reason, refused.get(reason, 0)) for what, reason in _REASONS.items()
    ]
    others = sorted(set(refused) - set(_REASONS.values()))
    rows += [("clean", None, reason, refused[reason]) for reason in others]
    return Listing("ingest_refused", ("made_as", "made", "reason", "refused"), tuple(rows))


def notes(asked: Asked, sides: dict[str, Side]) -> list[str]:
    """What to know about the figures."""
    rows = asked.sizes[-1]
    facts = sides[OURS].facts
    kept = ", ".join(f"{who} {side.facts['rows']:,}" for who, side in sides.items())
    dirt = sum(SHARES.values())
    return [
        (
            "The peers only read and write: polars with scan_csv and sink_parquet (polars) or read_csv and "
            "write_parquet (polars, whole), pandas with read_csv and to_parquet, all with zstd. They read no times, "
            "look for no bots, duplicates or outliers, and do not say what became of a line. The ratios are what "
            "cleaning and accounting for every row cost, not what two ways to the same result cost."
        ),
        (
            f"Medians of {asked.runs} runs in turns, each in a new process; range is the largest minus the smallest. "
            "Memory is the peak of the whole process with its libraries."
        ),
        (
            f"The log has {dirt:.2%} dirty lines and {BOT_SHARE:.1%} of a bot. Quotes in it are in pairs. Rows in the "
            f"end at {rows:,} lines: {kept}; polars fills lines with too few fields and cuts those with too many."
        ),
        (
            f"The items ({Size(rows).items:,} at {rows:,} events) were ingested before, in the same process, in "
            f"{facts['items_seconds']:.1f} s; these do not count in rows_per_second."
        ),
        (
            "Stages: what progress tells; while the file is read, the steps of a batch are timed one by one, and the "
            "first stage holds what is left of that time: finding the lines, splitting them into fields."
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())

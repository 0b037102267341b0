"""Neighbourhoods of a log that need not fit in memory: seconds and memory, beside a peer that holds all of it.

    python -m bench.recommend_scale              20 million events, 1 million users, 100,000 items; some minutes
    python -m bench.recommend_scale --quick      30,000 events: seconds
    python -m bench.recommend_scale --events N   another size, with as many users and items in proportion

The log is made up (:mod:`bench.scale_log`) and written as a shop. Each side runs in a process of its own, whose largest
resident size is measured. evenshelf is given several amounts of memory, the peer (``CosineRecommender`` of implicit)
takes what it needs. Both keep as many neighbours of an item. They read the same events; evenshelf finds baskets and the
strength of each event besides, and weighs users by how much they took.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import child
from bench.harness import Figure, Listing, Report, say
from bench.scale_log import Size
from bench.scale_sides import ASKED
from evenshelf.errors import EvenshelfError

OURS, PEER = "evenshelf", "CosineRecommender of implicit"
MIB = 2**20
SEED = 0
NEIGHBOURS = 200
COLUMNS = (
    "who",
    "memory_mib",
    "seconds",
    "core_seconds",
    "events_per_second",
    "peak_mib",
    "beyond_mib",
    "runs",
    "spilled_mib",
)


@dataclass(frozen=True)
class Asked:
    """What this run measures.

    Attributes
    ----------
    size
        Of the log.
    memory
        MiB that evenshelf is given, one run each; figures are of the first.
    """

    size: Size
    memory: tuple[int, ...]
    folder: Path | None
    json: Path | None


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.recommend_scale", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="30,000 events: seconds")
    parser.add_argument("--events", type=int, help="20,000,000")
    parser.add_argument("--memory", type=int, nargs="+", help="MiB for evenshelf, several for several runs: 512 2048")
    parser.add_argument("--folder", type=Path, help="where the made-up shop goes; the system's temporary folder")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    events = given.events or (30_000 if given.quick else 20_000_000)
    if events < 1_000:
        parser.error("--events must be at least 1,000")
    memory = tuple(given.memory or ((64,) if given.quick else (512, 2048)))
    return Asked(Size(events, events // 20, events // 200), memory, given.folder, given.json)


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    try:
        measure(asked).finish(asked.json)
    except (EvenshelfError, RuntimeError) as error:
        say(str(error))
        return 1
    return 0


def measure(asked: Asked) -> Report:
    """All runs on one log."""
    report = Report("recommend_scale")
    report.settings = {**asdict(asked.size), "memory_mib": list(asked.memory), "neighbours": NEIGHBOURS, "seed": SEED}
    with TemporaryDirectory(prefix="evenshelf-bench-", dir=asked.folder) as name:
        folder = Path(name)
        say(f"making {asked.size.events:,} events")
        run("made", folder, asked, asked.memory[0])
        ours = {memory: run("ours", folder, asked, memory) for memory in asked.memory}
        theirs = run("peer", folder, asked, asked.memory[0])
    report.figures += figures(asked, ours, theirs)
    rows = [row(OURS, memory, asked, found) for memory, found in ours.items()]
    report.tables.append(Listing("scale", COLUMNS, (*rows, row(PEER, None, asked, theirs))))
    report.notes += notes(ours[asked.memory[0]].facts, theirs.facts)
    return report


def run(what: str, folder: Path, asked: Asked, memory: int) -> child.Outcome:
    """One side, in a process of its own."""
    told = {**asdict(asked.size), "memory": memory * MIB, "neighbours": NEIGHBOURS, "seed": SEED}
    (folder / ASKED).write_text(json.dumps(told), encoding="utf-8")
    found = child.run(f"bench.scale_sides:{what}", folder)
    say(f"{what}: {found.facts['seconds']:.1f} s, {found.peak / MIB:,.0f} MiB")
    return found


def row(who: str, memory: int | None, asked: Asked, found: child.Outcome) -> tuple[Any, ...]:
    """A line of the table."""
    facts = found.facts
    beyond = (found.peak - facts["base"]) / MIB
    spilled = facts["spilled"] / MIB if "spilled" in facts else None
    speed = asked.size.events / facts["seconds"]
    seconds = facts["seconds"], facts["core_seconds"]
    return (who, memory, *seconds, speed, found.peak / MIB, beyond, facts.get("runs"), spilled)


def figures(asked: Asked, ours: dict[int, child.Outcome], theirs: child.Outcome) -> list[Figure]:
    """Speed, memory and how much of the memory that was given was taken."""
    memory = asked.memory[0]
    found = ours[memory]
    speed, other = (asked.size.events / one.facts["seconds"] for one in (found, theirs))
    share = max((one.peak - one.facts["base"]) / (given * MIB) for given, one in ours.items())
    return [
        Figure("fit_seconds", found.facts["seconds"], "s", "lower", PEER, theirs.facts["seconds"], speed / other),
        _core_seconds(found.facts, theirs.facts),
        Figure("events_per_second", speed, "events/s", "higher", PEER, other, speed / other),
        Figure("peak_mib", found.peak / MIB, "MiB", "lower", PEER, theirs.peak / MIB, theirs.peak / found.peak),
        Figure("share_of_memory", share, "x", "lower"),
        Figure("neighbours_kept", found.facts["kept"], "pairs", "higher", PEER, theirs.facts["kept"]),
    ]


def _core_seconds(ours: dict[str, Any], theirs: dict[str, Any]) -> Figure:
    one, other = ours["core_seconds"], theirs["core_seconds"]
    return Figure("core_seconds", one, "s", "lower", PEER, other, other / one)


def notes(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """What to know about the figures."""
    return [
        (
            f"{ours['steps']:,} steps of {ours['users']:,} users were counted, in which a user takes an item for the "
            f"first time; they make {ours['pairs']:,} different pairs, both ways. The model in the end takes "
            f"{ours['model'] / MIB:,.0f} MiB of disk, read as it is used."
        ),
        (
            "Memory is the largest resident size of the process with its libraries; beyond is what came on top of "
            "those. share_of_memory is the largest share of what was given that was taken, beyond the libraries. Core "
            "seconds are those that cores were at work, whatever else ran on the machine."
        ),
        (
            f"Of the peer's seconds {theirs['read_seconds']:.1f} are reading. It uses all cores to count; evenshelf "
            "counts on one, and reads and sorts on all."
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())

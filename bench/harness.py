"""What all benchmarks share: figures, tables and notes; the JSON file; the terminal; progress on stderr."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.table import Table

from bench.machine import commit, machine
from bench.wording import cell, heading, title

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured number, beside the same number of its peer.

    Attributes
    ----------
    name, value, unit, better
        What it is, and whether ``"higher"`` or ``"lower"`` is better.
    peer
        Who was measured in the same run, or ``None``.
    peer_value
        The peer's number: of the same kind and unit, or, where the figure is a ratio of both sides, what ours was
        compared with.
    ratio
        How many times better than the peer: above 1 is better, whichever way the figure points.
    """

    name: str
    value: float
    unit: str
    better: Literal["higher", "lower"]
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None


@dataclass(frozen=True)
class Listing:
    """A table of a benchmark; :mod:`bench.wording` gives it its words, in each language.

    Attributes
    ----------
    name
        Kind of table.
    columns
        Names of the columns.
    rows
        Plain values (text, number, boolean, ``None`` for unknown, ``[value, low, high]`` with an interval).
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass
class Report:
    """All that a benchmark found.

    Attributes
    ----------
    name
        Of the benchmark, with what sets this run of it apart.
    settings
        What was measured: data, sizes, seeds.
    notes
        What was scaled or skipped, and why; a sentence each.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Listing] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    commit: str | None = field(default_factory=commit)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "name": self.name,
            "commit": self.commit,
            "machine": machine(),
            "seconds": round(time.perf_counter() - self.started, 1),
            "settings": self.settings,
            "figures": [asdict(figure) for figure in self.figures],
            "tables": [asdict(table) for table in self.tables],
            "notes": self.notes,
        }

    def finish(self, file: Path | None) -> None:
        """Print the report and, if a file is given, write it there."""
        if commit() != self.commit:
            self.notes.append(f"The files changed while they were measured: {self.commit} before, {commit()} after.")
        document = self.to_dict()
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(file.name + ".partial")
            text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
            partial.write_text(text + "\n", encoding="utf-8")
            partial.replace(file)
        show(document)
        if file is not None:
            say(f"written: {file}")


def show(document: dict[str, Any]) -> None:
    """Print a report's figures, tables and notes."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=170)
    figures = Listing(
        "figures",
        ("figure", "value", "unit", "better", "peer", "peer_value", "ratio"),
        tuple(tuple(figure.values()) for figure in document["figures"]),
    )
    for listing in (asdict(figures), *document["tables"]):
        table = Table(title=title(listing["name"], "en"), title_justify="left")
        for number, column in enumerate(listing["columns"]):
            text = all(isinstance(row[number], str) for row in listing["rows"])
            table.add_column(heading(column, "en"), justify="left" if text else "right")
        for row in listing["rows"]:
            table.add_row(*(cell(column, value, "en") for column, value in zip(listing["columns"], row, strict=True)))
        console.print(table)
    for note in document["notes"]:
        console.print(f"- {note}", markup=False, highlight=False)


BEGAN = "EVENSHELF_BENCH_BEGAN"
"""Set for the processes that a benchmark starts, so that all count from the same moment."""

_BEGAN = float(os.environ.get(BEGAN) or time.time())
os.environ[BEGAN] = str(_BEGAN)


def say(words: str) -> None:
    """Tell a person on stderr what is going on, with the minutes and seconds since the start."""
    minutes, seconds = divmod(int(time.time() - _BEGAN), 60)
    print(f"[{minutes:3d}:{seconds:02d}] {words}", file=sys.stderr, flush=True)


def seconds_of(call: Callable[[], object], times: int) -> float:
    """Median wall time of several calls."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return median(found)


def known(value: Any) -> Any:
    """The value, or ``None`` for a number that is none, which JSON has no word for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def ratio_figure(name: str, ours: float, theirs: float, unit: str, peer: str) -> Figure:
    """How many times more the peer needs than evenshelf."""
    return Figure(name, theirs / ours, unit, "higher", peer, theirs, theirs / ours)

"""Runs each side of a comparison in a process of its own, and sees how much memory that process takes at its peak.

Memory is that of the process with all its children. Pages that several of them share are counted once where the system
tells (proportional set size, Linux); elsewhere resident sizes are added up, which counts them several times.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

INTERVAL = 0.2
"""Seconds between two looks at the memory. The largest resident size of the process itself is known exactly."""


@dataclass(frozen=True)
class Outcome:
    """What a child returned, and its peak memory in bytes with all that it started."""

    facts: dict[str, Any]
    peak: int


def run(function: str, folder: Path, environment: dict[str, str] | None = None) -> Outcome:
    """Call ``module:function`` with `folder` in a process of its own.

    The function returns JSON-able facts; large results it writes into the folder. Its stderr is ours.

    Raises
    ------
    RuntimeError
        If the process fails.
    """
    answer = folder / f"{function.replace(':', '.')}.json"
    answer.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bench.child", function, str(folder), str(answer)]
    root = Path(__file__).resolve().parents[1]
    env = {**os.environ, **(environment or {})}
    process = subprocess.Popen(command, cwd=root, env=env, stdout=sys.stderr)
    peak = 0
    try:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, _memory(watched))
            time.sleep(INTERVAL)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        raise RuntimeError(f"{function} failed with exit code {process.returncode}; see above.")
    document = json.loads(answer.read_text(encoding="utf-8"))
    return Outcome(document["facts"], max(peak, document["largest"]))


def _memory(process: psutil.Process) -> int:
    total = 0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    for member in family:
        try:
            total += _shared_once(member)
        except psutil.Error:
            continue  # it ended between two looks
    return total


def _shared_once(process: psutil.Process) -> int:
    if hasattr(psutil, "LINUX") and psutil.LINUX:
        return int(process.memory_full_info().pss)
    return int(process.memory_info().rss)


def _main(function: str, folder: str, answer: str) -> None:
    module, _, name = function.partition(":")
    facts = getattr(importlib.import_module(module), name)(Path(folder))
    unit = 1 if sys.platform == "darwin" else 1024
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    Path(answer).write_text(json.dumps({"facts": facts, "largest": largest}), encoding="utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])

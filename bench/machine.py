"""What a measurement ran on, and of which state of the code."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = (
    "numpy",
    "polars",
    "pandas",
    "pyarrow",
    "scipy",
    "scikit-learn",
    "imbalanced-learn",
    "torch",
    "onnxruntime",
    "sentence-transformers",
)


def machine() -> dict[str, Any]:
    """Processor, cores, memory and versions; nothing that names this very machine."""
    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": len(psutil.Process().cpu_affinity() or []) if hasattr(psutil.Process, "cpu_affinity") else None,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def commit() -> str | None:
    """Short name of the commit, with ``+changes`` if files differ from it; ``None`` outside of a repository."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        # results and pages that hold them are what a measurement changes, not what it measures
        changed = _git("status", "--porcelain", "--", "src", "bench/*.py", "requirements", "pyproject.toml")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{name}+changes" if changed else name


def _git(*words: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(ROOT), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.is_file():
        for line in told.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

"""Answers for a peer, run by the interpreter of the environment that the peer has of its own.

    python -I bench/outside_child.py MODULE FOLDER

reads the task in the folder, has ``bench.MODULE:answer`` answer it, and writes the answer beside it. evenshelf is not
installed there: the module imports nothing but the peer and :mod:`bench.outside_task`.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path


def main(module: str, folder: Path) -> None:
    """Read, answer, write."""
    sys.path.append(str(Path(__file__).resolve().parents[1]))  # -I hides it; last, lest it hides what is installed
    from bench.outside_task import Task  # noqa: PLC0415 - it is found from here on

    importlib.import_module(f"bench.{module}").answer(Task.read(folder)).write(folder)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main(sys.argv[1], Path(sys.argv[2]))

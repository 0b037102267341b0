"""Runs every benchmark, keeps the results and fills them into the pages: ``python -m bench [--quick]``.

With ``--quick`` the results go to a temporary folder and no page is touched. Names of runs may be given to measure only
these.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import label_study, render
from bench.harness import RESULTS, say

RUNS: dict[str, list[str]] = {
    "label_study": ["--tables"],
    "label_study_full": ["--full"],
    "label_study_zh": ["--data", "zh", "--no-peer"],
}
"""Arguments of each run, by the name of its result file."""


def main(words: list[str] | None = None) -> int:
    """Measure all that was asked for; stop at the first failure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which runs: {', '.join(RUNS)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="small made-up data, in a minute; changes nothing")
    asked = parser.parse_args(words)
    unknown = [name for name in asked.names if name not in RUNS]
    if unknown:
        parser.error(f"there is no run {', '.join(unknown)}; there are: {', '.join(RUNS)}")
    if asked.quick:
        with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
            return label_study.main(["--quick", "--json", str(Path(folder) / "label_study.json")])
    for name in asked.names or RUNS:
        say(f"run: {name}")
        if failed := label_study.main([*RUNS[name], "--json", str(RESULTS / f"{name}.json")]):
            return failed
    return render.main([])


if __name__ == "__main__":
    sys.exit(main())

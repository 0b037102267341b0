"""Runs every benchmark, keeps the results and fills them into the pages: ``python -m bench [--quick]``.

With ``--quick`` the results go to a temporary folder and no page is touched. Names of runs may be given to measure only
these.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import (
    annotation,
    conformal,
    faithfulness,
    finetune_label,
    finetune_recommend,
    ingest,
    label_quality,
    label_study,
    name_prior,
    recommend_beauty,
    recommend_scale,
    recommend_serving,
    recommend_worlds,
    relevance,
    render,
    search_quality,
    search_speed,
    search_study,
    search_vectors,
    serve_load,
    serving_cost,
    tags,
    worlds,
)
from bench.harness import RESULTS, say
from bench.recommend_peers import OUTSIDE

RUNS: dict[str, list[str]] = {
    "label_study": ["--tables"],
    "label_study_full": ["--full"],
    "label_study_zh": ["--data", "zh", "--no-peer"],
}
"""Arguments of each run of the label study, by the name of its result file."""
OTHERS: dict[str, Callable[[list[str]], int]] = {
    "label_quality": label_quality.main,
    "name_prior": name_prior.main,
    "tags": tags.main,
    "relevance": relevance.main,
    "finetune_label": finetune_label.main,
    "serving_cost": serving_cost.main,
    "finetune_recommend": finetune_recommend.main,
    "conformal": conformal.main,
    "faithfulness": lambda words: faithfulness.main(words if "--quick" in words else ["--fused", *words]),
    # a quick run tries our code, and asks for no environment beside ours
    "recommend_beauty": lambda words: recommend_beauty.main(
        [*(peer.flag for peer in OUTSIDE), *words] if "--quick" in words else words
    ),
    "recommend_worlds": recommend_worlds.main,
    "recommend_scale": recommend_scale.main,
    "recommend_serving": recommend_serving.main,
    "search_quality": search_quality.main,
    "search_speed": search_speed.main,
    "search_study": search_study.main,
    "serve_load": serve_load.main,
    "search_vectors": lambda words: search_vectors.main(["--without-vectors", *words] if "--quick" in words else words),
    "annotation": annotation.main,
    "worlds": worlds.main,
    "ingest": lambda words: ingest.main(words if "--quick" in words else ["--full", *words]),
}
"""Further benchmarks, each with one run, by the name of its result file."""


def main(words: list[str] | None = None) -> int:
    """Measure all that was asked for; stop at the first failure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = [*RUNS, *OTHERS]
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which runs: {', '.join(known)}; all if none is given"
    )
    parser.add_argument("--quick", action="store_true", help="small made-up data, in a minute; changes nothing")
    asked = parser.parse_args(words)
    unknown = [name for name in asked.names if name not in known]
    if unknown:
        parser.error(f"there is no run {', '.join(unknown)}; there are: {', '.join(known)}")
    if asked.quick:
        with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
            for name, run in {"label_study": label_study.main, **OTHERS}.items():
                if failed := run(["--quick", "--json", str(Path(folder) / f"{name}.json")]):
                    return failed
        return 0
    for name in asked.names or known:
        say(f"run: {name}")
        out = ["--json", str(RESULTS / f"{name}.json")]
        if failed := OTHERS[name](out) if name in OTHERS else label_study.main([*RUNS[name], *out]):
            return failed
    return render.main([])


if __name__ == "__main__":
    sys.exit(main())

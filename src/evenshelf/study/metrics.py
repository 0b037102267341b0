"""Every metric of every remedy in a study, pooled and per fold, as a table to keep beside the predictions."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.study.advising import advise, save_advice
from evenshelf.study.fairness import fairness, save_fairness
from evenshelf.study.judges import judge_of
from evenshelf.study.order_free import DESCENDING, order_free_rows
from evenshelf.study.sets import metrics_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.fairness import Found
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict

POOLED = "all"
SCHEMA = {
    "remedy": pl.String,
    "mode": pl.String,
    "fold": pl.String,
    "rows": pl.Int64,
    "metric": pl.String,
    "value": pl.Float64,
    "better": pl.String,
}
COSTS = ("seconds", "bytes")
"""Known for the whole outcome only: CPU seconds of search and fits, and peak bytes of a fit."""


def metrics_table(result: StudyResult) -> pl.DataFrame:
    """Compute every metric of every remedy.

    A fold's values average over the classes that occur in it, so their mean is not the pooled value. Head, torso,
    tail and cold mean the same classes in every line.

    Returns
    -------
    polars.DataFrame
        One line per remedy, mode (``tuned``, ``default``), fold (``all``: the pooled out-of-fold predictions;
        ``descending``: of lists, the part of :mod:`evenshelf.study.order_free`) and metric: ``rows`` evaluated,
        ``value`` (null where there is nothing to average over) and which way is
        ``better``.
    """
    judge = judge_of(result)
    beside = metrics_beside(judge.measures)
    numbers = sorted({int(fold) for fold in result.fold if fold >= 0})
    evaluated = result.fold >= 0
    parts = [(POOLED, evaluated), *((str(number), result.fold == number) for number in numbers)]
    free = order_free_rows(result)
    parts += [] if free is None else [(DESCENDING, free)]
    lines = []
    for remedy in result.remedies:
        for mode, outcome in (("tuned", remedy.tuned), ("default", remedy.default)):
            if outcome is None:
                continue
            for fold, rows in parts:
                for name, value in judge.values(outcome, rows).items():
                    better = judge.measures.metrics[name].better
                    lines.append((remedy.spec, mode, fold, _asked(result, rows), name, _known(value), better))
            for name, value in outcome.sets.items():
                better = beside[name].better
                lines.append((remedy.spec, mode, POOLED, _asked(result, evaluated), name, _known(value), better))
            for name in COSTS:
                value = float(getattr(outcome, name))
                lines.append((remedy.spec, mode, POOLED, _asked(result, evaluated), name, value, "lower"))
    return pl.DataFrame(lines, schema=SCHEMA, orient="row")


def save_findings(result: StudyResult, verdict: Verdict, folder: Path, fair: Found | None = None) -> None:
    """Write what follows from a study beside it, each file whole or not at all.

    ``advice.json``, ``fairness.json`` (`fair`, or what :func:`evenshelf.study.fairness.fairness` finds),
    ``verdict.json``, ``comparisons.parquet`` (:meth:`Verdict.table`), and every metric as ``metrics.parquet`` and, by
    remedy, mode, fold and name, as ``metrics.json``.
    """
    save_advice(advise(result, verdict), folder)
    table = metrics_table(result)
    nested: dict[str, Any] = {}
    for line in table.iter_rows(named=True):
        fold = nested.setdefault(line["remedy"], {}).setdefault(line["mode"], {}).setdefault(line["fold"], {})
        fold[line["metric"]] = line["value"]
    for name, frame in (("metrics.parquet", table), ("comparisons.parquet", verdict.table())):
        partial = folder / f"{name}.partial"
        frame.write_parquet(partial)
        partial.replace(folder / name)
    for name, document in (("metrics.json", nested), ("verdict.json", verdict.to_dict())):
        partial = folder / f"{name}.partial"
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(folder / name)
    save_fairness(fairness(result, verdict) if fair is None else fair, folder)


def _asked(result: StudyResult, rows: NDArray[np.bool_]) -> int:
    """Rows among these where something is true."""
    return int((result.y[rows] >= 0).sum())


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None

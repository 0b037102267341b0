"""Tables of the benchmark of class names, made from the predictions of its studies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evenshelf.study.results import StudyResult
from evenshelf.study.statistics import Estimate, paired_bootstrap
from evenshelf.study.verdict import decide

Line: TypeAlias = tuple[Any, ...]

_SCORES = ("remedy", "macro_f1", "difference", "p_holm", "tail_f1", "tail_difference", "accuracy")
COLUMNS = {
    "names": ("data", "names", *_SCORES),
    "titles": ("data", "titles", "changed", *_SCORES),
    "unseen": (
        "data",
        "names",
        "remedy",
        "unseen_recall",
        "unseen_class_recall",
        "seen_f1",
        "seen_difference",
        "taken",
    ),
    "worlds": ("world", *_SCORES),
}
"""Columns of each table."""


def gains(found: StudyResult, specs: Sequence[str] | None = None) -> list[Line]:
    """One line for each remedy (of `specs`; ``None`` for all), best first, with its differences to doing nothing."""
    verdict = decide(found)
    lines: list[Line] = []
    for c in verdict.comparisons:
        if specs is not None and c.spec not in specs:
            continue
        base = c.spec == verdict.baseline
        lines.append(
            (
                c.spec,
                c["macro_f1"],
                None if base else [c.diff, c.low, c.high],
                c.p_holm if math.isfinite(c.p_holm) else None,
                c["tail_f1"],
                None if base else [c.tail_diff, c.tail_low, c.tail_high],
                c["accuracy"],
            )
        )
    return lines


def unseen_lines(found: StudyResult, unseen: NDArray[np.bool_], specs: Sequence[str] | None = None) -> list[Line]:
    """One line for each remedy: what it finds of classes that it never saw, and what that costs the others.

    Recall is over rows with its interval, and as a mean over the classes; F1 is that of the seen classes, with what
    they lose to unseen ones counted as wrong; taken is the share of their rows that is given to unseen classes.

    Parameters
    ----------
    unseen
        ``[C]`` whether a class is never trained on when it is asked for.
    """
    tuned = {r.spec: r.tuned for r in found.remedies if r.tuned is not None and not r.reference}
    kept = found.fold >= 0
    y, group = found.y[kept], found.group[kept]
    predicted = {spec: outcome.predicted[kept] for spec, outcome in tuned.items()}
    cold = unseen[y]
    # the bootstrap has buckets: classes that were seen are its head
    scores = paired_bootstrap(y, group, predicted, np.where(unseen, "cold", "head"))
    recalls = paired_bootstrap(
        y[cold], group[cold], {spec: codes[cold] for spec, codes in predicted.items()}, np.full(len(unseen), "head")
    )
    base = found.baseline.spec
    home = np.full(len(unseen), -1)
    home[y[cold]] = found.fold[kept][cold]
    lines: list[Line] = []
    for spec, codes in predicted.items():
        if specs is not None and spec not in specs:
            continue
        right = codes == y
        by_class = [float(right[y == c].mean()) for c in np.unique(y[cold])]
        # an unseen class of another fold was trained on here, and is an ordinary mistake
        taken = home[codes[~cold]] == found.fold[kept][~cold]
        lines.append(
            (
                spec,
                _listed(recalls.interval(spec, "accuracy")),
                float(np.mean(by_class)),
                float(scores.interval(spec, "head_f1").value),
                None if spec == base else _listed(scores.difference(spec, base, "head_f1")),
                float(taken.mean()),
            )
        )
    return lines


def _listed(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.low, estimate.high]

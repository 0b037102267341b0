"""The report of an experiment: what changed, for whom, and whether to trust it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenshelf.experiments.metrics import MEASURES
from evenshelf.experiments.wording import (
    DECISIONS,
    conclusions,
    guardrail_sentence,
    headline,
    how_sentences,
    remaining_sentence,
    signed_percent,
)
from evenshelf.report.experiment_charts import changes
from evenshelf.report.page import render, write

if TYPE_CHECKING:
    from evenshelf.experiments.reading_out import Readout


def experiment_report(found: Readout) -> str:
    """The readout of an experiment, with all that the terminal shows, as one HTML document."""
    used = {line.metric.name: line.metric for line in (*found.lines, *(guard.line for guard in found.guardrails))}
    parts = [("All", found.lines), ("By items", found.by_items), ("By users", found.by_users)]
    return render(
        "experiment.html",
        found=found,
        experiment=found.experiment,
        headline=headline(found),
        conclusions=conclusions(found),
        decisions={variant: DECISIONS[found.decision(variant)] for variant in found.experiment.treatments},
        figure=changes(found),
        parts=[(title, lines) for title, lines in parts if lines],
        guardrails=[(guard, guardrail_sentence(guard)) for guard in found.guardrails],
        remaining=[(left, said) for left in found.remaining if (said := remaining_sentence(found, left))],
        how=how_sentences(found),
        metrics=[(one, MEASURES[one.numerator], MEASURES[one.denominator]) for one in used.values()],
        value=_value,
        signed_percent=signed_percent,
    )


def write_experiment_report(found: Readout, path: Path) -> Path:
    """Write :func:`experiment_report` to `path`, replacing a file that is there; returns the path.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    return write(experiment_report(found), Path(path))


def _value(number: Any) -> str:
    """A value of a metric, short."""
    return f"{number:.4g}" if math.isfinite(number) else "–"

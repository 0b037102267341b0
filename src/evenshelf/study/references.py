"""The baselines of a study: what is fitted for them beside the remedies, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evenshelf.baselines import Baseline, Reads
from evenshelf.learners import LearnerKind
from evenshelf.learners.heads import HEADS
from evenshelf.remedies import Remedy
from evenshelf.study.gather import Gathered
from evenshelf.study.plan import Setting, settings
from evenshelf.study.results import RemedyResult

SPARSE, GIVEN, TOKENS = "words", "given", "tokens"
MATRICES = {Reads.WORDS: SPARSE, Reads.VECTORS: GIVEN, Reads.TOKENS: TOKENS}
"""What holds the rows that a baseline reads: sparse word counts, vectors as they were given, token numbers."""


@dataclass(frozen=True)
class Line:
    """What one learner fits on one matrix.

    Attributes
    ----------
    matrix
        Which one.
    learner
        What is fitted.
    wanted
        Settings to choose from, each with the spec it is tuned for.
    defaults
        Those that are fitted as they are.
    """

    matrix: str
    learner: LearnerKind
    wanted: Sequence[tuple[str, Setting]]
    defaults: Sequence[tuple[str, Setting]] = ()

    @property
    def settled(self) -> dict[str, Setting] | None:
        """The settings, where a learner other than linear heads leaves no choice; nothing has to be searched then."""
        specs = {spec for spec, _ in self.wanted}
        return dict(self.wanted) if self.learner != HEADS and len(specs) == len(self.wanted) else None


def reference_line(baseline: Baseline, budget: int) -> Line:
    """A baseline with as many settings as a remedy may try, or all it offers; linear ones at their defaults too."""
    remedy, spec, learner = baseline.trained, baseline.spec, baseline.learner
    wanted = [(spec, setting) for setting in settings(remedy, budget, learner)]
    defaults = [(spec, Setting(remedy, None))] if learner == HEADS else []
    return Line(MATRICES[baseline.reads], learner, wanted, defaults)


def reference_result(baseline: Baseline, reason: str | None, found: Gathered | None) -> RemedyResult:
    """What a study says of a baseline.

    Parameters
    ----------
    reason
        Why it could not be fitted, or ``None``.
    found
        Its predictions; ``None`` if there are none.
    """
    remedy, spec = baseline.trained, baseline.spec
    about: dict[str, Any] = {
        "spec": spec,
        "title": baseline.title,
        "stages": tuple(stage.value for stage in remedy.stages),
        "paper": baseline.paper,
        "reference": True,
    }
    if found is None:
        return RemedyResult(**about, not_applicable=reason)
    default = found.outcome(spec, tuned=False) if baseline.learner == HEADS else None
    return RemedyResult(**about, tuned=found.outcome(spec, tuned=True), default=default)


def described(baseline: Baseline, line: Line | None) -> dict[str, Any]:
    """JSON-able: what a reader of the study has to know of a baseline."""
    return {
        "name": baseline.name,
        "spec": baseline.spec,
        "title": baseline.title,
        "summary": baseline.summary,
        "reads": baseline.reads.value,
        "settings": 0 if line is None else len(line.wanted),
    }


def of_sets(remedy: Remedy, *, several: bool) -> str | None:
    """Why a remedy makes no sense where labels are sets, if it makes none."""
    names = [part.name for part in remedy.parts if part.one_label]
    if not several or not names:
        return None
    return f"{' and '.join(names)} is for examples with one label each, and here they have several"

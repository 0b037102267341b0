"""The baselines of a study: what is fitted for them beside the remedies, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evenshelf.baselines import Baseline, Reads
from evenshelf.learners import LearnerKind
from evenshelf.learners.binary import BINARY
from evenshelf.learners.heads import HEADS
from evenshelf.study.gather import Gathered
from evenshelf.study.plan import Setting, on_paths, settings
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
        return dict(self.wanted) if not on_paths(self.learner) and len(specs) == len(self.wanted) else None


def reference_line(baseline: Baseline, budget: int, beside: LearnerKind) -> Line:
    """A baseline with as many settings as a remedy may try, or all it offers; linear ones at their defaults too.

    Parameters
    ----------
    beside
        The learner of the study. Where it gives each label of a set by itself, linear heads of a baseline do so too.
    """
    remedy, spec, learner = baseline.trained, baseline.spec, _fitted(baseline, beside)
    wanted = [(spec, setting) for setting in settings(remedy, budget, learner)]
    defaults = [(spec, Setting(remedy, None))] if on_paths(learner) else []
    return Line(MATRICES[baseline.reads], learner, wanted, defaults)


def refused(baseline: Baseline, beside: LearnerKind) -> str | None:
    """Why a baseline cannot be held beside a learner, or ``None``: what is told how many labels there are is ahead."""
    if not beside.sets or _fitted(baseline, beside).sets:
        return None
    return f"{baseline.name} makes labels compete for an example, and here each has a score of its own"


def _fitted(baseline: Baseline, beside: LearnerKind) -> LearnerKind:
    return BINARY if beside.sets and baseline.learner == HEADS else baseline.learner


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
    default = found.outcome(spec, tuned=False) if on_paths(baseline.learner) else None
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

"""What a remedy changed for one text: from doing nothing to what the bundle says, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.explain.margins import Margin
from evenshelf.explain.refit import Refit
from evenshelf.learners.bags import bag_rows
from evenshelf.learners.paths import Head
from evenshelf.learners.training import AFTER
from evenshelf.remedies import Remedy, Rows, Stage, parse
from evenshelf.remedies.calibrated import log_probabilities
from evenshelf.remedies.spec import joined
from evenshelf.study.winner import NONE

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """What is said of a text after a part of the remedy.

    Attributes
    ----------
    part
        Spec of the part, or what else was changed, in words.
    stages
        At which it acts here; none of where nothing is done, and of a changed penalty.
    label
        The likeliest class after it.
    scores, probabilities
        By class, of those that are shown; probabilities are of all classes.
    reasons
        By what is told (``weight``, ``rows``, ``names``, ``added``), by class: the weight of an example of the class,
        how many times its examples count after resampling, what its name adds to the score, and what the step adds to
        it.
    """

    part: str
    stages: tuple[str, ...]
    label: str
    scores: Mapping[str, float]
    probabilities: Mapping[str, float]
    reasons: Mapping[str, Mapping[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "part": self.part,
            "stages": list(self.stages),
            "label": self.label,
            "scores": _rounded(self.scores),
            "probabilities": _rounded(self.probabilities),
            "reasons": {name: _rounded(values) for name, values in self.reasons.items()},
        }


@dataclass(frozen=True)
class RemedyReasons:
    """The way from doing nothing to what a bundle says of a text.

    Attributes
    ----------
    steps
        The first is doing nothing, the last is what the bundle says, as it is fitted again.
    decided
        Number of the step after which the likeliest class was what it is in the end; 0: it was so without a remedy.
    """

    steps: tuple[Step, ...]
    decided: int

    @property
    def changed(self) -> bool:
        """Whether doing nothing would give another label."""
        return self.steps[0].label != self.steps[-1].label

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "changed": self.changed,
            "decided": self.decided,
            "steps": [step.to_dict() for step in self.steps],
        }


@dataclass(frozen=True, eq=False)
class _Stop:
    """A head on the way, and the adjustments that follow it."""

    part: str
    stages: tuple[str, ...]
    head: Head
    adjusts: tuple[Remedy, ...]
    reasons: Mapping[str, Floats]
    calibrated: bool = False


class RemedySteps:
    """The heads on the way from doing nothing to a bundle, ready to be asked about texts.

    Parts that train are added one after another, each with a fit of its own, then those that adjust scores, then what
    calibrates. Losses that are a shift of the scores for a linear head stand there as that shift, as heads are fitted.

    Parameters
    ----------
    refit
        The bundle's head with what it was trained on.
    """

    def __init__(self, refit: Refit) -> None:
        self.refit = refit
        self._stops = tuple(_stops(refit))

    def reasons(self, vector: Floats, margin: Margin) -> RemedyReasons:
        """What each part of the remedy changed for a text.

        Parameters
        ----------
        vector
            ``[d]`` of the text.
        margin
            Whose classes are shown, beside those that a step made likeliest.
        """
        classes = self.refit.task.classes
        scored = [self._scores(stop, vector) for stop in self._stops]
        tops = [int(scores.argmax()) for scores in scored]
        shown = list(dict.fromkeys([margin.answer, margin.rival, *tops[::-1]]))
        turned = self.refit.turned(vector[None, :])[0]
        steps, before = [], None
        for stop, scores, top in zip(self._stops, scored, tops, strict=True):
            told = {
                # what a name adds is of the text, and not of the class alone
                name: _of(turned @ values if name == "names" else values, classes, shown)
                for name, values in stop.reasons.items()
            }
            if before is not None:
                told["added"] = _of(scores - before, classes, shown)
            chances = np.exp(log_probabilities(scores[None, :]))[0]
            steps.append(
                Step(
                    stop.part,
                    stop.stages,
                    classes[top],
                    _of(scores, classes, shown),
                    _of(chances, classes, shown),
                    told,
                )
            )
            before = scores
        last = next((n for n in range(len(tops) - 1, -1, -1) if tops[n] != tops[-1]), -1)
        return RemedyReasons(tuple(steps), last + 1)

    def _scores(self, stop: _Stop, vector: Floats) -> Floats:
        scores = self.refit.raw(vector[None, :], stop.head)
        for part in stop.adjusts:
            scores = part.adjust(scores, stop.head.prior, stop.head.norms)
        calibration = self.refit.bundle.head.calibration
        if stop.calibrated and calibration is not None:
            scores = calibration(scores)
        return np.asarray(scores[0], dtype=np.float32)


def _stops(refit: Refit) -> Iterable[_Stop]:
    none = parse(NONE)
    linear = refit.remedy.linear_form
    training = [part for part in linear.parts if set(part.stages) - AFTER]
    adjusting = [part for part in linear.parts if Stage.ADJUST in part.stages]
    start = refit.penalty if refit.without is None else refit.without
    yield _Stop("nothing", (), head := refit.fitted(none, start), (), {})
    if start != refit.penalty:
        moved = f"penalty {refit.penalty:g} instead of {start:g}" if refit.penalty and start else "another penalty"
        head = refit.fitted(none, refit.penalty)
        yield _Stop(moved, (), head, (), {})
    for number, part in enumerate(training, start=1):
        whole = number == len(training)
        head = refit.head if whole else refit.fitted(joined(training[:number]), refit.penalty)
        stages = tuple(stage.value for stage in part.stages if stage not in AFTER)
        yield _Stop(part.spec, stages, head, (), _why(refit, part))
    for number, part in enumerate(adjusting, start=1):
        yield _Stop(part.spec, (Stage.ADJUST.value,), head, tuple(adjusting[:number]), {})
    if refit.bundle.head.calibration is not None:
        by = " + ".join(part.spec for part in refit.remedy.parts if Stage.CALIBRATE in part.stages)
        yield _Stop(by, (Stage.CALIBRATE.value,), head, tuple(adjusting), {}, calibrated=True)


def _why(refit: Refit, part: Remedy) -> dict[str, Floats]:
    """What a part that trains says of each class."""
    training, found = refit.training, dict[str, Floats]()
    weight = part.weight(training.prior)
    if weight is not None:
        found["weight"] = weight
    if Stage.RESAMPLE in part.stages:
        rows = [made for made in bag_rows(part, training, np.random.default_rng(refit.seed)) if isinstance(made, Rows)]
        if rows:
            classes = len(training.prior.counts)
            drawn = np.mean([np.bincount(made.target, made.weight, classes) for made in rows], axis=0)
            found["rows"] = np.asarray(drawn / np.maximum(training.prior.counts, 1), np.float32)
    if Stage.POOL in part.stages:
        pooled = part.centre(training.names, training.prior, training.means)
        if pooled is not None:
            found["names"] = np.asarray(pooled.T, np.float32)
    return found


def _of(values: Floats, classes: Sequence[str], shown: Sequence[int]) -> dict[str, float]:
    return {classes[code]: float(values[code]) for code in shown}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in values.items()}

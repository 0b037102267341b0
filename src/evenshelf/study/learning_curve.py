"""What more labels would bring: a study's models on ever larger shares of their training rows.

Groups of texts are dealt out to nested shares once. For every outer fold and share a model is tuned and fitted inside
the share alone, validation included, as if the shop had no more labels; the rows it is tested on stay the same, and
settings are chosen by the same folds as in the study, whose results are the last points. Errors
of learners fall about as a power of the number of examples (Cortes et al., NeurIPS 1993; Hestness et al. 2017), so a
line through their logarithms says what twice the labels would bring, and how many labels a remedy is worth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import delayed

from evenshelf.encoders.cores import usable_cores
from evenshelf.learners.vectors import prepare, prepare_given
from evenshelf.study import trials
from evenshelf.study.comparison import jsonable, revived
from evenshelf.study.curve_fits import SHARES, CurveFit, CurvePlan, check_shares, fit_share, layers_of
from evenshelf.study.parallel import as_done
from evenshelf.study.statistics import LEVEL, Bootstrap, paired_bootstrap
from evenshelf.tasks.label_metrics import bucket_or_cold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.results import StudyResult
    from evenshelf.study.runner import Study

FITTED = 3
"""Points, the largest shares, that a forecast rests on."""
FACTOR = 2.0
"""How many times the labels a forecast is for."""
FORETOLD = ("macro_f1", "tail_f1")
LEAST_SLOPE = -1e-6
"""Exponents of errors above it are those of curves that do not rise."""


@dataclass(frozen=True)
class CurvePoint:
    """One remedy at one share of the labels, or of the users.

    Attributes
    ----------
    spec, share
        The remedy, and the share of the training rows, in (0, 1].
    examples
        Training examples, or users of whom steps are learned from; the mean over the folds.
    metric
        ``macro_f1`` or ``tail_f1``, or those of lists, over the same test rows at every share.
    value, low, high
        With a 95 % interval by the bootstrap.
    """

    spec: str
    share: float
    examples: float
    metric: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """What twice the labels would bring to one remedy.

    Attributes
    ----------
    spec, metric
        Of what.
    value, low, high
        The metric with :data:`FACTOR` times the labels, and a 95 % interval; NaN if nothing is won yet: errors that
        have not begun to fall foretell nothing.
    foretold, seen
        What the smaller shares would have foretold for all labels, and what came: how far such a line can be trusted.
    worth
        How many times the labels doing nothing would need to get where this remedy is with those that are there; NaN
        for doing nothing itself, and where its curve does not rise.
    worth_low, worth_high
        A 95 % interval of that. A draw in which the curve of doing nothing does not rise counts as 1,000 times where
        the remedy is ahead, and as none where it is behind. NaN as well for studies of before.
    """

    spec: str
    metric: str
    value: float
    low: float
    high: float
    foretold: float
    seen: float
    worth: float
    worth_low: float = math.nan
    worth_high: float = math.nan


@dataclass(frozen=True)
class LearningCurve:
    """Points and forecasts.

    Attributes
    ----------
    points
        By remedy, metric and rising share.
    forecasts
        By remedy and metric.
    """

    points: tuple[CurvePoint, ...]
    forecasts: tuple[Forecast, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes ``None``."""
        return {key: [jsonable(entry) for entry in entries] for key, entries in asdict(self).items()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> LearningCurve:
        """The curve that :meth:`to_dict` described."""
        return cls(
            tuple(CurvePoint(**revived(CurvePoint, entry)) for entry in document["points"]),
            tuple(Forecast(**revived(Forecast, entry)) for entry in document["forecasts"]),
        )


def learning_curve(
    study: Study, result: StudyResult, specs: Sequence[str], progress: Callable[[float, float, str], None] | None = None
) -> LearningCurve:
    """Fit remedies on shares of the labels.

    What is done is kept in the study's folder, so an interrupted run goes on.

    Parameters
    ----------
    study
        That was run.
    result
        What it found: the values with all labels are its own.
    specs
        Remedies; the baseline comes first whether it is asked for or not.
    progress
        Called with fits done, fits in all and a few words.

    Raises
    ------
    InputError
        If the smallest share has fewer than two classes, or nothing to choose settings by.
    """
    check_shares(result.y, result.fold, result.group, folds=study.folds, seed=study.seed)
    base = result.baseline.spec
    wanted = list(dict.fromkeys([base, *specs]))
    layers = len(SHARES) + 1
    layer = layers_of(result.group, study.seed)
    # rows that are never tested are one more fold, the first, so that they grow with the shares like all others
    fold = (result.fold.astype(np.int64) + 1) * layers + layer
    task = study.task
    make = partial(prepare_given, group=task.group) if study.fitted.grouped else prepare
    kind = "curve-given" if study.fitted.grouped else "curve"
    given, given_names = study.given
    name = f"{kind}-{trials.digest_of(given, task.target, fold, task.same, given_names)}"
    matrix = trials.stored_vectors(
        study.folder / "vectors" / name,
        partial(make, given, task.target, fold, task.same, several=task.several),
        given_names,
    )
    known = {remedy.spec: remedy for remedy in study.compared}
    made, _ = study.made_texts([known[s] for s in wanted], matrix, fold, progress)
    plan = CurvePlan(
        study.folder,
        name,
        tuple(known[s] for s in wanted),
        study.folds,
        study.budget,
        study.seed,
        study.fitted,
        tuple(made.items()),
    )
    jobs = [CurveFit(plan, test, level) for level in range(len(SHARES)) for test in range(study.folds)]
    if progress:
        progress(0, len(jobs), "learning curve")
    workers = min(study.workers or usable_cores(), len(jobs))
    calls = (delayed(fit_share)(job) for job in reversed(jobs))
    for number, _ in enumerate(as_done(calls, workers), 1):
        if progress:
            progress(number, len(jobs), "learning curve")
    predicted = {spec: [np.full(len(matrix.target), -1, np.int32) for _ in SHARES] for spec in wanted}
    rows = np.zeros(layers)
    for job in jobs:
        found = job.stored()
        index = matrix.index(job.tested)
        for spec in wanted:
            predicted[spec][job.level][index] = found[spec]
        rows[job.level] += float(matrix.count[matrix.index(job.trained)].sum()) / study.folds
    rows[-1] = float(matrix.count.sum()) - float((result.fold >= 0).sum()) / study.folds
    tested = result.fold >= 0
    named: dict[str, NDArray[np.int32]] = {}
    for spec in wanted:
        tuned = result[spec].tuned
        assert tuned is not None
        for level in range(len(SHARES)):
            named[f"{level} {spec}"] = predicted[spec][level][matrix.row_of][tested]
        named[f"{len(SHARES)} {spec}"] = tuned.predicted[tested]
    buckets = bucket_or_cold(result.y, result.fold, result.classes["bucket"].to_numpy())
    bootstrap = paired_bootstrap(result.y[tested], result.group[tested], named, buckets, seed=study.seed)
    return curve_of(bootstrap, wanted, rows)


def curve_of(
    bootstrap: Bootstrap,
    specs: Sequence[str],
    examples: NDArray[np.float64],
    *,
    metrics: Sequence[str] = FORETOLD,
    foretold: Sequence[str] | None = None,
) -> LearningCurve:
    """Points and forecasts from paired draws.

    Parameters
    ----------
    bootstrap
        Holds ``LEVEL SPEC`` for every level from 0, the smallest share, to the last one, all labels.
    specs
        Remedies, the baseline first.
    examples
        ``[levels]`` training examples at each level.
    metrics
        What is told of each.
    foretold
        Those of `specs` of which more is foretold; ``None`` for all.
    """
    levels = len(examples)
    points, forecasts = [], []
    for spec in specs:
        for metric in metrics:
            if not math.isfinite(bootstrap.interval(f"{levels - 1} {spec}", metric).value):
                continue
            for level in range(levels):
                seen = bootstrap.interval(f"{level} {spec}", metric)
                share = (*SHARES, 1.0)[level]
                points.append(CurvePoint(spec, share, float(examples[level]), metric, seen.value, seen.low, seen.high))
            if foretold is None or spec in foretold:
                forecasts.append(_forecast(bootstrap, spec, specs[0], metric, examples))
    return LearningCurve(tuple(points), tuple(forecasts))


def _forecast(bootstrap: Bootstrap, spec: str, base: str, metric: str, examples: NDArray[np.float64]) -> Forecast:
    column, levels = bootstrap.metrics.index(metric), len(examples)

    def errors(of: str) -> NDArray[np.float64]:
        """``[levels, 1 + B]`` one minus the value, as observed and in each draw."""
        at = [bootstrap.names.index(f"{level} {of}") for level in range(levels)]
        both = np.concatenate([bootstrap.observed[at][:, column, None], bootstrap.draws[at][:, column]], axis=1)
        return np.maximum(1.0 - both, 1e-4)  # a value of exactly 1 has no logarithm

    mine, nothing = errors(spec), errors(base)
    ahead = 1.0 - _foretell(mine[-FITTED:], examples[-FITTED:], FACTOR * examples[-1])
    if (mine[-FITTED:, 0] >= 1.0).all():
        ahead = np.full_like(ahead, math.nan)
    finite = ahead[1:][np.isfinite(ahead[1:])]
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(finite) else (math.nan, math.nan)
    before = 1.0 - _foretell(mine[-FITTED - 1 : -1, :1], examples[-FITTED - 1 : -1], float(examples[-1]))
    worth = worth_low = worth_high = math.nan
    slope = _slope(nothing[-FITTED:], examples[-FITTED:])
    if spec != base and slope[0] < LEAST_SLOPE:
        # where a draw does not rise, no number of labels would do: it counts as the most there is, and not as nothing
        rising = np.minimum(slope, LEAST_SLOPE)
        # beyond this a straight line says nothing any more
        times = np.exp(np.minimum(np.log(mine[-1] / nothing[-1]) / rising, math.log(1e3)))
        worth = float(times[0])
        known = times[1:][np.isfinite(times[1:])]
        if len(known):
            worth_low, worth_high = (float(q) for q in np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Forecast(
        spec,
        metric,
        float(ahead[0]),
        float(low),
        float(high),
        float(before[0]),
        float(1.0 - mine[-1, 0]),
        worth,
        worth_low,
        worth_high,
    )


def _slope(errors: NDArray[np.float64], examples: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[B]`` exponent of the power law through errors ``[points, B]``."""
    x = np.log(examples) - np.log(examples).mean()
    return np.asarray(x @ np.log(errors) / (x @ x))


def _foretell(errors: NDArray[np.float64], examples: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    """``[B]`` error at a number of examples, by the power law through the last of the points."""
    # a curve that rises by chance foretells no loss: labels that are not needed can be left unused
    slope = np.minimum(_slope(errors, examples), 0.0)
    middle = np.log(errors).mean(axis=0)
    return np.asarray(np.exp(middle + slope * (math.log(at) - np.log(examples).mean())))

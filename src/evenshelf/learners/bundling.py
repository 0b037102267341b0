"""Fitted heads as bundles hold them, and scores of rows that a head has not seen, which bundles are judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.head import ServingHead
from evenshelf.errors import SettingError
from evenshelf.learners.bags import bag_rows, fit_bags
from evenshelf.learners.heads import LoneHead
from evenshelf.learners.paths import Head
from evenshelf.learners.training import Training, training_part
from evenshelf.learners.variants import VariantRows, widened
from evenshelf.learners.vectors import Vectors
from evenshelf.remedies import Calibrated, Remedy, Stage
from evenshelf.remedies.calibrated import AffineMap, StepMap, log_probabilities

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

KEPT = (Stage.VARIANTS, Stage.RESAMPLE, Stage.WEIGHT, Stage.LOSS, Stage.ADJUST, Stage.CALIBRATE, Stage.POOL)
"""Stages after which one matrix and one map of scores are all that is left of a fit."""
TOLERANCE, APPROACH = 3e-4, 1e-2
"""Of fits, and of those that only lead there; those of a study."""
SAME = 1e-4
"""Largest difference of a probability between what was fitted and what a bundle would serve."""


def check_bundled(remedy: Remedy) -> None:
    """Raise a :class:`SettingError` before the work if what the remedy does cannot be kept in a bundle."""
    others = [stage.value for stage in remedy.stages if stage not in KEPT]
    if others:
        raise SettingError(
            f"{remedy} acts at the stage {', '.join(others)}, which bundles cannot keep yet.",
            hint="Train another remedy, such as one that the study could not tell from it: --remedy SPEC.",
        )


def serving_head(fitted: Any, vectors: Floats) -> ServingHead:
    """What a fitted head is at serving time: its adjustments folded into one matrix, its calibration after it.

    Parameters
    ----------
    fitted
        What a learner's ``fit`` returned.
    vectors
        ``[m, d]`` on which both must give the same probabilities.

    Raises
    ------
    SettingError
        If it is no linear head, or does anything to scores that is not kept so.
    """
    if not isinstance(fitted, LoneHead):
        raise SettingError(
            f"A bundle keeps linear heads, and this is a {type(fitted).__name__}.",
            hint="Train with the learner heads; other learners cannot be served from a bundle yet.",
        )
    check_bundled(fitted.remedy)
    calibrated = fitted.calibrated
    if calibrated is not None and not isinstance(calibrated, AffineMap | StepMap):
        raise SettingError(
            f"The calibration of {fitted.remedy} is a {type(calibrated).__name__}, which bundles cannot keep.",
            hint="Return an AffineMap or a StepMap of evenshelf.remedies.calibrated, or train another remedy.",
        )
    weights, bias = fitted.linear
    adjust, prior, norms = fitted.remedy.linear_form.adjust, fitted.head.prior, fitted.head.norms
    # What is affine in the scores of a row is affine in the weights: a row of weights is the scores of an axis.
    nothing: Any = np.zeros((1, len(bias)))
    moved = adjust(nothing, prior, norms)
    folded = adjust(weights, prior, norms) - moved  # type: ignore[arg-type]
    shifted = adjust(bias[None, :], prior, norms)[0]  # type: ignore[arg-type]
    head = ServingHead(np.ascontiguousarray(folded, np.float32), shifted.astype(np.float32), calibrated)
    wanted = np.exp(log_probabilities(fitted(vectors)))
    apart = float(np.abs(wanted - head.probabilities(vectors)).max(initial=0.0))
    if not apart <= SAME:
        raise SettingError(
            f"A bundle of {fitted.remedy} would give other probabilities than what was fitted (by up to {apart:.2g}).",
            hint="It does something to scores that a matrix and a calibration cannot; train another remedy.",
        )
    return head


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """A head of all rows, and what heads that had not seen a row said of it.

    Attributes
    ----------
    head
        Fitted on all rows.
    scores
        ``[u, C]`` of merged rows (see :class:`Vectors`) that are in a fold, in the order of :attr:`rows`; after all
        that the remedy does, calibration included, that one fitted without the fold as well.
    rows
        ``[u]`` which rows these are.
    notes
        What the remedy said of the training rows and of its calibration.
    """

    head: LoneHead
    scores: Floats
    rows: Codes
    notes: tuple[str, ...]


def cross_fit(
    vectors: Vectors,
    classes: int,
    remedy: Remedy,
    *,
    names: Floats | None,
    penalty: float | None,
    seed: int = 0,
    variants: VariantRows | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CrossFitted:
    """Fit a head on all rows, and one without each fold.

    Parameters
    ----------
    vectors
        Dense.
    names
        ``[C, d]`` vectors of the class names.
    penalty
        As in :func:`~evenshelf.learners.heads.fit_alone`.
    variants
        Made texts, for a remedy that trains on such.
    progress
        Called with the number of heads fitted and in all.

    Raises
    ------
    SettingError
        If the remedy cannot be kept in a bundle.
    """
    check_bundled(remedy)
    numbers = [fold for fold in range(vectors.folds) if vectors.spans((fold,))]
    rows = vectors.index(tuple(numbers))
    fold = np.repeat(numbers, [len(vectors.index((f,))) for f in numbers]).astype(np.int64)
    progress(0, len(numbers) + 1)
    # first an empty one: where every class has but one title, no fold is left
    found, known = [np.empty((0, classes), np.float32)], [np.empty(0, bool)]
    for done, held in enumerate(numbers, start=1):
        others = tuple(f for f in range(-1, vectors.folds) if f != held)
        head, _ = fit_on(vectors, others, classes, remedy, variants=variants, names=names, penalty=penalty, seed=seed)
        found.append(np.concatenate([head.scores(block, remedy) for block in vectors.blocks((held,))]))
        known.append(head.prior.present[vectors.target[vectors.index((held,))]])
        progress(done, len(numbers) + 1)
    scores = np.concatenate(found)
    everything = tuple(range(-1, vectors.folds))
    head, notes = fit_on(
        vectors, everything, classes, remedy, variants=variants, names=names, penalty=penalty, seed=seed
    )
    calibrated: Calibrated | None = None
    if Stage.CALIBRATE in remedy.stages:
        # That a head gives no chance to a class that it has never seen says nothing of how sure it may be of others.
        seen = np.concatenate(known)

        def calibration(of: NDArray[np.bool_]) -> Calibrated | None:
            place = rows[of & seen]
            return remedy.calibration(scores[of & seen], vectors.target[place], vectors.count[place], head.prior)

        judged = scores.copy()
        for held in numbers:
            without = calibration(fold != held)
            if without is not None:
                judged[fold == held] = without(scores[fold == held])
        calibrated = calibration(np.ones(len(rows), bool))
        notes += () if calibrated is None else calibrated.notes
        scores = judged
    progress(len(numbers) + 1, len(numbers) + 1)
    lone = LoneHead(head, remedy, vectors.mean, vectors.axes, vectors.scale, calibrated)
    return CrossFitted(lone, scores, rows, notes)


def fit_on(
    vectors: Vectors,
    folds: tuple[int, ...],
    classes: int,
    remedy: Remedy,
    *,
    names: Floats | None,
    penalty: float | None,
    seed: int,
    variants: VariantRows | None = None,
) -> tuple[Head, tuple[str, ...]]:
    """Fit a head on some folds as bundles hold it, and say what the remedy could not do; as :func:`cross_fit`."""
    rng = np.random.default_rng(seed)
    seen = vectors if variants is None else widened(vectors, variants, remedy, folds, rng)
    training = Training.of(seen, folds, classes, names)
    bags = bag_rows(remedy, training, rng)
    # approached by stronger penalties, each fit starting where the last one ended
    path = [] if penalty is None else [p for p in (1e-3, 1e-4, 1e-5) if p > 2.0 * penalty]
    wanted = [(training_part(remedy), bags, [*path, penalty])]
    head = fit_bags(training, wanted, tolerance=TOLERANCE, approach=APPROACH)[0][-1]
    told = [note for rows in bags if rows is not None for note in rows.notes]
    return head, tuple(dict.fromkeys([*remedy.notes(training.prior), *told]))

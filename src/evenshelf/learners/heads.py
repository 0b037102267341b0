"""Linear heads on frozen vectors, under any remedy: the learner ``heads``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import SettingError
from evenshelf.learners.registry import LearnerKind, register
from evenshelf.learners.solver import ABSENT, Fit, Problem, fit_together
from evenshelf.learners.vectors import Vectors, prepare
from evenshelf.remedies import Calibrated, Composition, Prior, Remedy, Rows, Stage, effective_loss, parse

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Block: TypeAlias = Any  # float32 matrix, dense (ndarray) or sparse (csr_array)

STRONGEST, WEAKEST = -3.5, -7.0
"""Powers of ten of the penalties searched. For N rows, scikit-learn's C is ``1 / (penalty * N)``."""

CROSS_FITS = 3
"""Parts that rows are dealt out to, where scores of unseen rows are needed and no study has them."""

STAGES = (Stage.RESAMPLE, Stage.WEIGHT, Stage.LOSS, Stage.ADJUST, Stage.CALIBRATE, Stage.POOL)


@dataclass(frozen=True, eq=False)
class Training:
    """The training rows of one set of folds.

    Attributes
    ----------
    folds
        Folds in it (-1: the rows that are always used).
    blocks
        Views of the rows.
    target, count
        ``[n]`` of these rows.
    prior
        Of these rows, counts included.
    names
        ``[C, d]`` vectors of the class names in the axes of the rows, or ``None``.
    scale
        What the given vectors were divided by.
    """

    folds: tuple[int, ...]
    blocks: list[Block]
    target: Codes
    count: Floats
    prior: Prior
    names: Floats | None
    scale: float = 1.0

    @classmethod
    def of(cls, vectors: Vectors, folds: tuple[int, ...], classes: int, names: Floats | None) -> Training:
        """Training rows of `folds`; -1 stands for those that are always used."""
        index = vectors.index(folds)
        target, count = vectors.target[index], vectors.count[index]
        prior = Prior(np.rint(np.bincount(target, count, classes)).astype(np.int64))
        turned = None if names is None else vectors.turn_names(names)
        return cls(folds, vectors.blocks(folds), target, count, prior, turned, vectors.scale)

    def leading(self, axes: int) -> Training:
        """The same rows in their first axes; see :meth:`Vectors.leading`."""
        if axes <= 0 or axes >= self.blocks[0].shape[1] - 1 or not isinstance(self.blocks[0], np.ndarray):
            return self
        names = None if self.names is None else self.names[:, :axes]
        return replace(self, blocks=[block[:, : axes + 1] for block in self.blocks], names=names)


@dataclass(frozen=True, eq=False)
class Head:
    """A fitted head with the remedy it was fitted under.

    Attributes
    ----------
    weights
        ``[d + 1, C]``; first line: biases.
    """

    remedy: Remedy
    prior: Prior
    fit: Fit

    @property
    def norms(self) -> Floats:
        """``[C]`` length of each class's weight vector; 0 for a class that it does not know."""
        weights = self.fit.weights
        known = weights[0] > 0.5 * ABSENT
        return np.where(known, np.linalg.norm(weights[1:], axis=0), 0.0).astype(np.float32)

    def scores(self, rows: Block, remedy: Remedy | None = None) -> Floats:
        """``[n, C]`` adjusted scores of rows ``[n, d + 1]``; `remedy` may be another one that trains alike."""
        return (remedy or self.remedy).linear_form.adjust(np.asarray(rows @ self.fit.weights), self.prior, self.norms)


@dataclass(frozen=True, eq=False)
class LoneHead:
    """A head with the way from vectors as they are given to its axes; holds no training row, and can be pickled.

    Attributes
    ----------
    head
        Fitted under the part of the remedy that matters for training.
    remedy
        All of it.
    mean, axes, scale
        See :class:`~evenshelf.learners.vectors.Vectors`.
    calibrated
        What a remedy that calibrates has found, or ``None``.
    """

    head: Head
    remedy: Remedy
    mean: Floats
    axes: Floats
    scale: float
    calibrated: Calibrated | None = None

    def __call__(self, new: Floats) -> Floats:
        """``[n, C]`` adjusted scores of vectors ``[n, d]``."""
        turned = np.asarray(((new - self.mean) / np.float32(self.scale)) @ self.axes, dtype=np.float32)
        rows = np.concatenate([np.ones((len(new), 1), np.float32), turned], axis=1)
        scores = self.head.scores(rows, self.remedy)
        return scores if self.calibrated is None else self.calibrated(scores)

    @property
    def linear(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """``[d, C]`` weights on vectors as they are given and ``[C]`` biases, before any adjustment."""
        fitted = self.head.fit.weights.astype(np.float64)
        weights = self.axes.astype(np.float64) @ fitted[1:] / self.scale
        return weights, fitted[0] - self.mean.astype(np.float64) @ weights

    def adjust(self, scores: Floats) -> Floats:
        """``[n, C]`` scores after all that the remedy does to them, from those of :attr:`linear`."""
        adjusted = self.remedy.linear_form.adjust(scores, self.head.prior, self.head.norms)
        return adjusted if self.calibrated is None else self.calibrated(adjusted)


def training_part(remedy: Remedy) -> Remedy:
    """What of a remedy matters for training: remedies with equal parts share their fits."""
    parts = [p for p in remedy.linear_form.parts if set(p.stages) - {Stage.ADJUST, Stage.CALIBRATE}]
    if not parts:
        return parse("none")
    return parts[0] if len(parts) == 1 else Composition(tuple(parts))


def training_rows(remedy: Remedy, training: Training, rng: np.random.Generator) -> Rows | None:
    """The rows that the remedy's resampling makes, as indices of *merged* rows; ``None`` if it has none."""
    if Stage.RESAMPLE not in remedy.stages:
        return None
    # remedies see every example, also those that were merged: to SMOTE a repeated title is a neighbour
    copies = np.repeat(np.arange(len(training.target)), training.count.astype(np.int64))
    dense = [block if isinstance(block, np.ndarray) else block.toarray() for block in training.blocks]
    vectors = np.concatenate(dense)[copies, 1:]
    made = remedy.resample(vectors, training.target[copies], training.prior, rng)
    if made is None:
        return None
    return Rows(**{**vars(made), "first": copies[made.first], "second": copies[made.second]})


def make_problem(remedy: Remedy, penalty: float | None, training: Training, rows: Rows | None) -> Problem:
    """Turn a remedy into a head to fit.

    Parameters
    ----------
    penalty
        L2 strength per unit of mean loss; ``None`` for scikit-learn's default on the vectors as they were given: C = 1,
        which is ``1 / N`` of the rows after resampling.
    """
    remedy = remedy.linear_form
    prior = training.prior
    classes = len(prior.counts)
    loss = effective_loss(remedy, prior)
    by_class = np.ones(classes, np.float32)
    for weights in (remedy.weight(prior), loss.class_weight()):
        if weights is not None:
            by_class *= weights
    blend: csr_array | None = None
    other: Codes | None = None
    share: Floats | None = None
    if rows is None:
        target, base = training.target, training.count
    elif not rows.step.any() and (rows.target == training.target[rows.first]).all():
        # copies only: weights on the given rows
        target = training.target
        base = np.bincount(rows.first, rows.weight, len(target)).astype(np.float32)
    else:
        target, base = rows.target, rows.weight
        lines = np.arange(len(rows))
        blend = csr_array(
            (
                np.concatenate([1.0 - rows.step, rows.step]).astype(np.float32),
                (np.concatenate([lines, lines]), np.concatenate([rows.first, rows.second])),
            ),
            shape=(len(rows), len(training.target)),
        )
        if rows.share.any():
            other, share = rows.other, rows.share
    total = float(base.sum(dtype=np.float64))
    if share is not None and other is not None and (by_class != 1.0).any():
        # each side of a blend keeps the weight of its own class
        first, second = (1.0 - share) * by_class[target], share * by_class[other]
        share = (second / (first + second)).astype(np.float32)
        weight = base * (first + second)
    else:
        weight = base * by_class[target]
    centre = np.zeros((training.blocks[0].shape[1], classes), np.float32)
    centre[0] = prior.log_share
    frozen = ~prior.present
    pooled = None if training.names is None else remedy.centre(training.names, prior)
    if pooled is None:
        centre[0, frozen] = ABSENT
    else:
        centre[1:] = pooled.T
    return Problem(
        loss=loss,
        target=target,
        weight=weight.astype(np.float32),
        total=total,
        penalty=1.0 / (total * training.scale**2) if penalty is None else penalty,
        centre=centre,
        frozen=frozen,
        blend=blend,
        other=other,
        share=share,
    )


def fit_path(
    training: Training,
    tasks: Sequence[tuple[Remedy, Rows | None, Sequence[float | None]]],
    *,
    tolerance: float,
    approach: float | None = None,
    starts: Sequence[Floats | None] | None = None,
    max_steps: int = 200,
) -> list[list[Head]]:
    """Fit every remedy at each of its penalties, all remedies together, from the strongest penalty down.

    Each fit starts where the stronger penalties before it point to, or at the optimum of the loss that its own asks to
    be warmed up with.

    Parameters
    ----------
    tasks
        Remedy, its rows (:func:`training_rows`) and its penalties, strongest first.
    tolerance
        See :class:`Problem`.
    approach
        Tolerance of all but the last penalty of a task, where these only prepare the last one.
    starts
        Per task, weights ``[k + 1, C]`` in the first ``k`` axes to start the first penalty from, or ``None``.

    Returns
    -------
    Heads, by task and penalty.
    """
    found: list[list[Head]] = [[] for _ in tasks]
    warm: dict[int, Fit] = {}
    for level in range(max(len(penalties) for _, _, penalties in tasks)):
        here = [i for i, (_, _, penalties) in enumerate(tasks) if level < len(penalties)]
        problems = []
        for i in here:
            remedy, rows, penalties = tasks[i]
            problem = make_problem(remedy, penalties[level], training, rows)
            last = level == len(penalties) - 1
            problem.tolerance = tolerance if last or approach is None else approach
            if not level and starts is not None and (start := starts[i]) is not None:
                problem.start = problem.centre.copy()
                # a class may have had no example where the start was fitted; one without any here keeps its centre
                known = (start[0] > 0.5 * ABSENT) & ~problem.frozen
                problem.start[: len(start), known] = start[:, known]
            if (first := problem.loss.warm_up()) is not None:
                lead = replace(problem, loss=first, start=warm[i].weights if i in warm else problem.start)
                warm[i] = fit_together(training.blocks, [lead], max_steps=max_steps)[0]
                problem.start = warm[i].weights
            elif level:
                problem.start = _extrapolate([h.fit.weights for h in found[i][-2:]], penalties[: level + 1])
            problems.append(problem)
        fits = fit_together(training.blocks, problems, max_steps=max_steps)
        for i, fit in zip(here, fits, strict=True):
            if i in warm:
                fit = replace(fit, steps=warm[i].steps + fit.steps, seconds=warm[i].seconds + fit.seconds)  # noqa: PLW2901
            found[i].append(Head(tasks[i][0], training.prior, fit))
    return found


def _extrapolate(fitted: list[Floats], penalties: Sequence[float | None]) -> Floats:
    """Where the next fit on the path probably is: weights move about linearly in the logarithm of the penalty."""
    if len(fitted) < 2:
        return fitted[-1]
    before, last, following = (np.log(p) for p in penalties[-3:] if p is not None)
    ratio = (following - last) / (last - before)
    return np.asarray(fitted[1] + np.float32(ratio) * (fitted[1] - fitted[0]), dtype=np.float32)


def penalties(count: int) -> tuple[float, ...]:
    """`count` penalties from the strongest to the weakest, evenly spaced in the logarithm.

    Eight are half decades; four are the decades among them.
    """
    if count == 4:
        return tuple(float(f"{10.0**power:.6g}") for power in (-4, -5, -6, -7))
    grid = np.linspace(STRONGEST, WEAKEST, count) if count > 1 else np.array([-5.0])
    return tuple(float(f"{10.0**power:.6g}") for power in grid)


def fit_alone(
    vectors: Floats,
    target: Codes,
    groups: int,
    remedy: Remedy,
    *,
    names: Floats | None = None,
    seed: int = 0,
    penalty: float | None = None,
) -> LoneHead:
    """One head fitted by itself, tightly; see :class:`evenshelf.learners.registry.FitScores`.

    A study fits heads together instead, which has the same optimum. `penalty` ``None`` means scikit-learn's C = 1.

    Raises
    ------
    SettingError
        If the remedy acts at a stage that heads cannot honour.
    """
    reason = HEADS.unsupported(remedy)
    if reason:
        raise SettingError(f"{remedy}: {reason}.")
    prepared = prepare(vectors, target, np.zeros(len(target), np.int64), np.arange(len(target)))
    training = Training.of(prepared, (-1, 0), groups, names)
    rows = training_rows(remedy, training, np.random.default_rng(seed))
    part = training_part(remedy)
    head = fit_path(training, [(part, rows, (penalty,))], tolerance=1e-8, max_steps=500)[0][0]
    calibrated = None
    if Stage.CALIBRATE in remedy.stages:
        unseen = _cross_fitted(vectors, target, groups, remedy, names=names, seed=seed, penalty=penalty)
        calibrated = remedy.calibration(*unseen, training.prior)
    return LoneHead(head, remedy, prepared.mean, prepared.axes, prepared.scale, calibrated)


def _cross_fitted(
    vectors: Floats,
    target: Codes,
    groups: int,
    remedy: Remedy,
    *,
    names: Floats | None,
    seed: int,
    penalty: float | None,
) -> tuple[Floats, Codes, Floats]:
    """Scores of rows by heads that have not seen them, their groups and counts.

    Of each group, rows are dealt out in turn, equal ones together. What is left of a group of one row, or of rows
    without which nothing can be fitted, stays in training: of these a head can say nothing that it has not seen.
    """
    _, first, alike = np.unique(vectors, axis=0, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(first))
    turn = np.empty(len(first), np.int64)
    for group in np.unique(target):
        rows = order[target[first][order] == group]
        turn[rows] = np.arange(len(rows)) % CROSS_FITS if len(rows) > 1 else -1
    turn = turn[alike.ravel()]
    for number in range(CROSS_FITS):
        kept = turn != number
        if len(np.unique(alike.ravel()[kept])) < 2 or len(np.unique(target[kept])) < 2:
            turn[~kept] = -1
    # What is fitted without calibration is the same remedy but for its last step.
    parts = tuple(p for p in remedy.parts if Stage.CALIBRATE not in p.stages)
    bare = Composition(parts) if len(parts) > 1 else parts[0] if parts else parse("none")
    scores = np.zeros((len(target), groups), np.float32)
    for number in range(CROSS_FITS):
        seen, unseen = turn != number, turn == number
        if not unseen.any():
            continue
        fitted = fit_alone(vectors[seen], target[seen], groups, bare, names=names, seed=seed, penalty=penalty)
        scores[unseen] = fitted(vectors[unseen])
    kept = turn >= 0
    return scores[kept], target[kept], np.ones(int(kept.sum()), np.float32)


HEADS = register(
    LearnerKind(
        "heads",
        "linear heads",
        "Linear classifiers on the vectors of an encoder, those of all remedies fitted together.",
        STAGES,
        fit_alone,
        penalties,
        "C = 1",
    )
)

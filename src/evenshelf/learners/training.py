"""What a linear head is fitted on: the rows of some folds, as a remedy makes and weighs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.learners.set_problems import make_set_problem, set_prior, set_rows
from evenshelf.learners.solver import ABSENT, Problem
from evenshelf.learners.vectors import Vectors
from evenshelf.remedies import Composition, Prior, Remedy, Rows, SetRows, Stage, effective_loss, parse

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Block: TypeAlias = Any  # float32 matrix, dense (ndarray) or sparse (csr_array)


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
    positive
        ``[n, C]`` of these rows, where each is a text with all its labels; see :class:`Vectors`.
    """

    folds: tuple[int, ...]
    blocks: list[Block]
    target: Codes
    count: Floats
    prior: Prior
    names: Floats | None
    scale: float = 1.0
    positive: csr_array | None = None

    @classmethod
    def of(cls, vectors: Vectors, folds: tuple[int, ...], classes: int, names: Floats | None) -> Training:
        """Training rows of `folds`; -1 stands for those that are always used."""
        index = vectors.index(folds)
        target, count = vectors.target[index], vectors.count[index]
        prior = Prior(np.rint(np.bincount(target, count, classes)).astype(np.int64))
        turned = None if names is None else vectors.turn_names(names)
        if vectors.positive is not None:
            positive = vectors.positive[index]
            prior = set_prior(positive, count)
            return cls(folds, vectors.blocks(folds), target, count, prior, turned, vectors.scale, positive)
        return cls(folds, vectors.blocks(folds), target, count, prior, turned, vectors.scale)

    def leading(self, axes: int) -> Training:
        """The same rows in their first axes; see :meth:`Vectors.leading`."""
        if axes <= 0 or axes >= self.blocks[0].shape[1] - 1 or not isinstance(self.blocks[0], np.ndarray):
            return self
        names = None if self.names is None else self.names[:, :axes]
        return replace(self, blocks=[block[:, : axes + 1] for block in self.blocks], names=names)


def training_part(remedy: Remedy) -> Remedy:
    """What of a remedy matters for training: remedies with equal parts share their fits."""
    parts = [p for p in remedy.linear_form.parts if set(p.stages) - {Stage.ADJUST, Stage.CALIBRATE}]
    if not parts:
        return parse("none")
    return parts[0] if len(parts) == 1 else Composition(tuple(parts))


def training_rows(remedy: Remedy, training: Training, rng: np.random.Generator) -> Rows | SetRows | None:
    """The rows that the remedy's resampling makes, as indices of *merged* rows; ``None`` if it has none."""
    if Stage.RESAMPLE not in remedy.stages:
        return None
    if training.positive is not None:
        return set_rows(remedy, training.blocks, training.positive, training.prior, rng)
    # remedies see every example, also those that were merged: to SMOTE a repeated title is a neighbour
    copies = np.repeat(np.arange(len(training.target)), training.count.astype(np.int64))
    dense = [block if isinstance(block, np.ndarray) else block.toarray() for block in training.blocks]
    vectors = np.concatenate(dense)[copies, 1:]
    made = remedy.resample(vectors, training.target[copies], training.prior, rng)
    if made is None:
        return None
    return Rows(**{**vars(made), "first": copies[made.first], "second": copies[made.second]})


def make_problem(remedy: Remedy, penalty: float | None, training: Training, rows: Rows | SetRows | None) -> Problem:
    """Turn a remedy into a head to fit.

    Parameters
    ----------
    penalty
        L2 strength per unit of mean loss; ``None`` for scikit-learn's default on the vectors as they were given: C = 1,
        which is ``1 / N`` of the rows after resampling.
    """
    if training.positive is not None:
        return make_set_problem(remedy, penalty, training, rows)
    assert not isinstance(rows, SetRows)
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

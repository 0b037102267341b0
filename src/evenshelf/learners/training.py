"""What a linear head is fitted on: the rows of some folds, as a remedy makes and weighs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.learners.set_problems import make_set_problem, set_prior, set_rows
from evenshelf.learners.solver import ABSENT, Problem
from evenshelf.learners.vectors import Vectors
from evenshelf.remedies import Prior, Remedy, Rows, SetRows, Stage, effective_loss, joined

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Block: TypeAlias = Any  # float32 matrix, dense (ndarray) or sparse (csr_array)

AFTER = frozenset({Stage.ADJUST, Stage.RETRIEVE, Stage.CALIBRATE, Stage.RERANK})
"""Stages that change what a fitted head says, and not the head."""


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
    whole
        What these rows are a sample of, or ``None``: like the prior, the means are of all rows.
    """

    folds: tuple[int, ...]
    blocks: list[Block]
    target: Codes
    count: Floats
    prior: Prior
    names: Floats | None
    scale: float = 1.0
    positive: csr_array | None = None
    whole: Training | None = None

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

    @cached_property
    def means(self) -> Floats:
        """``[C, d]`` mean of each class's rows, each as often as it counts, less that of all; 0 of a cold class."""
        if self.whole is not None:
            return self.whole.means
        picks = self._picks
        parts = np.split(np.arange(len(self.target)), np.cumsum([b.shape[0] for b in self.blocks])[:-1])
        of_class = sum(picks[:, part] @ block[:, 1:] for part, block in zip(parts, self.blocks, strict=True))
        dense = of_class if isinstance(of_class, np.ndarray) else of_class.toarray()
        if self.positive is None:
            middle = (self.prior.counts / self.prior.total) @ dense.astype(np.float64)
        else:  # a text counts once, however many labels it has
            weighted = [
                self.count[part].astype(np.float64) @ b[:, 1:] for part, b in zip(parts, self.blocks, strict=True)
            ]
            middle = np.sum(weighted, axis=0) / max(float(self.count.sum(dtype=np.float64)), 1.0)
        return np.asarray(np.where(self.prior.present[:, None], dense - middle, 0.0), dtype=np.float32)

    @property
    def _picks(self) -> csr_array:
        """``[C, n]`` share of each row in its class, or in each of its classes."""
        classes, rows = len(self.prior.counts), np.arange(len(self.target))
        if self.positive is not None:
            held = np.maximum(np.asarray(self.positive.sum(axis=0), np.float64), 1.0)
            return csr_array(self.positive.T.multiply((1.0 / held).astype(np.float32)[:, None]), dtype=np.float32)
        share = self.count / np.maximum(np.bincount(self.target, self.count, classes), 1.0)[self.target]
        return csr_array((share, (self.target, rows)), shape=(classes, len(self.target)))

    def leading(self, axes: int) -> Training:
        """The same rows in their first axes; see :meth:`Vectors.leading`."""
        if axes <= 0 or axes >= self.blocks[0].shape[1] - 1 or not isinstance(self.blocks[0], np.ndarray):
            return self
        names = None if self.names is None else self.names[:, :axes]
        return replace(self, blocks=[block[:, : axes + 1] for block in self.blocks], names=names)

    def extended(self, rows: Rows | SetRows | None) -> Training:
        """These rows and, after them, the vectors that a remedy has made, in the axes of these; the prior stays."""
        if not isinstance(rows, Rows) or rows.made is None:
            return self
        block = np.ones((len(rows.made), self.blocks[0].shape[1]), np.float32)
        block[:, 1:] = rows.made[:, : block.shape[1] - 1]
        place = rows.first - len(self.target)
        target = np.zeros(len(block), np.int64)
        target[place[place >= 0]] = rows.target[place >= 0]
        return replace(
            self,
            blocks=[*self.blocks, block],
            target=np.concatenate([self.target, target]),
            count=np.concatenate([self.count, np.zeros(len(block), np.float32)]),
        )


def training_part(remedy: Remedy) -> Remedy:
    """What of a remedy matters for training: remedies with equal parts share their fits."""
    parts = [p for p in remedy.linear_form.parts if set(p.stages) - AFTER]
    return joined(parts)


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
    # what the remedy has made itself comes after the merged rows, as it came after the examples
    places = np.concatenate([copies, len(training.target) + np.arange(0 if made.made is None else len(made.made))])
    return replace(made, first=places[made.first], second=places[made.second])


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
    pooled = remedy.centre(training.names, prior, training.means) if Stage.POOL in remedy.stages else None
    if pooled is not None:
        centre[1:] = pooled.T
    # nothing is known of them, neither from rows nor otherwise
    centre[0, frozen & ~centre[1:].any(axis=0)] = ABSENT
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

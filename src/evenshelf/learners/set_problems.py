"""Heads with a score of its own for each label of a set: binary relevance, all labels in one matrix product.

Each label's column of weights is the optimum of its own ``1/N sum_i loss(x_i w, y_i) + penalty/2 |w - centre|^2`` over
all N texts, those without the label included. The labels share nothing but the passes over the vectors, so the Hessian
has no blocks between them, and what :mod:`evenshelf.learners.curvature` keeps of it is all there is but for rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, vstack

from evenshelf.learners.solver import ABSENT, Descent, Memory, Problem
from evenshelf.remedies import Prior, Remedy, SetLoss, SetRows, Stage
from evenshelf.remedies.set_losses import BinaryCrossEntropy

if TYPE_CHECKING:
    from evenshelf.learners.training import Training
    from evenshelf.remedies import Rows

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(eq=False)
class SetProblem(Problem):
    """A head to fit to sets of labels; see :class:`~evenshelf.learners.solver.Problem`, whose ``target`` is not used.

    Attributes
    ----------
    loss
        A :class:`~evenshelf.remedies.SetLoss`, on log odds.
    positive
        ``[m, C]`` sparse: weights of the labels that the training rows have; ``weight`` is that of those they have not.
    parts
        `positive` over the total; set by itself.
    """

    loss: Any
    positive: csr_array = field(kw_only=True)
    parts: csr_array = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parts = csr_array(self.positive, dtype=np.float32) / np.float32(self.total)

    def descent(self, memory: Memory) -> Descent:
        """See :meth:`Problem.descent`."""
        return _SetDescent(self, memory)


class _SetDescent(Descent):
    """One fit to sets of labels."""

    problem: SetProblem

    def __init__(self, problem: SetProblem, memory: Memory) -> None:
        super().__init__(problem, memory)
        # labels do not compete: one that is frozen takes nothing from the others
        self.held = False
        self._blocks: dict[tuple[int, int], csr_array] = {}

    def doubt(self) -> Floats:
        """See :meth:`Descent.doubt`: here the curvature of the loss where the scores are."""
        problem, memory = self.problem, self.memory
        if problem.blend is None or problem.bound is None:
            # written over the residual, which the next data term makes anew
            bent = memory.residual
            bent[:] = memory.scores
        else:
            bent = problem.blend @ memory.scores
        for start in range(0, len(bent), memory.block):
            rows = slice(start, start + memory.block)
            problem.loss.curvature(bent[rows], self._here(rows), problem.scale[rows])
        return bent if problem.bound is None else np.asarray(problem.bound @ bent)

    def _mass(self) -> NDArray[np.float64]:
        """``[C]`` share of each label in the weighted rows."""
        return np.asarray(self.problem.parts.sum(axis=0), np.float64)

    def _losses(self, out: Floats, rows: slice) -> float:
        """Loss of some rows, whose scores are in `out`, which becomes the gradient."""
        value, gradient = self.problem.loss.value_and_gradient(out[rows], self._here(rows), self.problem.scale[rows])
        if gradient.base is not out and gradient is not out:
            out[rows] = gradient
        return float(value)

    def _here(self, rows: slice) -> csr_array:
        key = (rows.start, rows.stop)
        if key not in self._blocks:
            self._blocks[key] = self.problem.parts[rows]
        return self._blocks[key]


def set_prior(positive: csr_array, count: Floats) -> Prior:
    """How many examples each label has, and how many there are in all."""
    counts = np.rint(np.asarray(positive.sum(axis=0), np.float64)).astype(np.int64)
    return Prior(counts, texts=round(float(count.sum(dtype=np.float64))))


def set_rows(
    remedy: Remedy, blocks: Sequence[Any], positive: csr_array, prior: Prior, rng: np.random.Generator
) -> SetRows | None:
    """The rows that a remedy makes beside the given ones; each text is seen once, however often it occurs."""
    dense = [block if isinstance(block, np.ndarray) else block.toarray() for block in blocks]
    vectors = np.concatenate(dense)[:, 1:]
    return remedy.set_resample(vectors, csr_array(positive, dtype=bool), prior, rng)


def make_set_problem(
    remedy: Remedy, penalty: float | None, training: Training, rows: Rows | SetRows | None
) -> SetProblem:
    """Turn a remedy into a head for sets of labels; see :func:`evenshelf.learners.training.make_problem`."""
    assert training.positive is not None
    prior, classes = training.prior, len(training.prior.counts)
    loss: SetLoss = remedy.set_loss(prior) or BinaryCrossEntropy()
    positive, weight = training.positive, training.count
    blend: csr_array | None = None
    if isinstance(rows, SetRows) and len(rows):
        lines = np.arange(len(rows))
        parts = np.concatenate([1.0 - rows.step, rows.step]).astype(np.float32)
        places = (np.concatenate([lines, lines]), np.concatenate([rows.first, rows.second]))
        made = csr_array((parts, places), shape=(len(rows), len(weight)))
        blend = csr_array(vstack([eye_array(len(weight), dtype=np.float32), made], format="csr"))
        stood_for = csr_array(rows.labels, dtype=np.float32).multiply(rows.weight[:, None])
        positive = csr_array(vstack([positive, stood_for], format="csr"))
        weight = np.concatenate([weight, rows.weight])
    by_label = remedy.weight(prior)
    if by_label is not None:
        positive = csr_array(positive.multiply(by_label[None, :]))
    total = float(weight.sum(dtype=np.float64))
    centre = np.zeros((training.blocks[0].shape[1], classes), np.float32)
    centre[0] = np.log(prior.odds)
    frozen = ~prior.present
    pooled = remedy.centre(training.names, prior, training.means) if Stage.POOL in remedy.stages else None
    if pooled is not None:
        centre[1:] = pooled.T
    # nothing is known of them, neither from rows nor otherwise
    centre[0, frozen & ~centre[1:].any(axis=0)] = ABSENT
    return SetProblem(
        loss=loss,
        target=np.empty(0, np.int64),
        weight=weight.astype(np.float32),
        total=total,
        penalty=1.0 / (total * training.scale**2) if penalty is None else penalty,
        centre=centre,
        frozen=frozen,
        blend=blend,
        positive=positive,
    )

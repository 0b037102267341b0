"""Fits many multinomial heads over the same vectors together.

Each head minimises ``1/N sum_i w_i loss(x_i W, y_i) + penalty/2 |W - centre|^2`` (biases are not penalised). All heads
take their steps at the same time, so that the two matrix products of a step are made once for all of them.

The steps are L-BFGS steps preconditioned by a diagonal. On vectors rotated to their principal axes, Böhning's bound on
the Hessian of the softmax (Böhning, Ann. Inst. Statist. Math. 44, 1992) is nearly diagonal: ``lambda_j / 2`` on axis j.
The bound is far too careful for rare classes, whose curvature is proportional to their share of the examples; dividing
by the square root of that share keeps the steps safe and brings the tail to its optimum several times sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.remedies import Loss

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Block: TypeAlias = Any  # float32 matrix, dense (ndarray) or sparse (csr_array)

BLOCK = 1024  # rows whose scores stay in a core's cache while the loss is computed
MEMORY = 10  # pairs that L-BFGS remembers
ABSENT = np.float32(-1e4)  # bias of a class that has neither example nor name: its probability is exactly 0


@dataclass(eq=False)
class Problem:
    """One head to fit.

    Attributes
    ----------
    loss
        Loss on scores.
    target, weight
        ``[m]`` class codes and weights (class weights included) of the training rows.
    total
        The N that the sum of losses is divided by.
    penalty
        Strength of the L2 penalty, per unit of mean loss; > 0.
    centre
        ``[d + 1, C]`` what the weights shrink to; first line: biases to start from.
    blend
        ``[m, n]`` sparse matrix that makes the training rows from the given rows; ``None``: they are the given rows.
    other, share
        ``[m]`` second class of blended rows and its share, or ``None``.
    frozen
        ``[C]`` classes that keep their centre: those without a training row.
    start
        ``[d + 1, C]`` where to start, or ``None`` for the centre.
    tolerance
        The head is done when its next step promises to lower the objective by less than this part of it (the Newton
        decrement, as L-BFGS sees it).
    """

    loss: Loss
    target: Codes
    weight: Floats
    total: float
    penalty: float
    centre: Floats
    frozen: NDArray[np.bool_]
    blend: csr_array | None = None
    other: Codes | None = None
    share: Floats | None = None
    start: Floats | None = None
    tolerance: float = 1e-4
    unblend: csr_array | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.blend is not None:
            self.unblend = csr_array(self.blend.T)


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted head.

    Attributes
    ----------
    weights
        ``[d + 1, C]`` float32; first line: biases.
    objective
        Value at the end.
    steps
        L-BFGS steps taken.
    converged
        Whether the decrement came below the tolerance.
    """

    weights: Floats
    objective: float
    steps: int
    converged: bool


class _Head:
    """State of one head during the joint fit."""

    def __init__(self, problem: Problem, second_moment: Floats) -> None:
        self.problem = problem
        classes = problem.centre.shape[1]
        self.weights = (problem.centre if problem.start is None else problem.start).copy()
        mass = np.bincount(problem.target, problem.weight, classes) / problem.total
        if problem.share is not None and problem.other is not None:
            moved = problem.weight * problem.share
            mass += np.bincount(problem.other, moved, classes) / problem.total
            mass -= np.bincount(problem.target, moved, classes) / problem.total
        curvature = 0.5 * np.sqrt(np.maximum(mass, 1e-12))[None, :] * second_moment[:, None]
        penalty = np.full((len(second_moment), 1), problem.penalty)
        penalty[0] = 0.0
        self.penalty = penalty.astype(np.float32)
        self.step_size = (1.0 / (curvature + penalty + 1e-12)).astype(np.float32)
        self.step_size[:, problem.frozen] = 0.0
        self.pairs: list[tuple[Floats, Floats, float]] = []
        self.gradient: Floats = np.empty_like(self.weights)
        self.direction: Floats = np.empty_like(self.weights)
        self.objective = np.inf
        self.steps = 0
        self.done = self.converged = False

    def pull(self, weights: Floats) -> tuple[float, Floats]:
        """Value and gradient of the penalty."""
        away = weights - self.problem.centre
        force = self.penalty * away
        return 0.5 * float(np.vdot(force, away)), force

    def data_term(self, scores: Floats, out: Floats, slopes: Floats | None = None, step: float = 0.0) -> float:
        """Mean loss at ``scores + step * slopes`` ``[n, C]``; the gradient with respect to the scores goes to `out`."""
        problem = self.problem
        value = 0.0
        blend = None if problem.blend is None else problem.blend @ _moved(scores, slopes, step)
        result = out if blend is None else np.empty_like(blend)
        for start in range(0, len(result), BLOCK):
            rows = slice(start, start + BLOCK)
            here = (
                _moved(scores[rows], None if slopes is None else slopes[rows], step) if blend is None else blend[rows]
            )
            target, weight = problem.target[rows], problem.weight[rows]
            if problem.share is None or problem.other is None:
                part, gradient = problem.loss.value_and_gradient(here, target, weight)
            else:
                share = problem.share[rows]
                part, gradient = problem.loss.value_and_gradient(here.copy(), target, weight * (1.0 - share))
                more, second = problem.loss.value_and_gradient(here, problem.other[rows], weight * share)
                part += more
                gradient += second
            value += part
            np.divide(gradient, np.float32(problem.total), out=result[rows])
        if problem.unblend is not None:
            out[:] = problem.unblend @ result
        return value / problem.total

    def aim(self) -> None:
        """Set the direction by the L-BFGS two-loop recursion (Nocedal & Wright, algorithm 7.4)."""
        direction = self.gradient.copy()
        factors = []
        for s, y, inverse in reversed(self.pairs):
            factor = inverse * float(np.vdot(s, direction))
            factors.append(factor)
            direction -= np.float32(factor) * y
        direction *= self.step_size
        for (s, y, inverse), factor in zip(self.pairs, reversed(factors), strict=True):
            direction += np.float32(factor - inverse * float(np.vdot(y, direction))) * s
        self.direction = -direction
        if float(np.vdot(self.direction, self.gradient)) >= 0.0:
            self.pairs.clear()
            self.direction = -self.step_size * self.gradient

    def remember(self, moved: Floats, change: Floats) -> None:
        """Keep a pair of step and gradient change, if it shows positive curvature."""
        product = float(np.vdot(moved, change))
        if product > 1e-12 * float(np.vdot(change, change)) ** 0.5 * float(np.vdot(moved, moved)) ** 0.5:
            self.pairs.append((moved, change, 1.0 / product))
            del self.pairs[:-MEMORY]


def fit_together(vectors: Sequence[Block], problems: Sequence[Problem], *, max_steps: int = 100) -> list[Fit]:
    """Fit all heads over the same rows.

    Parameters
    ----------
    vectors
        Blocks of given rows, ``[n_b, d + 1]`` float32 each, dense or sparse: a column of ones first, then the
        coordinates, best along principal axes.
    problems
        The heads; their rows refer to the blocks one after another.
    max_steps
        Most L-BFGS steps per head.

    Returns
    -------
    Fits in the order of `problems`.
    """
    bounds = np.cumsum([0, *(block.shape[0] for block in vectors)])
    rows, classes = int(bounds[-1]), problems[0].centre.shape[1]
    moments = _second_moments(vectors, problems)
    heads = [_Head(p, m) for p, m in zip(problems, moments, strict=True)]
    active = list(range(len(heads)))
    scores = np.empty((rows, len(heads) * classes), np.float32)
    slopes = np.empty_like(scores)
    residual = np.empty_like(scores)

    def forward(matrices: list[Floats], out: Floats) -> None:
        stacked = np.concatenate(matrices, axis=1)
        for block, low, high in zip(vectors, bounds, bounds[1:], strict=False):
            target = out[low:high, : stacked.shape[1]]
            if isinstance(block, np.ndarray):
                np.matmul(block, stacked, out=target)
            else:
                target[:] = block @ stacked

    def backward(count: int) -> Floats:
        total = np.zeros((vectors[0].shape[1], count * classes), np.float32)
        for block, low, high in zip(vectors, bounds, bounds[1:], strict=False):
            total += block.T @ residual[low:high, : count * classes]
        return total

    def columns(position: int) -> slice:
        return slice(position * classes, (position + 1) * classes)

    forward([h.weights for h in heads], scores)
    for i, head in enumerate(heads):
        head.objective = head.data_term(scores[:, columns(i)], residual[:, columns(i)]) + head.pull(head.weights)[0]
    gradients = backward(len(heads))
    for i, head in enumerate(heads):
        head.gradient = gradients[:, columns(i)] + head.pull(head.weights)[1]
        head.gradient[:, head.problem.frozen] = 0.0
    while active:
        still = []
        for position in active:
            head = heads[position]
            if not head.done:
                head.aim()
                if -float(np.vdot(head.direction, head.gradient)) <= head.problem.tolerance * head.objective:
                    head.done = head.converged = True
            if head.steps >= max_steps:
                head.done = True
            if not head.done:
                still.append(position)
        if len(still) < len(active):
            # close the gaps, so that the products stay one dense block
            for place, position in enumerate(still):
                old = active.index(position)
                if old != place:
                    scores[:, columns(place)] = scores[:, columns(old)]
        active = still
        if not active:
            break
        forward([heads[p].direction for p in active], slopes)
        moves: list[Floats] = []
        for place, position in enumerate(active):
            part = columns(place)
            step = _search(heads[position], scores[:, part], slopes[:, part], residual[:, part])
            moves.append(np.float32(step) * heads[position].direction)
        gradients = backward(len(active))
        for place, position in enumerate(active):
            head = heads[position]
            gradient = gradients[:, columns(place)] + head.pull(head.weights)[1]
            gradient[:, head.problem.frozen] = 0.0
            if not head.done:
                head.remember(moves[place], gradient - head.gradient)
            head.gradient = gradient
    return [Fit(h.weights, h.objective, h.steps, h.converged) for h in heads]


def _moved(scores: Floats, slopes: Floats | None, step: float) -> Floats:
    """``scores + step * slopes`` in memory of its own."""
    if slopes is None:
        return scores.copy()
    moved = slopes * np.float32(step)
    moved += scores
    return moved


def _search(head: _Head, scores: Floats, slopes: Floats, residual: Floats) -> float:
    """Armijo backtracking along the head's direction; scores are linear in the step, so no product is needed."""
    descent = float(np.vdot(head.gradient, head.direction))
    step = 1.0
    for _ in range(30):
        weights = head.weights + np.float32(step) * head.direction
        value = head.data_term(scores, residual, slopes, step) + head.pull(weights)[0]
        if value <= head.objective + 1e-4 * step * descent + 1e-7 * abs(head.objective):
            break
        step *= 0.4
    else:
        # no step along this direction helps at the precision of float32: this is the optimum as far as it can be seen
        step = 0.0
        weights = head.weights
        value = head.data_term(scores, residual) + head.pull(weights)[0]
        head.done = True
    for start in range(0, len(scores), BLOCK):
        rows = slice(start, start + BLOCK)
        scores[rows] += np.float32(step) * slopes[rows]
    head.weights, head.objective = weights, value
    head.steps += 1
    return step


def _second_moments(vectors: Sequence[Block], problems: Sequence[Problem]) -> list[Floats]:
    """``[d + 1]`` mean square of each coordinate over the rows of each problem, weights included."""
    counts = []
    for problem in problems:
        weight = problem.weight / problem.total
        if problem.unblend is not None:
            weight = problem.unblend @ weight
        counts.append(weight)
    stacked = np.stack(counts, axis=1).astype(np.float32)
    total = np.zeros((vectors[0].shape[1], len(problems)), np.float32)
    start = 0
    for block in vectors:
        for low in range(0, block.shape[0], 8 * BLOCK):
            part = block[low : low + 8 * BLOCK]
            total += (part * part).T @ stacked[start + low : start + low + part.shape[0]]
        start += block.shape[0]
    return [np.ascontiguousarray(total[:, i]) for i in range(len(problems))]

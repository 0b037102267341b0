"""Fits many multinomial heads over the same vectors.

Each head minimises ``1/N sum_i w_i loss(x_i W, y_i) + penalty/2 |W - centre|^2``. Biases are not penalised; where a
class without examples is known by its name, their sum is held, or they would rise against it without end. All heads
read one copy of the vectors. They are fitted one after another in the same working memory: a head has enough columns to
fill a matrix product, and products over the columns of several heads were no faster (docs/decisions).

The steps are L-BFGS steps preconditioned by the curvature of each class (:mod:`evenshelf.learners.curvature`), measured
where the fit is and again every few steps. That brings rare classes, whose curvature is a small part of the others', to
their optimum as soon as frequent ones. Sparse vectors have too many columns for that: there the preconditioner is a
diagonal, Böhning's bound on the Hessian (Ann. Inst. Statist. Math. 44, 1992) times the square root of a class's share.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.learners.curvature import Curvature, Diagonal
from evenshelf.remedies import Loss

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Block: TypeAlias = Any  # float32 matrix, dense (ndarray) or sparse (csr_array)

BLOCK = 1 << 16  # scores that stay in a core's cache while the loss is computed
MEMORY = 10  # pairs that L-BFGS remembers
LEAST = 1e-12  # an objective below is zero: labels that all rows have are learned without end, and in vain
REFRESH = 8  # steps after which the curvature is measured again
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
        Entries may be negative: a row beyond a given one.
    other, share
        ``[m]`` second class of blended rows and its share, or ``None``.
    frozen
        ``[C]`` classes that keep their centre: those without a training row.
    start
        ``[d + 1, C]`` where to start, or ``None`` for the centre.
    unblend
        ``[n, m]`` transpose of `blend`, which takes a gradient back to the given rows; set by itself.
    bound
        ``[n, m]`` what of a training row's curvature counts for the given rows that it is made of: by Cauchy's
        inequality the square of ``sum_i b_i z_i`` is at most ``sum_j |b_j|`` times ``sum_i |b_i| z_i ** 2``. For rows
        between given ones, whose parts are positive and sum to 1, this is `unblend`; set by itself.
    scale
        ``[m]`` weights over the total: what a row's loss counts in the objective; set by itself.
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
    bound: csr_array | None = field(default=None, init=False)
    scale: Floats = field(init=False)

    def __post_init__(self) -> None:
        if self.blend is not None:
            self.unblend = self.bound = csr_array(self.blend.T)
            if (self.blend.data < 0).any():
                size = abs(self.blend)
                self.bound = csr_array(size.multiply(size.sum(axis=1)[:, None]).T)
        self.scale = (self.weight / np.float64(self.total)).astype(np.float32)

    def descent(self, memory: Memory) -> Descent:
        """The fit of this head in a working memory, ready to run."""
        return Descent(self, memory)


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
        Whether the decrement came below the tolerance, or no step could be seen to help in float32; otherwise
        the steps ran out.
    seconds
        Processor time taken.
    """

    weights: Floats
    objective: float
    steps: int
    converged: bool
    seconds: float = 0.0


class Memory:
    """Working memory of fits over ``n`` rows and ``C`` classes, used again for each of them."""

    def __init__(self, vectors: Sequence[Block], classes: int) -> None:
        self.vectors = vectors
        self.bounds = np.cumsum([0, *(block.shape[0] for block in vectors)])
        self.block = max(BLOCK // classes, 1)
        self.scores, self.slopes, self.residual = (np.empty((int(self.bounds[-1]), classes), np.float32) for _ in "abc")

    def forward(self, weights: Floats, out: Floats) -> None:
        """Scores ``[n, C]`` of weights ``[d + 1, C]``."""
        for block, low, high in zip(self.vectors, self.bounds, self.bounds[1:], strict=False):
            if isinstance(block, np.ndarray):
                np.matmul(block, weights, out=out[low:high])
            else:
                out[low:high] = block @ weights

    def backward(self) -> Floats:
        """Gradient ``[d + 1, C]`` from the residual."""
        total = np.zeros((self.vectors[0].shape[1], self.residual.shape[1]), np.float32)
        for block, low, high in zip(self.vectors, self.bounds, self.bounds[1:], strict=False):
            total += block.T @ self.residual[low:high]
        return total

    def second_moment(self, scale: Floats) -> Floats:
        """``[d + 1]`` mean square of each coordinate over rows weighted by `scale` ``[n]``."""
        total = np.zeros(self.vectors[0].shape[1], np.float32)
        for block, start in zip(self.vectors, self.bounds, strict=False):
            for low in range(0, block.shape[0], 4096):
                part = block[low : low + 4096]
                total += (part * part).T @ scale[start + low : start + low + part.shape[0]]
        return total


class Descent:
    """One fit: an L-BFGS descent."""

    def __init__(self, problem: Problem, memory: Memory) -> None:
        self.problem, self.memory = problem, memory
        self.weights = (problem.centre if problem.start is None else problem.start).copy()
        self.penalty = np.full((len(self.weights), 1), problem.penalty, np.float32)
        self.penalty[0] = 0.0
        self.moving = ~problem.frozen
        # a class that is frozen but not absent would lose without end to the free biases of the others
        self.held = bool((problem.centre[0, problem.frozen] > 0.5 * ABSENT).any())
        self.curvature: Curvature | Diagonal | None = None
        self.measured: int | None = None  # at which step
        self.last_step = 1.0
        self.pairs: list[tuple[Floats, Floats, float]] = []

    def run(self, max_steps: int) -> Fit:
        """Descend until the tolerance is met, no step helps, or `max_steps` are done."""
        memory = self.memory
        memory.forward(self.weights, memory.scores)
        objective = self.data_term() + self.pull(self.weights)[0]
        gradient = self.gradient()
        steps = 0
        while steps < max_steps:
            if self.measured is None or steps - self.measured >= REFRESH:
                self.measure()
                self.measured = steps
            direction = self.aim(gradient)
            descent = float(np.vdot(gradient, direction))
            if -descent <= self.problem.tolerance * max(objective, LEAST):
                return Fit(self.weights, objective, steps, converged=True)
            memory.forward(direction, memory.slopes)
            step, found = self.search(direction, descent, objective)
            if step == 0.0:
                if self.pairs:
                    # what was remembered may lead astray; the gradient alone does not
                    self.pairs.clear()
                    memory.forward(self.weights, memory.scores)
                    objective = self.data_term() + self.pull(self.weights)[0]
                    gradient = self.gradient()
                    self.measured = None
                    continue
                # no step downhill helps at the precision of float32: the optimum as far as can be seen
                return Fit(self.weights, objective, steps, converged=bool(np.isfinite(objective)))
            objective = found
            steps += 1
            self.weights = self.weights + np.float32(step) * direction
            memory.scores += memory.slopes if step == 1.0 else np.float32(step) * memory.slopes
            before, gradient = gradient, self.gradient()
            self.remember(np.float32(step) * direction, gradient - before)
        return Fit(self.weights, objective, steps, converged=False)

    def measure(self) -> None:
        """Take the curvature at the weights, where the residual was just computed."""
        problem, memory = self.problem, self.memory
        if not all(isinstance(block, np.ndarray) for block in memory.vectors):
            if self.curvature is None:
                given = problem.scale if problem.bound is None else problem.bound @ problem.scale
                bound = 0.5 * memory.second_moment(given)[:, None] * np.sqrt(np.maximum(self._mass(), 1e-12))
                self.curvature = Diagonal(bound + self.penalty, problem.frozen)
            return
        self.curvature = Curvature(memory.vectors, self.doubt(), self.penalty, problem.frozen)

    def doubt(self) -> Floats:
        """``[n, C]`` ``p (1 - p)`` of the given rows with their weights, where the scores are.

        The residual of a row is its weight times ``p - y``, so that it knows p. A blended row counts for the rows it is
        made of as the bound of :class:`Problem` says, so this errs on the safe side.
        """
        problem, memory = self.problem, self.memory
        scale = np.maximum(problem.scale, np.float32(1e-30))
        if problem.blend is None or problem.bound is None:
            # written over the residual, which the next data term makes anew
            return _spread(memory.residual, scale)
        made = problem.blend @ memory.scores
        for rows in _blocks(made, memory.block):
            self._losses(made, rows)
        lines = np.arange(len(made))
        share = np.zeros(len(made), np.float32) if problem.share is None else problem.share
        made[lines, problem.target] += problem.scale * (1.0 - share)
        if problem.other is not None:
            made[lines, problem.other] += problem.scale * share
        spread: Floats = problem.bound @ _spread(made, scale)
        return spread

    def _mass(self) -> NDArray[np.float64]:
        """``[C]`` share of each class in the weighted rows."""
        mass = np.bincount(self.problem.target, self.problem.scale, self.problem.centre.shape[1])
        return np.asarray(mass, np.float64)

    def pull(self, weights: Floats) -> tuple[float, Floats]:
        """Value and gradient of the penalty."""
        away = weights - self.problem.centre
        force = self.penalty * away
        return 0.5 * float(np.vdot(force, away)), force

    def gradient(self) -> Floats:
        """Gradient of the objective, from the residual of the last :meth:`data_term`."""
        gradient = self.memory.backward() + self.pull(self.weights)[1]
        gradient[:, self.problem.frozen] = 0.0
        return self.hold(gradient)

    def hold(self, move: Floats) -> Floats:
        """Keep the sum of the biases, in place, if a frozen class has a bias to be compared with."""
        if self.held:
            move[0, self.moving] -= move[0, self.moving].mean()
        return move

    def precondition(self, gradient: Floats) -> Floats:
        """Gradient over curvature."""
        assert self.curvature is not None
        return self.hold(self.curvature.solve(gradient))

    def data_term(self, step: float | None = None) -> float:
        """Mean loss at ``scores + step * slopes``; its gradient with respect to the scores goes to the residual."""
        problem, memory = self.problem, self.memory
        value = 0.0
        for rows in _blocks(memory.residual, memory.block):
            self._move(rows, step)
            if problem.blend is None:
                value += self._losses(memory.residual, rows)
        if problem.blend is not None and problem.unblend is not None:
            made = problem.blend @ memory.residual
            value = sum(self._losses(made, rows) for rows in _blocks(made, memory.block))
            memory.residual[:] = problem.unblend @ made
        return value

    def _move(self, rows: slice, step: float | None) -> None:
        """Put the scores of some rows, moved by the step, where the residual will be."""
        out, scores, slopes = self.memory.residual, self.memory.scores[rows], self.memory.slopes[rows]
        if step is None:
            out[rows] = scores
        elif step == 1.0:
            np.add(scores, slopes, out=out[rows])
        else:
            np.multiply(slopes, np.float32(step), out=out[rows])
            out[rows] += scores

    def _losses(self, out: Floats, rows: slice) -> float:
        """Loss of some rows, whose scores are in `out`, which becomes the gradient."""
        problem = self.problem
        here, target, scale = out[rows], problem.target[rows], problem.scale[rows]
        if problem.share is None or problem.other is None:
            value, gradient = problem.loss.value_and_gradient(here, target, scale)
        else:
            share = problem.share[rows]
            value, gradient = problem.loss.value_and_gradient(here.copy(), target, scale * (1.0 - share))
            more, second = problem.loss.value_and_gradient(here, problem.other[rows], scale * share)
            value += more
            gradient = np.add(gradient, second, out=here)
        if gradient is not here:
            here[:] = gradient
        return value

    def search(self, direction: Floats, descent: float, objective: float) -> tuple[float, float]:
        """Armijo backtracking; scores are linear in the step, so no product is needed. Step (0: none) and objective."""
        step = min(1.0, 2.5 * self.last_step)
        for _ in range(30):
            value = self.data_term(step) + self.pull(self.weights + np.float32(step) * direction)[0]
            if value <= objective + 1e-4 * step * descent + 1e-7 * abs(objective):
                self.last_step = step
                return step, value
            step *= 0.4
        return 0.0, objective

    def aim(self, gradient: Floats) -> Floats:
        """Direction by the L-BFGS two-loop recursion (Nocedal & Wright, algorithm 7.4 and formula 7.20)."""
        direction = gradient.copy()
        factors = []
        for s, y, inverse in reversed(self.pairs):
            factor = inverse * float(np.vdot(s, direction))
            factors.append(factor)
            direction -= np.float32(factor) * y
        direction = self.precondition(direction)
        if self.pairs:
            _, y, inverse = self.pairs[-1]
            curvature = inverse * float(np.vdot(y, self.precondition(y)))
            if curvature > 0.0:  # changes of gradients so small that their squares vanish say nothing of the length
                direction *= np.float32(np.clip(1.0 / curvature, 1e-3, 1e3))
        for (s, y, inverse), factor in zip(self.pairs, reversed(factors), strict=True):
            direction += np.float32(factor - inverse * float(np.vdot(y, direction))) * s
        if float(np.vdot(direction, gradient)) <= 0.0:
            self.pairs.clear()
            direction = self.precondition(gradient)
        return np.negative(direction, out=direction)

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
    memory = Memory(vectors, problems[0].centre.shape[1])
    fits = []
    for problem in problems:
        started = time.process_time()
        fit = problem.descent(memory).run(max_steps)
        fits.append(replace(fit, seconds=time.process_time() - started))
    return fits


def _blocks(rows: Floats, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, len(rows), size)]


def _spread(probability: Floats, scale: Floats) -> Floats:
    """``p (1 - p)`` times the weight, in place, from ``p`` times the weight or from ``p - y`` times the weight."""
    p = np.abs(probability, out=probability)
    p /= scale[:, None]
    np.minimum(p, 1.0, out=p)
    for rows in _blocks(p, 4096):
        p[rows] *= 1.0 - p[rows]
    p *= scale[:, None]
    return p

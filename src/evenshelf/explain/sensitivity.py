"""What a linear head would score without a training row: by the curvature of its objective, to first order.

At the optimum of ``sum_i s_i loss(x_i W, y_i) + penalty/2 |W - centre|^2`` the weights move by ``H^-1 s_i dloss_i`` as
row i loses its weight, where H is the Hessian of all of it. What a quantity ``<T, W>`` loses is therefore ``-<H^-1 T,
s_i dloss_i>``: one system of equations for all rows, solved by conjugate gradients. A product with H takes two products
with the rows, as it is ``s_i (diag(p_i) - p_i p_i')`` in the scores of a row; the penalty adds its strength.

References
----------
Koh, Liang: Understanding black-box predictions via influence functions, ICML 2017.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.explain.refit import Refit
from evenshelf.learners.bags import bag_rows
from evenshelf.learners.curvature import Curvature
from evenshelf.learners.paths import Head
from evenshelf.learners.solver import Memory, Problem
from evenshelf.learners.training import make_problem, training_part
from evenshelf.remedies import Rows
from evenshelf.remedies.losses import CrossEntropy, MarginCrossEntropy, OffsetCrossEntropy, WeightedCrossEntropy

KNOWN = (CrossEntropy, WeightedCrossEntropy, OffsetCrossEntropy, MarginCrossEntropy)
"""Losses whose curvature is that of a softmax."""
TOLERANCE, STEPS = 1e-5, 400
_INSTEAD = "Ask what examples add instead: --examples representer."
CHUNK = 8192
"""Rows that are looked at in double precision at once."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Influences:
    """What a quantity would lose without each row.

    Attributes
    ----------
    value
        ``[n]`` the quantity as it is, less what it would be without the row, to first order.
    error
        Length of what the equations miss, over that of their right side.
    """

    value: Floats
    error: float


class Sensitivity:
    """A head at its optimum, ready to be asked what rows do to it.

    Parameters
    ----------
    rows
        Blocks ``[n_b, d + 1]`` of given rows, dense: a column of ones first.
    problem
        The fit.
    weights
        ``[d + 1, C]`` where it has its optimum.

    Raises
    ------
    SettingError
        If its loss is no cross entropy, or it is fitted on rows that are made of several given ones.
    """

    def __init__(self, rows: Sequence[NDArray[np.float32]], problem: Problem, weights: NDArray[np.float32]) -> None:
        if type(problem.loss) not in KNOWN:
            raise SettingError(
                f"The loss {type(problem.loss).__name__} is no cross entropy, whose curvature influence is told by.",
                hint=_INSTEAD,
            )
        if problem.blend is not None:
            raise SettingError(
                "The head was fitted on rows between examples, so without one of these there would be others.",
                hint=_INSTEAD,
            )
        self.rows, self.problem = rows, problem
        self.moving = ~problem.frozen
        memory = Memory(rows, weights.shape[1])
        descent = problem.descent(memory)
        memory.forward(weights, memory.scores)
        descent.data_term()
        self._slopes = memory.residual.copy()
        self._slopes[:, problem.frozen] = 0.0
        self._scale = problem.scale.astype(np.float64)
        self._chances = memory.residual / np.maximum(problem.scale, np.float32(1e-30))[:, None]
        self._chances[np.arange(len(problem.target)), problem.target] += 1.0
        np.clip(self._chances, 0.0, 1.0, out=self._chances)
        self._penalty = np.full((weights.shape[0], 1), problem.penalty)
        self._penalty[0] = 0.0
        doubt = self._chances * (1.0 - self._chances) * problem.scale[:, None]
        self._curvature = Curvature(rows, doubt.astype(np.float32), self._penalty.astype(np.float32), problem.frozen)

    def of(self, quantity: Floats) -> Influences:
        """What ``<quantity, weights>`` loses without each row, for a quantity ``[d + 1, C]``."""
        solved, error = self._solve(self._free(quantity))
        value = np.empty(len(self._scale))
        for block, own in self._chunks():
            value[own] = -np.einsum("nc,nc->n", block @ solved, self._slopes[own].astype(np.float64))
        return Influences(value, error)

    def _chunks(self) -> Iterator[tuple[Floats, slice]]:
        at = 0
        for block in self.rows:
            for low in range(0, len(block), CHUNK):
                part = np.asarray(block[low : low + CHUNK], np.float64)
                yield part, slice(at, at + len(part))
                at += len(part)

    def _free(self, move: Floats) -> Floats:
        """The part of a move that a fit is free to make: frozen classes stay, and so does the sum of the biases."""
        free = np.where(self.moving, move, 0.0)
        free[0, self.moving] -= free[0, self.moving].mean()
        return free

    def _curved(self, move: Floats) -> Floats:
        """The Hessian times a move."""
        total = self._penalty * move
        for block, own in self._chunks():
            chances = self._chances[own].astype(np.float64)
            slopes = chances * (block @ move)
            slopes -= chances * slopes.sum(axis=1, keepdims=True)
            total += block.T @ (self._scale[own, None] * slopes)
        return self._free(total)

    def _nearly_solved(self, left: Floats) -> Floats:
        """The inverse of the curvature of each class by itself, times what is left."""
        return self._free(self._curvature.solve(left.astype(np.float32)).astype(np.float64))

    def _solve(self, right: Floats) -> tuple[Floats, float]:
        """Conjugate gradients, preconditioned class by class (Nocedal & Wright, algorithm 5.3)."""
        length = float(np.linalg.norm(right))
        solved, left = np.zeros_like(right), right.copy()
        if not length:
            return solved, 0.0
        guess = self._nearly_solved(left)
        step, gain = guess.copy(), float(np.vdot(left, guess))
        for _ in range(STEPS):
            if np.linalg.norm(left) <= TOLERANCE * length:
                break
            curved = self._curved(step)
            size = gain / float(np.vdot(step, curved))
            solved += size * step
            left -= size * curved
            guess = self._nearly_solved(left)
            before, gain = gain, float(np.vdot(left, guess))
            step = guess + (gain / before) * step
        return solved, float(np.linalg.norm(left)) / length


def sensitivity_of(refit: Refit, head: Head) -> Sensitivity:
    """The head of a bundle, followed to its optimum, ready to be asked.

    Raises
    ------
    SettingError
        If its loss is no cross entropy, or its remedy makes rows of several examples, or trains several heads.
    """
    training = refit.training
    bags = bag_rows(refit.remedy, training, np.random.default_rng(refit.seed))
    if len(bags) > 1:
        raise SettingError(
            f"{refit.remedy} trains {len(bags)} heads on draws of their own, so there is no single fit to be asked.",
            hint=_INSTEAD,
        )
    (rows,) = bags
    if isinstance(rows, Rows) and rows.made is not None:
        raise SettingError(
            f"{refit.remedy} makes rows of its own, which would be others without an example.", hint=_INSTEAD
        )
    problem = make_problem(training_part(refit.remedy), refit.penalty, training, rows)
    return Sensitivity(training.blocks, problem, head.fit.weights)

"""What each training example adds to the scores of a linear head: the representer theorem at the optimum of its fit.

A head that minimises ``sum_i s_i loss(x_i W, y_i) + penalty/2 |W - centre|^2`` has, where the gradient is zero, ``W =
centre + sum_i x_i a_i`` with ``a_i = -s_i dloss_i / penalty``: a score is what the centre says, the bias, and one term
for each example. What is left of the gradient is kept, so that the terms sum to the score wherever the fit has ended.

References
----------
Yeh, Kim, Yen, Ravikumar: Representer point selection for explaining deep neural networks, NeurIPS 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from evenshelf.explain.refit import Refit
from evenshelf.learners.bags import bag_rows
from evenshelf.learners.paths import Head
from evenshelf.learners.solver import Memory
from evenshelf.learners.training import Training, make_problem, training_part
from evenshelf.remedies import Rows, SetRows

TOLERANCE, STEPS = 1e-10, 500
CHUNK = 8192
"""Rows that are looked at in double precision at once."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Represented:
    """A head at its optimum as a sum over its training rows.

    Attributes
    ----------
    head
        At the optimum, as near as float32 comes to it.
    alpha
        ``[n, C]`` what a row adds to each score for a product of 1 with the vector that is scored.
    centre
        ``[d, C]`` what the weights shrink to.
    left
        ``[d, C]`` what of the weights neither centre nor rows explain: the gradient that is left, over the penalty.
    made
        ``[d, C]`` weights that come of vectors which the remedy made itself, and which are no examples.
    """

    head: Head
    alpha: Floats
    centre: Floats
    left: Floats
    made: Floats


def represented(refit: Refit) -> Represented:
    """Follow the fit of a head to its optimum and take it apart.

    Under a remedy that trains several heads, what each adds is averaged as their scores are.
    """
    training, remedy = refit.training, refit.remedy
    found = [_one(refit, training, rows) for rows in bag_rows(remedy, training, np.random.default_rng(refit.seed))]
    if len(found) == 1:
        return found[0]
    count = len(found)
    parts = {
        name: reduce(np.add, (getattr(one, name) for one in found)) / count
        for name in ("alpha", "centre", "left", "made")
    }
    weights = np.mean([one.head.fit.weights for one in found], axis=0).astype(np.float32)
    first = found[0].head
    return Represented(replace(first, fit=replace(first.fit, weights=weights)), **parts)


def _one(refit: Refit, training: Training, rows: Rows | SetRows | None) -> Represented:
    seen = training.extended(rows)
    part = training_part(refit.remedy)
    problem = make_problem(part, refit.penalty, seen, rows)
    problem.tolerance, problem.start = TOLERANCE, refit.head.fit.weights
    memory = Memory(seen.blocks, problem.centre.shape[1])
    descent = problem.descent(memory)
    fit = descent.run(STEPS)
    memory.forward(fit.weights, memory.scores)
    descent.data_term()
    alpha = memory.residual.astype(np.float64) / -problem.penalty
    alpha[:, problem.frozen] = 0.0
    given, count = len(training.target), len(training.blocks)
    of_given = _spanned(seen.blocks[:count], alpha[:given])
    made = _spanned(seen.blocks[count:], alpha[given:])
    centre = problem.centre[1:].astype(np.float64)
    left = fit.weights[1:].astype(np.float64) - centre - of_given - made
    return Represented(Head(part, training.prior, fit), alpha[:given], centre, left, made)


def _spanned(blocks: Sequence[NDArray[np.float32]], alpha: Floats) -> Floats:
    """``[d, C]`` weights that rows of blocks ``[n_b, d + 1]`` span with their ``[n, C]`` alphas."""
    width = blocks[0].shape[1] - 1 if len(blocks) else 0
    total = np.zeros((width, alpha.shape[1])) if width else np.zeros((1, 1))
    at = 0
    for block in blocks:
        for low in range(0, len(block), CHUNK):
            part = block[low : low + CHUNK, 1:].astype(np.float64)
            total += part.T @ alpha[at : at + len(part)]
            at += len(part)
    return total

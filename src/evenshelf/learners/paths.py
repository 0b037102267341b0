"""Linear heads fitted along paths of penalties, those of many remedies together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.solver import ABSENT, Fit, Problem, fit_together
from evenshelf.learners.training import Training, make_problem
from evenshelf.remedies import Prior, Remedy, Rows, SetRows

Floats = NDArray[np.float32]
Block: TypeAlias = Any  # float32 matrix, dense (ndarray) or sparse (csr_array)

STRONGEST, WEAKEST = -3.5, -7.0
"""Powers of ten of the penalties searched. For N rows, scikit-learn's C is ``1 / (penalty * N)``."""


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


def fit_path(
    training: Training,
    tasks: Sequence[tuple[Remedy, Rows | SetRows | None, Sequence[float | None]]],
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
    seen = [training.extended(rows) for _, rows, _ in tasks]
    for level in range(max(len(penalties) for _, _, penalties in tasks)):
        here = [i for i, (_, _, penalties) in enumerate(tasks) if level < len(penalties)]
        problems = []
        for i in here:
            remedy, rows, penalties = tasks[i]
            problem = make_problem(remedy, penalties[level], seen[i], rows)
            last = level == len(penalties) - 1
            problem.tolerance = tolerance if last or approach is None else approach
            if not level and starts is not None and (start := starts[i]) is not None:
                problem.start = problem.centre.copy()
                # a class may have had no example where the start was fitted; one without any here keeps its centre
                known = (start[0] > 0.5 * ABSENT) & ~problem.frozen
                problem.start[: len(start), known] = start[:, known]
            if (first := problem.loss.warm_up()) is not None:
                lead = replace(problem, loss=first, start=warm[i].weights if i in warm else problem.start)
                warm[i] = fit_together(seen[i].blocks, [lead], max_steps=max_steps)[0]
                problem.start = warm[i].weights
            elif level:
                problem.start = _extrapolate([h.fit.weights for h in found[i][-2:]], penalties[: level + 1])
            problems.append(problem)
        fits = _fit_where_they_are_seen(training, [seen[i] for i in here], problems, max_steps)
        for i, fit in zip(here, fits, strict=True):
            if i in warm:
                fit = replace(fit, steps=warm[i].steps + fit.steps, seconds=warm[i].seconds + fit.seconds)  # noqa: PLW2901
            found[i].append(Head(tasks[i][0], training.prior, fit))
    return found


def _fit_where_they_are_seen(
    training: Training, seen: Sequence[Training], problems: Sequence[Problem], max_steps: int
) -> list[Fit]:
    """Fit heads over the same rows together, and each that sees vectors of its own by itself."""
    shared = iter(
        fit_together(training.blocks, plain, max_steps=max_steps)
        if (plain := [p for p, rows in zip(problems, seen, strict=True) if rows is training])
        else []
    )
    return [
        next(shared) if rows is training else fit_together(rows.blocks, [problem], max_steps=max_steps)[0]
        for problem, rows in zip(problems, seen, strict=True)
    ]


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

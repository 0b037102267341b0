"""Heads of remedies that train several, each on a sample of its own, and average their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.paths import Head, fit_path
from evenshelf.learners.solver import Fit
from evenshelf.learners.training import Training, training_rows
from evenshelf.remedies import Remedy, Rows, SetRows

Floats = NDArray[np.float32]

FEW = 0.7
"""Part of the rows below which a sample is laid out by itself, to be fitted at the cost of its own rows alone."""


def bag_rows(remedy: Remedy, training: Training, rng: np.random.Generator) -> list[Rows | SetRows | None]:
    """The rows of each head that the remedy trains; see :func:`~evenshelf.learners.training.training_rows`."""
    generators = [rng] if remedy.bags == 1 else rng.spawn(remedy.bags)
    return [training_rows(remedy, training, own) for own in generators]


def fit_bags(
    training: Training,
    tasks: Sequence[tuple[Remedy, Sequence[Rows | SetRows | None], Sequence[float | None]]],
    *,
    tolerance: float,
    approach: float | None = None,
    starts: Sequence[Floats | None] | None = None,
    max_steps: int = 200,
) -> list[list[Head]]:
    """Fit as :func:`~evenshelf.learners.paths.fit_path` does, where a remedy may have the rows of several bags.

    Scores of linear heads are averaged by averaging their weights, so what is returned is one head, which costs in use
    what any other does. Its adjustments see the mean weights.

    Parameters
    ----------
    tasks
        Remedy, rows of each bag (:func:`bag_rows`) and penalties.
    tolerance, approach, starts, max_steps
        As of ``fit_path``; the heads of all bags start from the same weights.
    """
    begin = [None] * len(tasks) if starts is None else starts
    single = [i for i, (_, bags, _) in enumerate(tasks) if len(bags) == 1]
    plain = [(tasks[i][0], tasks[i][1][0], tasks[i][2]) for i in single]
    found: dict[int, list[Head]] = {}
    if plain:
        fitted = fit_path(
            training,
            plain,
            tolerance=tolerance,
            approach=approach,
            starts=[begin[i] for i in single],
            max_steps=max_steps,
        )
        found = dict(zip(single, fitted, strict=True))
    for i, (remedy, bags, penalties) in enumerate(tasks):
        if i in found:
            continue
        paths = []
        for bag in bags:
            sample, rows = _laid_out(training, bag)
            paths += fit_path(
                sample,
                [(remedy, rows, penalties)],
                tolerance=tolerance,
                approach=approach,
                starts=[begin[i]],
                max_steps=max_steps,
            )
        found[i] = [_mean(heads) for heads in zip(*paths, strict=True)]
    return [found[i] for i in range(len(tasks))]


def _mean(heads: Sequence[Head]) -> Head:
    """One head whose scores, before adjustments, are the mean of those of several."""
    fits = [head.fit for head in heads]
    weights = np.stack([fit.weights for fit in fits]).mean(axis=0, dtype=np.float64).astype(np.float32)
    fit = Fit(
        weights,
        objective=float(np.mean([fit.objective for fit in fits])),
        steps=sum(fit.steps for fit in fits),
        converged=all(fit.converged for fit in fits),
        seconds=sum(fit.seconds for fit in fits),
    )
    return replace(heads[0], fit=fit)


def _laid_out(training: Training, rows: Rows | SetRows | None) -> tuple[Training, Rows | SetRows | None]:
    """Only the given rows that a sample uses, and the sample in terms of them; as it was if it uses most of them."""
    if not isinstance(rows, Rows) or rows.made is not None:
        return training, rows
    used = np.union1d(rows.first, rows.second)
    if len(used) > FEW * len(training.target):
        return training, rows
    bounds = np.cumsum([0, *(block.shape[0] for block in training.blocks)])
    cuts = np.searchsorted(used, bounds)
    blocks = [
        block[used[low:high] - start]
        for block, start, low, high in zip(training.blocks, bounds, cuts, cuts[1:], strict=False)
        if low < high
    ]
    target, count = training.target[used], training.count[used]
    sample = replace(training, blocks=blocks, target=target, count=count, whole=training)
    first, second = (np.searchsorted(used, part) for part in (rows.first, rows.second))
    return sample, replace(rows, first=first, second=second)

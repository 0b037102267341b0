"""A model of the reward for off-policy evaluation: what an action earns in a context, by rows that are not its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from evenshelf.errors import InputError
from evenshelf.experiments.off_policy import Floats, Logged


def modelled(
    log: Logged,
    action: ArrayLike,
    policy: ArrayLike,
    *,
    context: ArrayLike | None = None,
    folds: int = 3,
    penalty: float = 1.0,
    seed: int = 0,
) -> Logged:
    """A log with a model of its reward: a logistic regression on action and context, cross-fitted.

    Rows are predicted by a model that saw no row of their cluster (Chernozhukov et al. 2018), so that what it learned
    by heart does not count. The penalty draws actions that were shown seldom to the mean of all.

    Parameters
    ----------
    log
        The log; its rewards must be 0 or 1.
    action
        ``[n]`` number of what was shown, from 0.
    policy
        Probabilities with which the other policy shows each action: ``[A]``, or ``[n, A]`` where it depends on the
        context.
    context
        ``[n, d]`` what was known when it was shown, such as the position; None for nothing.
    folds
        Parts of the clusters, each predicted by the others.
    penalty
        Of squares of the coefficients.
    seed
        Of the parts.

    Raises
    ------
    InputError
        If rewards are not 0 or 1, or shapes do not fit.
    """
    actions, chances = np.asarray(action, dtype=np.intp), np.asarray(policy, dtype=float)
    rows, size = len(log.reward), chances.shape[-1]
    known = np.zeros((rows, 0)) if context is None else np.asarray(context, dtype=float).reshape(rows, -1)
    faults = []
    if not np.isin(log.reward, (0, 1)).all():
        faults.append("rewards must be 0 or 1")
    if actions.shape != (rows,) or (rows and not 0 <= actions.min() <= actions.max() < size):
        faults.append(f"actions must be {rows} numbers from 0 to {size - 1}")
    if chances.shape not in ((size,), (rows, size)) or not np.allclose(chances.sum(axis=-1), 1, atol=1e-6):
        faults.append("the policy must have probabilities that add up to 1 over the actions")
    if faults:
        raise InputError("The reward cannot be modelled: " + "; ".join(faults) + ".")
    features = sparse.hstack(
        [sparse.csr_matrix((np.ones(rows), (np.arange(rows), actions)), (rows, size)), sparse.csr_matrix(known)]
    ).tocsr()
    part = np.random.default_rng(seed).integers(folds, size=int(log.cluster.max()) + 1)[log.cluster]
    predicted, expected = np.zeros(rows), np.zeros(rows)
    for fold in range(folds):
        own = np.flatnonzero(part == fold)
        bias, slope = _fitted(features[part != fold], log.reward[part != fold], penalty)
        of_context = bias + known[own] @ slope[size:]
        predicted[own] = expit(of_context + slope[actions[own]])
        of_policy = chances if chances.ndim == 1 else chances[own]
        expected[own] = (expit(of_context[:, None] + slope[None, :size]) * of_policy).sum(axis=1)
    return replace(log, predicted=predicted, expected=expected)


def _fitted(features: sparse.csr_matrix, reward: Floats, penalty: float) -> tuple[float, NDArray[np.float64]]:
    """Intercept and coefficients; without both kinds of rewards the rate of all, which has no slope."""
    if not 0 < reward.mean() < 1:
        odds = (reward.sum() + 0.5) / (len(reward) - reward.sum() + 0.5)
        return float(np.log(odds)), np.zeros(features.shape[1])
    model = LogisticRegression(C=1 / penalty, max_iter=1000).fit(features, reward)
    return float(model.intercept_[0]), np.asarray(model.coef_[0], dtype=float)

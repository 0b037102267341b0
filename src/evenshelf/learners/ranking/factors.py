"""Users and items as short vectors whose product is a score."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import MissingExtraError
from evenshelf.learners.ranking.base import Floats, log_scores
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True, eq=False)
class Factors:
    """Items as vectors, and how a history becomes one.

    Attributes
    ----------
    items
        ``[I, f]`` float32.
    solver
        ``[f, f]`` float32; see :func:`folded_in`.
    confidence
        How much more a step says than one that was not taken.
    popularity
        ``[I]``; see :func:`popularity_of`.
    decay
        What a step says is multiplied by this for each step that it is back.
    """

    items: Floats
    solver: Floats
    confidence: float
    popularity: NDArray[np.float64]
    decay: float

    @property
    def bytes(self) -> int:
        """Of the vectors and the solver."""
        return int(self.items.nbytes + self.solver.nbytes)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.learners.ranking.base.Ranker.scores`."""
        users = folded_in(histories.weights(self.decay), self.items, self.solver, self.confidence)
        return log_scores(users @ self.items.T, self.popularity)


def solver_of(items: Floats, penalty: float) -> Floats:
    """``[f, f]`` ``(Y'Y + penalty)^-1``, what is the same for all users."""
    gram = items.T.astype(np.float64) @ items + penalty * np.eye(items.shape[1])
    return np.linalg.inv(gram).astype(np.float32)


def folded_in(weights: csr_array, items: Floats, solver: Floats, confidence: float) -> Floats:
    """``[U, f]`` vectors of users by their histories, each the optimum of implicit ALS for given items.

    It minimises ``sum_i c[i] (p[i] - x'y[i])^2 + penalty |x|^2`` with ``p = 1``, ``c = 1 + confidence w`` for what was
    taken and ``p = 0``, ``c = 1`` else (Hu, Koren & Volinsky, ICDM 2008), by a system in the steps of the user, which
    are fewer than the factors (Woodbury).

    Parameters
    ----------
    weights
        ``[U, I]`` ``w``, > 0 for what was taken.
    items
        ``[I, f]``.
    solver
        Of :func:`solver_of`.
    confidence
        > 0.
    """
    found = np.zeros((weights.shape[0], items.shape[1]), np.float32)
    for user in range(len(found)):
        steps = slice(weights.indptr[user], weights.indptr[user + 1])
        taken, extra = items[weights.indices[steps]], confidence * weights.data[steps]
        if len(taken):
            solved = taken @ solver
            system = np.eye(len(taken), dtype=np.float32) + extra[:, None] * (solved @ taken.T)
            found[user] = np.linalg.solve(system, 1.0 + extra) @ solved
    return found


def implicit_module(name: str, feature: str) -> ModuleType:
    """A module of the package implicit, which is optional.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return import_module(f"implicit.cpu.{name}")
    except ImportError as error:
        raise MissingExtraError("implicit", "train", feature) from error

"""Users and items as short vectors whose product is a score; a user's is made of the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.rankers.base import Codes, Floats, log_scores
from evenshelf.rankers.grounds import Grounds
from evenshelf.rankers.packing import Arrays, Unpacked
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
        ``[I]`` > 0, how often each was taken.
    decay
        What a step says is multiplied by this for each basket that it is back.
    """

    items: Floats
    solver: Floats
    confidence: float
    popularity: NDArray[np.float64]
    decay: float

    kind: ClassVar[str] = "factors"

    @property
    def bytes(self) -> int:
        """Of the vectors and the solver."""
        return int(self.items.nbytes + self.solver.nbytes)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`."""
        users = folded_in(histories.weights(self.decay), self.items, self.solver, self.confidence)
        return log_scores(users @ self.items.T, self.popularity)

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """See :meth:`evenshelf.rankers.kinds.Kept.grounds`, as the paper explains its recommendations.

        The score is the logarithm of the product of a user and an item, which is a sum over the history.
        """
        weights = histories.weights(self.decay)
        taken = weights.indices.astype(np.int64)
        if not len(taken):
            return Grounds.of(taken, np.empty((len(items), 0)), np.zeros(len(items)), source=self.kind)
        solved, worth = _solved(self.items[taken], self.confidence * weights.data, self.solver)
        parts = ((worth[:, None] * solved) @ self.items[items].T).T
        return Grounds.of(taken, parts, parts.sum(axis=1, dtype=np.float64), source=self.kind)

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """See :meth:`evenshelf.rankers.kinds.Kept.packed`."""
        arrays: Arrays = {"items": self.items, "solver": self.solver, "popularity": self.popularity}
        return {"confidence": self.confidence, "decay": self.decay}, arrays

    @classmethod
    def unpacked(cls, held: Unpacked) -> Factors:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        items = held.array("items", held.items, None)
        solver = held.array("solver", items.shape[1], items.shape[1])
        popularity = held.positive("popularity")
        return cls(items, solver, held.number("confidence", 0.0), popularity, held.number("decay", 0.0, 1.0))


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
        ``[f, f]`` ``(Y'Y + penalty)^-1``, what is the same for all users.
    confidence
        > 0.
    """
    found = np.zeros((weights.shape[0], items.shape[1]), np.float32)
    for user in range(len(found)):
        steps = slice(weights.indptr[user], weights.indptr[user + 1])
        taken, extra = items[weights.indices[steps]], confidence * weights.data[steps]
        if len(taken):
            solved, worth = _solved(taken, extra, solver)
            found[user] = worth @ solved
    return found


def _solved(taken: Floats, extra: NDArray[np.floating], solver: Floats) -> tuple[Floats, NDArray[np.floating]]:
    """``[n, f]`` and ``[n]``, whose product is the vector of a user: each step with what it is worth."""
    solved = taken @ solver
    system = np.eye(len(taken), dtype=np.float32) + extra[:, None] * (solved @ taken.T)
    return solved, np.linalg.solve(system, 1.0 + extra)


@dataclass(frozen=True, eq=False)
class Ordered:
    """Items as vectors with an intercept, and how a history becomes a vector of a user.

    Attributes
    ----------
    items
        ``[I, f]`` float32, the last column the intercepts.
    fold
        ``[f, f]`` from the mean vector of a history to that of its user.
    decay
        What a step says is multiplied by this for each basket that it is back.
    """

    items: Floats
    fold: Floats
    decay: float

    kind: ClassVar[str] = "ordered"

    @property
    def bytes(self) -> int:
        """Of the vectors."""
        return int(self.items.nbytes + self.fold.nbytes)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`: differences are log odds of two items."""
        users = mean_vectors(histories.weights(self.decay), self.items) @ self.fold
        users[:, -1] = 1.0
        return np.asarray(users @ self.items.T, np.float32)

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """See :meth:`evenshelf.rankers.kinds.Kept.grounds`: the rest is what everybody would be shown."""
        weights = histories.weights(self.decay)
        shown, fold = self.items[items].astype(np.float64), self.fold.astype(np.float64)
        share = weights.data / max(float(weights.data.sum()), 1e-9)
        # the last column of a mean is one, and the last of a user is one: neither comes from the history
        steps = (share[:, None] * self.items[weights.indices][:, :-1]) @ fold[:-1, :-1]
        parts = (steps @ shown[:, :-1].T).T
        rest = shown[:, :-1] @ fold[-1, :-1] + shown[:, -1]
        taken = weights.indices.astype(np.int64)
        return Grounds.of(taken, parts, parts.sum(axis=1) + rest, source=self.kind, rest=rest)

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """See :meth:`evenshelf.rankers.kinds.Kept.packed`."""
        return {"decay": self.decay}, {"items": self.items, "fold": self.fold}

    @classmethod
    def unpacked(cls, held: Unpacked) -> Ordered:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        items = held.array("items", held.items, None)
        return cls(items, held.array("fold", items.shape[1], items.shape[1]), held.number("decay", 0.0, 1.0))


def mean_vectors(weights: csr_array, items: Floats) -> Floats:
    """``[U, f]`` mean of the vectors of a history, 0 of an empty one; its last column, of intercepts, is one."""
    sums = np.asarray(weights.sum(axis=1)).ravel()
    found = np.asarray(weights @ items / np.maximum(sums, 1e-9)[:, None], np.float32)
    found[:, -1] = 1.0
    return found

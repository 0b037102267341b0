"""EASE: every item's histories as a linear function of all other items, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_array, diags_array

from evenshelf.errors import SettingError
from evenshelf.learners.ranking.base import Evidence, popularity_of
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.rankers.base import Floats
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import Remedy
from evenshelf.tasks.histories import Histories

BYTES = 4
"""Of a float: one matrix is held, in which everything is done."""
BAND = 1024
"""Lines of the matrix that are mirrored at once."""


def fit_ease(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Neighbourhoods:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

    Weights of examples have no stage here: a column is a regression of its own, which a factor does not change.

    Raises
    ------
    SettingError
        If the ``[I, I]`` matrix does not fit in the memory that is free.
    """
    del remedy, seed
    histories = evidence.histories
    check_memory(len(histories.items))
    matrix = item_weights(histories, penalty=setting["penalty"], user_weight=setting["user_weight"])
    return Neighbourhoods(matrix, popularity_of(evidence), setting["decay"])


def check_memory(items: int) -> None:
    """Refuse what cannot be held.

    Raises
    ------
    SettingError
        If ``items ** 2`` floats do not fit in the memory that is free.
    """
    needed, free = BYTES * items**2, free_bytes()
    if free is not None and needed > free:
        raise SettingError(
            f"EASE needs {needed:,} bytes for a matrix of {items:,} x {items:,} items, and {free:,} are free.",
            hint="Use item_knn or als, or leave out items that were taken once.",
        )


def free_bytes() -> int | None:
    """Memory that can be had without swapping, as Linux tells it; ``None`` where the system does not."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            told = dict(line.split(":", 1) for line in lines)
        return int(told["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return None


def item_weights(histories: Histories, *, penalty: float, user_weight: float = 0.0) -> Floats:
    """``[I, I]`` float32 ``-P / diag(P)``, ``P = (X'X + penalty)^-1``, and 0 in the diagonal (Steck, WWW 2019).

    All is done in one matrix: its Cholesky factor, from that the inverse, from that the weights.

    Parameters
    ----------
    histories
        To learn from.
    penalty
        > 0.
    user_weight
        Each user counts ``items ** -user_weight``.
    """
    took = histories.weights()
    took.data[:] = 1.0
    sizes = np.maximum(np.asarray(took.sum(axis=1)).ravel(), 1.0)
    gram = csr_array(took.T @ (diags_array((sizes**-user_weight).astype(np.float32)) @ took), dtype=np.float32)
    matrix = np.zeros(gram.shape, np.float32, order="F")
    gram.toarray(out=matrix)
    every = np.arange(len(matrix))
    matrix[every, every] += penalty
    factor, failed = lapack.spotrf(matrix, lower=1, clean=0, overwrite_a=1)
    if not failed:
        inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise SettingError(
            f"EASE cannot be solved in single precision with a penalty of {penalty}.", hint="Use a larger penalty."
        )
    _mirror(inverse)
    # it is symmetric: seen from the side its lines lie in one piece, as products with histories need them
    found: Floats = inverse.T
    found /= -found[every, every]
    found[every, every] = 0.0
    return found


def _mirror(matrix: Floats) -> None:
    """Copy what is below the diagonal to what is above it, in bands, so that no second matrix is held."""
    for start in range(0, len(matrix), BAND):
        band = slice(start, start + BAND)
        own = np.tril(matrix[band, band])
        matrix[band, band] = own + np.tril(own, -1).T
        matrix[band, start + BAND :] = matrix[start + BAND :, band].T


register(
    RankingLearner(
        name="ease",
        title="EASE",
        summary="All items speak for each one, by least squares in closed form; memory grows with items squared.",
        paper="Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019",
        fit=fit_ease,
        grid={"penalty": (200.0, 50.0, 500.0, 1000.0), "user_weight": (0.0, 0.5), "decay": (0.5, 0.8, 1.0)},
        cost=40.0,
    )
)

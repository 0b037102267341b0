"""What the learners of recommendation are held against: ALS of the package implicit, and figures as published."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from evenshelf.tasks.histories import Histories

PEER = "ALS of implicit"
PUBLISHED = (
    ("SASRec", 0.0605, 0.0318, "Kang & McAuley, ICDM 2018; as run by Zhou et al., S3-Rec, CIKM 2020"),
    ("TIGER", 0.0648, 0.0384, "Rajput et al., NeurIPS 2023"),
    ("ActionPiece", 0.0775, 0.0424, "Hou et al., ICML 2025"),
    ("RPG", 0.0809, 0.0464, "Hou et al., KDD 2025"),
)
"""Recall and NDCG at 10 on Amazon Beauty, leave-one-out, all items ranked; models that read the order of steps."""
SMALL, LARGE = 128, 384
CONFIDENCES, PENALTIES = (5.0, 20.0, 60.0, 200.0), (1.0, 10.0, 100.0)


class Als:
    """Alternating least squares, with users folded in by the package itself.

    Parameters
    ----------
    counted
        To fit on.
    factors, alpha, regularization
        Of the package; `alpha` is the confidence of what was taken, where that of all else is one.
    seed
        Of its start.
    """

    def __init__(self, counted: Histories, factors: int, alpha: float, regularization: float, seed: int) -> None:
        from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415 - the peer

        with threadpool_limits(1, "blas"):  # it has threads of its own, and asks for that
            self.model: Any = AlternatingLeastSquares(
                factors=min(factors, len(counted.items) - 1),
                alpha=alpha,
                regularization=regularization,
                iterations=15,
                random_state=seed,
            )
            self.model.fit(csr_matrix(counted.weights()), show_progress=False)

    @property
    def bytes(self) -> int:
        """Of the vectors of the items."""
        return int(self.model.item_factors.nbytes)

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """``[U, I]``."""
        seen = csr_matrix(histories.weights())
        with threadpool_limits(1, "blas"):
            users = self.model.recalculate_user(np.arange(seen.shape[0]), seen)
        return np.asarray(users @ self.model.item_factors.T, np.float32)


def tried() -> list[dict[str, Any]]:
    """Settings with few factors, from which that of many is chosen."""
    return [{"alpha": alpha, "regularization": penalty} for alpha in CONFIDENCES for penalty in PENALTIES]

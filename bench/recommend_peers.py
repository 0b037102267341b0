"""What the learners of recommendation are held against: ALS of implicit, LensKit, RecTools, and published figures."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from bench.outside_lists import Model, Peer
from bench.peer_lenskit import RECENT
from bench.peer_rectools import EPOCHS
from evenshelf.tasks.histories import Histories

PEER = "ALS of implicit"
PUBLISHED = (
    ("SASRec", 0.0605, 0.0318, "Kang & McAuley, ICDM 2018; as run by Zhou et al., S3-Rec, CIKM 2020"),
    ("TIGER", 0.0648, 0.0384, "Rajput et al., NeurIPS 2023"),
    ("ActionPiece", 0.0775, 0.0424, "Hou et al., ICML 2025"),
    ("RPG", 0.0809, 0.0464, "Hou et al., KDD 2025"),
)
"""Recall and NDCG at 10 on Amazon Beauty, leave-one-out, all items ranked; models that read the order of steps."""
FACTORS, CONFIDENCES, PENALTIES, DECAYS = (128, 384), (20.0, 60.0, 200.0), (10.0, 30.0, 100.0), (0.8, 1.0, 0.5)
"""What is tried of the peer, one after another: each pair of confidence and penalty, then factors, then decays."""

RECENTS = (0, 3)
SASREC = {"n_factors": 64, "n_heads": 2, "n_blocks": 2, "session_max_len": 20, "batch_size": 64, "lr": 0.002}
"""Of RecTools' transformer: its two blocks, as wide as in the papers, and as many steps as 19 of 20 users have."""
DROPOUTS = {0.2: (6, 8), 0.5: (12, 15, 18, 21)}
"""Epochs after which it is looked at, by dropout: it stops early, by the validation step; with more dropout, later."""
LENSKIT = Peer(
    "LensKit",
    "lenskit",
    (
        Model(
            "item_knn",
            "item kNN of LensKit",
            tuple({"max_nbrs": nbrs, RECENT: recent} for nbrs, recent in itertools.product((20, 100), RECENTS)),
        ),
        Model(
            "als",
            "ALS of LensKit",
            tuple(
                {"embedding_size": 128, "weight": weight, "regularization": penalty, RECENT: recent}
                for weight, penalty, recent in itertools.product((10.0, 40.0), (0.1, 10.0), RECENTS)
            ),
        ),
    ),
)
RECTOOLS = Peer(
    "RecTools",
    "rectools",
    (
        Model(
            "sasrec",
            "SASRec of RecTools",
            tuple({**SASREC, "dropout_rate": dropout, EPOCHS: n} for dropout, each in DROPOUTS.items() for n in each),
            directed=True,
        ),
    ),
)
OUTSIDE = (LENSKIT, RECTOOLS)
"""Peers in environments of their own."""


class Als:
    """Alternating least squares, with users folded in by the package itself.

    Parameters
    ----------
    counted
        To fit on.
    factors, alpha, regularization
        Of the package; `alpha` is the confidence of what was taken, where that of all else is one.
    decay
        What a step of a history says at the fold-in is multiplied by this for each step that it is back, as our own
        learners have it.
    seed
        Of its start.
    """

    def __init__(
        self, counted: Histories, *, factors: int, alpha: float, regularization: float, decay: float, seed: int
    ) -> None:
        from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415 - the peer

        self.alpha, self.decay = alpha, decay
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
        seen = csr_matrix(histories.weights(self.decay))
        # a confidence is alpha times the value, and must not fall below that of what was not taken, which is one
        seen.data = (1.0 + (self.alpha - 1.0) * seen.data) / self.alpha
        with threadpool_limits(1, "blas"):
            users = self.model.recalculate_user(np.arange(seen.shape[0]), seen)
        return np.asarray(users @ self.model.item_factors.T, np.float32)


def tried(step: int, best: dict[str, Any]) -> list[dict[str, Any]]:
    """Settings of a step of the search, of which there are :data:`STEPS`, from the best of the one before."""
    if step == 0:
        start = {"factors": FACTORS[-1], "decay": DECAYS[0]}
        return [{**start, "alpha": alpha, "regularization": p} for alpha in CONFIDENCES for p in PENALTIES]
    if step == 1:
        return [{**best, "factors": factors} for factors in FACTORS]
    return [{**best, "decay": decay} for decay in DECAYS]


STEPS = 3

"""Gradient boosted trees on the vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.baselines.fitting import BaselineFit, Ladder
from evenshelf.baselines.registry import Baseline, Reads, register
from evenshelf.learners import LearnerKind, Predict
from evenshelf.learners.log_scores import log_scores
from evenshelf.learners.real_rows import held_out

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class LightGbm(BaselineFit):
    """LightGBM with a softmax over the classes; the penalty is its ``lambda_l2``.

    Attributes
    ----------
    rounds, patience
        Trees a class at most, and after how many without a better loss on rows held out it ends.
    leaves, bins, columns, rate
        Leaves a tree, bins a column, share of the columns that a tree sees, learning rate.
    """

    rounds: int = 60
    patience: int = 5
    leaves: int = 8
    bins: int = 31
    columns: float = 0.1
    rate: float = 0.2

    library: ClassVar[str] = "lightgbm"
    usual: ClassVar[float] = 3.0

    def fit(
        self,
        vectors: Floats,
        target: Codes,
        groups: int,
        *,
        names: Floats | None,
        seed: int,
        penalty: float,
        group: Codes | None,
    ) -> Predict:
        """See :meth:`BaselineFit.fit`."""
        import lightgbm  # noqa: PLC0415 - optional

        present, code = np.unique(target, return_inverse=True)
        out = held_out(vectors, target, group, seed)
        parameters = {
            "objective": "multiclass",
            "num_class": len(present),
            "num_leaves": self.leaves,
            "max_bin": self.bins,
            "feature_fraction": self.columns if vectors.shape[1] >= 1 / self.columns else 1.0,
            "learning_rate": self.rate,
            "lambda_l2": penalty,
            "min_data_in_leaf": 2,
            "min_data_in_bin": 1,
            "min_sum_hessian_in_leaf": 1e-3,
            "num_threads": 1,  # the bits of a sum depend on how many threads make it
            "deterministic": True,
            "force_col_wise": True,
            "seed": seed % 2**31,
            "verbosity": -1,
        }
        given = lightgbm.Dataset(vectors[~out], code[~out], params=parameters)
        stop = [lightgbm.Dataset(vectors[out], code[out], reference=given)] if out.any() else []
        ending: list[Any] = [lightgbm.early_stopping(self.patience, verbose=False)] if stop else []
        trees = lightgbm.train(parameters, given, self.rounds, valid_sets=stop, callbacks=ending)
        return lambda new: log_scores(np.asarray(trees.predict(new, num_threads=1)), present, groups)


LIGHTGBM = register(
    Baseline(
        "lightgbm",
        "LightGBM",
        "Gradient boosted trees on the vectors: at most 60 trees of 8 leaves for each class, each on a tenth of the "
        "columns.",
        "Ke et al., NeurIPS 2017",
        Reads.VECTORS,
        LearnerKind(
            "lightgbm",
            "boosted trees",
            "-",
            (),
            LightGbm(),
            Ladder((10.0, 3.0, 1.0, 0.3)),
            "lambda_l2 = 3",
            grouped=True,
            norms=False,
            cost=60.0,
        ),
        package="lightgbm",
    )
)

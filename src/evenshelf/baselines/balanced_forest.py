"""A random forest whose trees see equally many rows of every class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.baselines.fitting import BaselineFit, Ladder, few_rows
from evenshelf.baselines.registry import Baseline, Reads, register
from evenshelf.learners import LearnerKind, Predict
from evenshelf.learners.log_scores import log_scores

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class BalancedForest(BaselineFit):
    """imbalanced-learn's ``BalancedRandomForestClassifier``; the penalty is the least number of rows in a leaf.

    Attributes
    ----------
    trees
        How many.
    """

    trees: int = 200

    library: ClassVar[str] = "imbalanced-learn"
    usual: ClassVar[float] = 1.0

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
        from imblearn.ensemble import BalancedRandomForestClassifier  # noqa: PLC0415 - optional

        forest = BalancedRandomForestClassifier(
            self.trees,
            min_samples_leaf=int(penalty),
            sampling_strategy="all",
            replacement=True,
            bootstrap=False,
            n_jobs=1,
            random_state=seed,
        )
        with few_rows():
            forest.fit(vectors, target)
        return lambda new: log_scores(forest.predict_proba(new), forest.classes_, groups)


BALANCED_FOREST = register(
    Baseline(
        "balanced_forest",
        "Balanced random forest",
        "Random forest on the vectors, each of its 200 trees on as many rows of every class as the rarest one has.",
        "Chen, Liaw & Breiman 2004; imbalanced-learn",
        Reads.VECTORS,
        LearnerKind(
            "balanced_forest",
            "balanced random forests",
            "-",
            (),
            BalancedForest(),
            Ladder((5.0, 3.0, 2.0, 1.0)),
            "leaves of one row",
            norms=False,
            cost=10.0,
        ),
        package="imblearn",
        one_label=True,
    )
)

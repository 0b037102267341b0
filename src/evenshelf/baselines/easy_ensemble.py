"""Boosted stumps, each ensemble of them on as many rows of every class as the rarest one has."""

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
class EasyEnsemble(BaselineFit):
    """imbalanced-learn's ``EasyEnsembleClassifier``; the penalty is the reciprocal of AdaBoost's learning rate.

    Attributes
    ----------
    ensembles, stumps
        So many boosted classifiers of so many stumps each.
    """

    ensembles: int = 10
    stumps: int = 50

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
        from imblearn.ensemble import EasyEnsembleClassifier  # noqa: PLC0415 - optional

        from evenshelf.baselines.boosted_stumps import BoostedStumps  # noqa: PLC0415 - slow to import

        boosted = BoostedStumps(n_estimators=self.stumps, learning_rate=1.0 / penalty)
        ensemble = EasyEnsembleClassifier(self.ensembles, boosted, n_jobs=1, random_state=seed)
        with few_rows():
            ensemble.fit(vectors, target)
        return lambda new: log_scores(ensemble.predict_proba(new), ensemble.classes_, groups)


EASY_ENSEMBLE = register(
    Baseline(
        "easy_ensemble",
        "EasyEnsemble",
        "Ten AdaBoost classifiers of 50 stumps on the vectors, each on as many rows of every class as the rarest has.",
        "Liu, Wu & Zhou, IEEE Trans. SMC-B 2009; imbalanced-learn",
        Reads.VECTORS,
        LearnerKind(
            "easy_ensemble",
            "easy ensembles",
            "-",
            (),
            EasyEnsemble(),
            Ladder((10.0, 4.0, 2.0, 1.0)),
            "a learning rate of 1",
            norms=False,
            cost=15.0,
        ),
        package="imblearn",
        one_label=True,
    )
)

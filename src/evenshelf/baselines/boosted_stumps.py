"""Boosted stumps that say nothing, instead of raising, of rows that no stump tells apart better than chance."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import AdaBoostClassifier

REFUSED = "worse than random"
"""What scikit-learn's error says where the first stump is wrong too often to be boosted."""


class BoostedStumps(AdaBoostClassifier):  # type: ignore[misc]
    """scikit-learn's ``AdaBoostClassifier``; without a stump that can be boosted, all classes are equally likely.

    Such are the rows of an easy ensemble where the only row of the rarest class equals one of another class.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """See ``AdaBoostClassifier.fit``."""
        try:
            super().fit(X, y, sample_weight)
        except ValueError as error:
            if REFUSED not in str(error):
                raise
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """See ``AdaBoostClassifier.predict_proba``."""
        if not self.estimators_:
            return np.full((len(X), self.n_classes_), 1.0 / self.n_classes_)
        return np.asarray(super().predict_proba(X))

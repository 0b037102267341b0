"""LambdaMART: boosted trees over all features, trained for NDCG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import MissingExtraError
from evenshelf.index.features import FEATURES
from evenshelf.learners.search.base import Evidence, ItemSide, Pool, learned_from
from evenshelf.learners.search.registry import SearchLearner, register
from evenshelf.learners.search.weighing import SHARPNESS
from evenshelf.remedies import Remedy, Stage

_USUAL = FEATURES.index("usual")
_LEVELS = 32
"""Levels of grades, at most; LightGBM takes whole ones."""
_SETTING = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "learning_rate": 0.05,
    "feature_fraction": 0.8,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


@dataclass(frozen=True, eq=False)
class Trees:
    """Boosted trees that add to the usual score.

    Attributes
    ----------
    model
        LightGBM's, as text.
    """

    model: str

    @property
    def bytes(self) -> int:
        """See :class:`evenshelf.learners.search.base.Scorer`."""
        return len(self.model)

    def scores(self, pool: Pool, items: ItemSide) -> NDArray[np.float64]:
        """See :meth:`evenshelf.learners.search.base.Scorer.scores`."""
        import lightgbm  # noqa: PLC0415 - optional

        usual = SHARPNESS * pool.column("usual").astype(np.float64)
        if not len(usual):
            return usual
        return usual + np.asarray(lightgbm.Booster(model_str=self.model).predict(pool.features), np.float64)


def fit_lambdamart(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Trees:
    """Boost from the usual score.

    Raises
    ------
    MissingExtraError
        If the package lightgbm is not installed.
    """
    try:
        import lightgbm  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingExtraError("lightgbm", "train", "The learner lambdamart") from error
    pairs = learned_from(evidence.pool, unjudged_weight=float(setting["unjudged"]))
    pool = pairs.pool
    label, gains = levels_of(pairs.grade)
    data = lightgbm.Dataset(
        pool.features,
        label,
        group=np.diff(pool.start),
        weight=pairs.weight * pool.count[pool.query],
        init_score=SHARPNESS * pool.column("usual").astype(np.float64),
    )
    parameters = {**_SETTING, "seed": seed, "label_gain": gains.tolist(), "num_leaves": setting["leaves"]}
    parameters["min_data_in_leaf"] = max(5, min(50, len(pool.item) // 100))
    model = lightgbm.train(parameters, data, int(setting["trees"]))
    return Trees(model.model_to_string())


def levels_of(grade: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """``[n]`` the level of each grade, and ``[L]`` what each level gains, rising; L is at most 32.

    Each grade is a level, where there are few. Where there are many, as rates of clicks are, 0 stays a level of its
    own, and each of the others holds about as many of the different grades, whose mean it gains: levels of equal width
    would put nearly all into one, as most rates are small and a few large.
    """
    values, label = np.unique(grade, return_inverse=True)
    gains = values.astype(np.float64)
    if len(values) > _LEVELS:
        above = values > 0
        place = np.cumsum(above) - 1
        level = np.where(above, 1 + place * (_LEVELS - 1) // max(int(above.sum()), 1), 0)
        label = level[label]
        # not of the pairs: many made queries with one and the same grade would speak for all of its level
        gains = np.bincount(level, values, _LEVELS) / np.maximum(np.bincount(level, minlength=_LEVELS), 1)
    return label.astype(np.int64), gains


register(
    SearchLearner(
        "lambdamart",
        "LambdaMART",
        "Boosted trees over fifteen features, trained for NDCG: for shops with thousands of judged queries.",
        "Burges, Microsoft Research TR-2010-82; LightGBM's lambdarank",
        fit_lambdamart,
        stages=(Stage.EVIDENCE, Stage.WEIGHT, Stage.TEXTS),
        grid={"trees": (30, 100), "unjudged": (1.0, 0.3), "leaves": (7, 15)},
        cost=6.0,
    )
)

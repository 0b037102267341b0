"""LambdaMART on candidates: learned, judged on users it has not seen, with a weight for the tail chosen so.

Burges, Microsoft Research TR-2010-82; LightGBM's ``lambdarank``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import MissingExtraError
from evenshelf.rankers.base import Codes
from evenshelf.rankers.candidates import Candidates
from evenshelf.tasks.ranking_metrics import rank_of, ranking_metrics

TAIL_WEIGHTS = (1.0, 2.0, 3.0)
TREES, RATE, LEAVES, ROWS_OF_LEAF = 150, 0.1, 15, 50
FOLDS = 2
KEPT = 0.4
"""Share of the candidates that nobody wanted that is learned from, drawn anew of each user."""
TEMPERATURES = np.geomspace(0.25, 4.0, 17)


class Examples:
    """Users with candidates, one of which, if any, is what they wanted.

    Parameters
    ----------
    parts
        Candidates of all users.
    target
        ``[n]`` what each wanted.
    tail
        ``[n]`` whether that is of the tail.
    weight
        ``[n]`` > 0, what each user says.
    seed
        Of folds, draws and trees.
    """

    def __init__(
        self,
        parts: Sequence[Candidates],
        target: Codes,
        tail: NDArray[np.bool_],
        weight: NDArray[np.floating],
        seed: int,
    ) -> None:
        self.size = np.concatenate([part.size for part in parts])
        self.features = np.concatenate([part.features for part in parts])
        self.of = np.repeat(np.arange(len(self.size)), self.size)
        self.wanted = np.concatenate([part.item for part in parts]) == target[self.of]
        self.found = np.bincount(self.of[self.wanted], minlength=len(self.size)) > 0
        self.tail, self.weight, self.seed = tail, weight, seed
        rng = np.random.default_rng(seed)
        self.fold = rng.permutation(len(self.size)) % FOLDS
        self.kept = self.wanted | (rng.random(len(self.of)) < KEPT)

    def fit(self, tail_weight: float, users: NDArray[np.bool_] | None = None) -> Any:
        """Of users ``[n]`` whose wanted item is among their candidates: the others say nothing of an order.

        Raises
        ------
        MissingExtraError
            If the package lightgbm is not installed.
        """
        try:
            import lightgbm  # noqa: PLC0415 - optional
        except ImportError as error:
            raise MissingExtraError("lightgbm", "train", "The learner blend") from error
        asked = self.found if users is None else self.found & users
        rows = asked[self.of] & self.kept
        weight = self.weight * np.where(self.tail, tail_weight, 1.0)
        data = lightgbm.Dataset(
            self.features[rows],
            self.wanted[rows].astype(np.int32),
            group=np.bincount(self.of[rows], minlength=len(self.size))[asked],
            weight=weight[self.of[rows]],
        )
        setting = {
            "objective": "lambdarank",
            "lambdarank_truncation_level": 20,
            "learning_rate": RATE,
            "num_leaves": LEAVES,
            "min_data_in_leaf": ROWS_OF_LEAF,
            "feature_fraction": 0.7,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }
        return lightgbm.train(setting, data, TREES)

    def crossed(self, tail_weight: float) -> NDArray[np.float64]:
        """``[m]`` scores of each user's candidates by what was learned from the users of the other folds."""
        scores = np.empty(len(self.of))
        for fold in range(FOLDS):
            rows = (self.fold == fold)[self.of]
            if rows.any():
                scores[rows] = self.fit(tail_weight, self.fold != fold).predict(self.features[rows])
        return scores

    def chosen(self, give: float) -> tuple[float, float]:
        """The weight of users who want something of the tail, and a temperature for scores.

        The weight is the largest of :data:`TAIL_WEIGHTS` that costs all users at most `give` of the best NDCG at 10. By
        the temperature exponentials of scores are most like the probabilities of what is wanted.
        """
        scores = {weight: self.crossed(weight) for weight in TAIL_WEIGHTS}
        worth = {weight: ranking_metrics(self.places(found))["ndcg_at_10"] for weight, found in scores.items()}
        weight = max(weight for weight, found in worth.items() if found >= (1.0 - give) * max(worth.values()))
        return weight, self.temperature(scores[weight])

    def temperature(self, scores: NDArray[np.float64]) -> float:
        """The one of :data:`TEMPERATURES` at which what was wanted is likeliest among the candidates."""
        starts = np.cumsum(self.size)[self.size > 0] - self.size[self.size > 0]
        likely = []
        for temperature in TEMPERATURES:
            value = scores / temperature
            whole = np.log(np.add.reduceat(np.exp(value - value.max()), starts)) + value.max()
            likely.append(value[self.wanted].sum() - whole[self.found[self.size > 0]].sum())
        return float(TEMPERATURES[int(np.argmax(likely))])

    def places(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """``[n]`` places of wanted items among the candidates; infinity where they are not among them."""
        table = np.full((len(self.size), int(self.size.max(initial=1))), -np.inf)
        place = np.arange(len(self.of)) - (np.cumsum(self.size) - self.size)[self.of]
        table[self.of, place] = scores
        target = np.zeros(len(self.size), np.int64)
        target[self.of[self.wanted]] = place[self.wanted]
        return np.where(self.found, rank_of(table, target), np.inf)

"""LambdaMART on candidates: learned, judged on users it has not seen, with a bonus for the tail chosen so.

Burges, Microsoft Research TR-2010-82; LightGBM's ``lambdarank``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import MissingExtraError
from evenshelf.rankers.base import Codes, Floats
from evenshelf.rankers.candidates import Candidates
from evenshelf.rankers.trees import Averaged
from evenshelf.tasks.ranking_metrics import ranks_of, several_metrics

TREES, RATE, LEAVES, ROWS_OF_LEAF = 150, 0.1, 15, 50
MODELS = 2
"""Fitted with other draws, and averaged."""
FOLDS = 2
KEPT = 0.4
"""Share of the candidates that nobody wanted that a model learns from, drawn evenly."""
BONUSES = tuple(np.linspace(0.0, 1.0, 11).tolist())
TEMPERATURES = np.geomspace(0.25, 4.0, 17)
SETTING = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "learning_rate": RATE,
    "num_leaves": LEAVES,
    "min_data_in_leaf": ROWS_OF_LEAF,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


def bytes_of_models(trees: Averaged) -> int:
    """Of LightGBM's models, written out."""
    return sum(len(model.model_to_string()) for model in trees.models)


class Examples:
    """Users with candidates, some of which, if any, are what they wanted.

    Parameters
    ----------
    parts
        Candidates of all users.
    wanted
        ``[m]`` places of users, and ``[m]`` items that they wanted; no pair twice.
    tail
        ``[I]`` in [0, 1], how much each item is of the tail.
    weight
        ``[n]`` > 0, what each user says.
    seed
        Of folds, draws and trees.
    """

    def __init__(
        self,
        parts: Sequence[Candidates],
        wanted: tuple[Codes, Codes],
        tail: Floats,
        weight: NDArray[np.floating],
        seed: int,
    ) -> None:
        self.size = np.concatenate([part.size for part in parts])
        self.features = np.concatenate([part.features for part in parts])
        self.of = np.repeat(np.arange(len(self.size)), self.size)
        item = np.concatenate([part.item for part in parts])
        self.user, self.tail = wanted[0], tail[item]
        key, asked = self.of * len(tail) + item, wanted[0] * len(tail) + wanted[1]
        # what is wanted and among the candidates: places of both
        _, self.candidate, self.among = np.intersect1d(key, asked, assume_unique=True, return_indices=True)
        self.wanted = np.zeros(len(item), bool)
        self.wanted[self.candidate] = True
        self.found = np.bincount(self.of[self.wanted], minlength=len(self.size))
        self.weight, self.seed = weight, seed
        self.fold = np.random.default_rng(seed).permutation(len(self.size)) % FOLDS

    def fit(self, users: NDArray[np.bool_] | None = None) -> Averaged:
        """Of users ``[n]`` who have anything they want among their candidates: the others say nothing of an order.

        Raises
        ------
        MissingExtraError
            If the package lightgbm is not installed.
        """
        try:
            import lightgbm  # noqa: PLC0415 - optional
        except ImportError as error:
            raise MissingExtraError("lightgbm", "train", "The learner blend") from error
        asked = self.found > 0 if users is None else (self.found > 0) & users
        models = []
        for number in range(MODELS):
            drawn = np.random.default_rng([self.seed, number]).random(len(self.of)) < KEPT
            rows = asked[self.of] & (self.wanted | drawn)
            data = lightgbm.Dataset(
                self.features[rows],
                self.wanted[rows].astype(np.int32),
                group=np.bincount(self.of[rows], minlength=len(self.size))[asked],
                weight=self.weight[self.of[rows]],
            )
            models.append(lightgbm.train({**SETTING, "seed": self.seed + number}, data, TREES))
        return Averaged(tuple(models))

    def crossed(self) -> NDArray[np.float64]:
        """``[m]`` scores of each user's candidates by what was learned from the users of the other folds."""
        scores = np.empty(len(self.of))
        for fold in range(FOLDS):
            rows = (self.fold == fold)[self.of]
            if rows.any():
                scores[rows] = self.fit(self.fold != fold).predict(self.features[rows])
        return scores

    def chosen(self, scores: NDArray[np.float64], give: float) -> tuple[float, float]:
        """What is added to scores of the tail, and a temperature for the sums.

        The bonus is the largest of :data:`BONUSES` that costs all users at most `give` of the best NDCG at 10. By the
        temperature exponentials of scores are most like the probabilities of what is wanted.
        """
        worth = {b: several_metrics(self.user, self.places(scores + b * self.tail))["ndcg_at_10"] for b in BONUSES}
        bonus = max(b for b, found in worth.items() if found >= (1.0 - give) * max(worth.values()))
        return bonus, self.temperature(scores + bonus * self.tail)

    def temperature(self, scores: NDArray[np.float64]) -> float:
        """The one of :data:`TEMPERATURES` at which what was wanted is likeliest among the candidates."""
        starts = np.cumsum(self.size)[self.size > 0] - self.size[self.size > 0]
        likely = []
        for temperature in TEMPERATURES:
            value = scores / temperature
            whole = np.log(np.add.reduceat(np.exp(value - value.max()), starts)) + value.max()
            likely.append(value[self.wanted].sum() - (self.found[self.size > 0] * whole).sum())
        return float(TEMPERATURES[int(np.argmax(likely))])

    def places(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """``[m]`` places of wanted items among the candidates; infinity where they are not among them."""
        table = np.full((len(self.size), int(self.size.max(initial=1))), -np.inf)
        place = np.arange(len(self.of)) - (np.cumsum(self.size) - self.size)[self.of]
        table[self.of, place] = scores
        found = np.full(len(self.user), np.inf)
        found[self.among] = ranks_of(table, self.user[self.among], place[self.candidate])
        return found

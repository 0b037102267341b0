"""Lists that share the attention of users among items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.filling import LAST
from evenshelf.remedies.offered import Offered
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Prior


@register
@dataclass(frozen=True)
class FairExposure(Remedy):
    """Makes an item dearer the more it was shown to users before, in an order of users that is drawn.

    Attention of the p-th place is ``1 / log2(p + 1)``; `even` is what each candidate of anyone would get if all got
    the same. Relevance is the probability over that of the best candidate. A list depends on those of the users who
    are asked at the same time: ask for many, as for a mailing. For one user alone it does nothing.

    Parameters
    ----------
    lam
        In [0, 1]: how much attention so far counts beside relevance; 0 does nothing.
    seed
        >= 0, of the order of users.
    """

    lam: float = 0.3
    seed: int = 0

    name: ClassVar[str] = "fair_exposure"
    title: ClassVar[str] = "Fair exposure"
    family: ClassVar[Family] = Family.RERANKING
    paper: ClassVar[str] = "after Patro et al., WWW 2020 (FairRec), and Xu et al., WWW 2023 (P-MMF)"
    formula: ClassVar[str] = "user by user: sort by (1 - lam) p[i] / max p - lam seen[i] / (seen[i] + even)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RERANK,)
    neutral: ClassVar[dict[str, float]] = {"lam": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"lam": (0.3, 0.1, 0.6)}
    together: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("lam", self.lam, 0.0, 1.0)
        check_range("seed", self.seed, 0, whole=True)

    def rerank(self, offered: Offered, prior: Prior) -> Codes:
        """See :meth:`Remedy.rerank`."""
        items = offered.items
        users, size = items.shape
        places = min(offered.length, size)
        attention = 1.0 / np.log2(np.arange(places) + 2.0)
        even = users * attention.sum() / max(len(np.unique(items[items >= 0])), 1)
        worth = np.where(items >= 0, (1.0 - self.lam) * offered.relevance.astype(np.float64), LAST)
        seen, price = np.zeros(len(prior.counts) + 1), np.zeros(len(prior.counts) + 1)  # the last one stands for -1
        turn = np.broadcast_to(np.arange(size) + size, items.shape).copy()
        for user in np.random.default_rng(self.seed).permutation(users):
            own = items[user]
            chosen = np.argsort(-(worth[user] - self.lam * price[own]), kind="stable")[:places]
            turn[user, chosen] = np.arange(places)
            shown = own[chosen]
            seen[shown] += attention
            price[shown] = seen[shown] / (seen[shown] + even)
            price[-1] = 0.0
        return np.argsort(turn, axis=1)

"""Lists that hold as much of the head and of the tail as a user has taken of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.filling import Filling, popularity_part
from evenshelf.remedies.offered import Offered
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Prior

HEAD, REST = 0.2, 0.8
"""The most frequent items of a fifth of the examples are the head, the least frequent of a fifth the tail."""


@register
@dataclass(frozen=True)
class CalibratedPopularity(Remedy):
    """Fills a list so that its shares of head, torso and tail come near to those of what its user took.

    Relevance is the probability over that of the best candidate. Head and tail are the most and the least frequent
    items with a fifth of the examples each. Lists of users who took nothing stay as they are.

    Parameters
    ----------
    lam
        In [0, 1]: how much the shares count beside relevance; 0 does nothing.
    """

    lam: float = 0.5

    name: ClassVar[str] = "calibrated"
    title: ClassVar[str] = "Calibrated popularity"
    family: ClassVar[Family] = Family.RERANKING
    paper: ClassVar[str] = "Steck, RecSys 2018; for popularity: Abdollahpouri et al., UMAP 2021"
    formula: ClassVar[str] = "next: argmax (1 - lam) sum of p[i] / max p - lam JS(shares taken, shares shown with i)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RERANK,)
    neutral: ClassVar[dict[str, float]] = {"lam": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"lam": (0.5, 0.2, 0.8)}

    def __post_init__(self) -> None:
        check_range("lam", self.lam, 0.0, 1.0)

    def rerank(self, offered: Offered, prior: Prior) -> Codes:
        """See :meth:`Remedy.rerank`."""
        part = popularity_part(prior, HEAD, REST)
        wanted = offered.taken(part, 3)
        known = wanted.any(axis=1, keepdims=True)
        worth = (1.0 - self.lam) * offered.relevance.astype(np.float64)
        of, lines = part[np.maximum(offered.items, 0)], np.arange(len(wanted))
        shown = np.zeros_like(wanted)
        filling = Filling(offered)
        for place in range(filling.places):
            after = (shown[:, None, :] + np.eye(3)) / (place + 1)
            far = jensen_shannon(wanted[:, None, :], after)
            chosen = filling.pick(worth - self.lam * np.take_along_axis(far, of, axis=1))
            shown[lines, of[lines, chosen]] += 1.0
        return np.where(known, filling.order, np.arange(worth.shape[1]))


def jensen_shannon(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divergence of two distributions along the last axis, in bits: 0 if equal, 1 if they have nothing in common."""
    middle = (one + two) / 2
    safe = np.where(middle > 0, middle, 1.0)

    def told(part: NDArray[np.float64]) -> NDArray[np.float64]:
        ratio = np.where(part > 0, part / safe, 1.0)
        return np.asarray((part * np.log2(ratio)).sum(axis=-1))

    return np.maximum((told(np.broadcast_to(one, middle.shape)) + told(two)) / 2, 0.0)

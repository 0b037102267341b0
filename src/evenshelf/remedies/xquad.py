"""Lists that hold something of the long tail for who takes from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.filling import Filling, popularity_part
from evenshelf.remedies.offered import Offered
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Prior

SHORT_HEAD = 0.8
"""Share of the examples whose most frequent items are the short head; all others are the long tail."""


@register
@dataclass(frozen=True)
class LongTailAspects(Remedy):
    """Gives each place to what is relevant and of the part, short head or long tail, that is still missing in the list.

    A part counts as much as its user took of it; where nothing is known of a user, both alike. Relevance is the
    probability over that of the best candidate. The short head is the most frequent items with 80 % of the examples.

    Parameters
    ----------
    lam
        In [0, 1]: how much the missing part counts beside relevance; 0 does nothing.
    """

    lam: float = 0.3

    name: ClassVar[str] = "xquad"
    title: ClassVar[str] = "Long-tail xQuAD"
    family: ClassVar[Family] = Family.RERANKING
    paper: ClassVar[str] = "Abdollahpouri, Burke & Mobasher, FLAIRS 2019; xQuAD: Santos, Macdonald & Ounis, WWW 2010"
    formula: ClassVar[str] = (
        "next: argmax (1 - lam) p[i] / max p + lam share taken[part of i] (1 - share shown[part of i])"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RERANK,)
    neutral: ClassVar[dict[str, float]] = {"lam": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"lam": (0.3, 0.1, 0.6)}

    def __post_init__(self) -> None:
        check_range("lam", self.lam, 0.0, 1.0)

    def rerank(self, offered: Offered, prior: Prior) -> Codes:
        """See :meth:`Remedy.rerank`."""
        part = np.minimum(popularity_part(prior, SHORT_HEAD, 1.0), 1)
        taken = offered.taken(part, 2)
        wanted = np.where(taken.any(axis=1, keepdims=True), taken, 0.5)
        worth = (1.0 - self.lam) * offered.relevance.astype(np.float64)
        of, lines = part[np.maximum(offered.items, 0)], np.arange(len(wanted))
        shown = np.zeros_like(wanted)
        filling = Filling(offered)
        for place in range(filling.places):
            missing = wanted * (1.0 - shown / max(place, 1))
            chosen = filling.pick(worth + self.lam * np.take_along_axis(missing, of, axis=1))
            shown[lines, of[lines, chosen]] += 1.0
        return filling.order

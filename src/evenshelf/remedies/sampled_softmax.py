"""Negatives drawn by popularity, with and without the correction for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.negatives import Negatives
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Prior


@register
@dataclass(frozen=True)
class SampledSoftmax(Remedy):
    """An example competes with some drawn groups in place of all of them, frequent ones drawn more often.

    Drawn groups stand for those that are not drawn: with the correction each counts one over the expected number of
    its draws, so that the sum over the draw estimates the sum over all without bias, whatever it is drawn by. Without
    it, frequent groups are pushed down as often as they are drawn: where each of very many groups is a small part of
    what is drawn, scores end at those of the balanced softmax with ``tau = beta``, which favours rare groups.

    Parameters
    ----------
    negatives
        Draws a step, in [0, 100000]; 0 does nothing.
    beta
        Groups are drawn in proportion to ``n ** beta``, in [0, 2]; 0 draws all alike, 1 by how frequent they are.
    logq
        Whether the scores of drawn groups are corrected for how often they are drawn.
    """

    negatives: int = 1000
    beta: float = 0.5
    logq: bool = True

    name: ClassVar[str] = "sampled_softmax"
    title: ClassVar[str] = "Sampled softmax"
    family: ClassVar[Family] = Family.LONG_TAIL_LOSS
    paper: ClassVar[str] = "Bengio & Senecal, IEEE TNN 19(4), 2008; Yi et al., RecSys 2019 (logQ correction)"
    formula: ClassVar[str] = (
        "-log softmax of s[y] and s[j] - log(m q[j]), j drawn m times by q ~ n ** beta, j != y; without logq: s[j]"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.NEGATIVES,)
    neutral: ClassVar[dict[str, int]] = {"negatives": 0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"beta": (0.5, 1.0)}

    def __post_init__(self) -> None:
        check_range("negatives", self.negatives, 0, 100_000, whole=True)
        check_range("beta", self.beta, 0.0, 2.0)

    def competitors(self, prior: Prior) -> Negatives | None:
        """See :meth:`Remedy.competitors`."""
        if not self.negatives:
            return None
        share = prior.share**self.beta
        share /= share.sum()
        offset = np.log(self.negatives * share) if self.logq else np.zeros(len(share))
        return Negatives(self.negatives, share, offset.astype(np.float32))

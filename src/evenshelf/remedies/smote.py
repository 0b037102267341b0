"""SMOTE: rows on the lines between near rows of a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.lines import Growth
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows


@register
@dataclass(frozen=True)
class SMOTE(Remedy):
    """Makes rows of the smaller groups on the lines between near rows of the same group.

    A group of fewer than k + 1 rows uses all its rows as neighbours, a group of one row is repeated; where
    imbalanced-learn raises, this goes on and tells. Above ``max(50, 2 n)`` synthetic rows per group, each one stands
    for several: the loss has the same expectation, at a bounded cost.

    Parameters
    ----------
    k
        Neighbours, >= 1.
    strength
        In [0, 1], see ``random_over``.
    """

    k: int = 5
    strength: float = 1.0

    name: ClassVar[str] = "smote"
    title: ClassVar[str] = "SMOTE"
    family: ClassVar[Family] = Family.INTERPOLATION
    paper: ClassVar[str] = "Chawla et al., JAIR 16, 2002"
    formula: ClassVar[str] = "x[i] + u (x[j] - x[i]), j among the k nearest of the group, u uniform in [0, 1)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"k": (5, 2)}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        growth = Growth(vectors, target, prior, rng, strength=self.strength, k=self.k)
        for group in growth.groups:
            growth.smote(int(group))
        return growth.rows()

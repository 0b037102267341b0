"""Bagging: several heads, each trained on a balanced sample of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.plurals import counted, plural
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows


@register
@dataclass(frozen=True)
class BalancedBagging(Remedy):
    """Trains heads on balanced samples, each drawn anew, and averages their scores.

    As in EasyEnsemble larger groups are drawn from without replacement, so that together the samples see much of what
    under-sampling drops. The papers balance two groups at the size of the smaller one; with many groups, one of a
    single row would leave a row of each, so here the common size is a quantile of the groups' sizes, and smaller groups
    are drawn from with replacement up to it. Averaging the scores of linear heads is averaging their weights: in use
    the ensemble costs what one head does. Roughly balanced bagging and imbalanced-learn's ``BalancedBaggingClassifier``
    average probabilities instead.

    Parameters
    ----------
    bags
        Heads and samples, in [1, 100].
    quantile
        In [0, 1]; of the sizes of groups with a row: the most rows that a sample has of a group. 1 is no bound.
    strength
        In [0, 1]; how far groups below that size are filled up to it, as in ``random_over``; 0: they are taken whole.
    """

    bags: int = 8
    quantile: float = 0.9
    strength: float = 1.0

    name: ClassVar[str] = "balanced_bagging"
    title: ClassVar[str] = "Balanced bagging"
    family: ClassVar[Family] = Family.ENSEMBLE
    paper: ClassVar[str] = "Liu, Wu & Zhou, IEEE Trans. SMC-B 39(2), 2009; Hido & Kashima, SDM 2008"
    formula: ClassVar[str] = "mean over bags of scores of a head on m = quantile(n) rows of each g (of fewer: repeats)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"bags": 1, "quantile": 1.0, "strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("bags", self.bags, 1, 100, whole=True)
        check_range("quantile", self.quantile, 0.0, 1.0)
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`; the rows of one bag."""
        size = self.size(prior)
        times = np.zeros(len(target), np.int64)
        for group in np.flatnonzero(prior.present):
            rows = np.flatnonzero(target == group)
            if len(rows) >= size:
                times[rng.permutation(rows)[:size]] = 1
                continue
            wanted = max(len(rows), round(len(rows) ** (1.0 - self.strength) * size**self.strength))
            if wanted == len(rows):
                times[rows] = 1
            else:
                times[rows] = rng.multinomial(wanted, np.full(len(rows), 1.0 / len(rows)))
        index = np.flatnonzero(times)
        cut, below = int((prior.counts > size).sum()), int((prior.present & (prior.counts < size)).sum())
        heads, most = counted(self.bags, "head", "heads"), counted(size, "row", "rows")
        more, fewer = counted(cut, "group has", "groups have"), f"{below:,} {plural(below, 'has', 'have')}"
        notes = (
            f"{heads} on samples of {int(times.sum()):,} rows, of {len(target):,} given",
            f"at most {most} of a group: {more} more, {fewer} fewer",
        )
        return Rows.copies(index, target[index], times[index], notes)

    def size(self, prior: Prior) -> int:
        """The most rows that a sample has of a group."""
        return int(np.ceil(np.quantile(prior.counts[prior.present], self.quantile)))

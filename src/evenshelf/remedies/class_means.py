"""Remedies that shrink a group's weights towards the mean of its rows: a prototype, corrected where rows allow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.plurals import counted
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.neighbours import nearest_rows
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Floats, Prior


@register
@dataclass(frozen=True)
class ClassMean(Remedy):
    """Shrinks a group's weights towards the direction of the mean of its training rows instead of towards zero.

    Under a strong penalty this is the classifier of nearest class means, but for a bias of each group, which is free;
    under a weak one it is a plain head. A group with many examples moves away from its mean as far as they ask for; a
    group with few stays near it. Means are seen from the mean of all training rows.

    Parameters
    ----------
    scale
        Length of the means, in logits per unit of cosine, in [0, 1000]; 0 does nothing.
    """

    scale: float = 5.0

    name: ClassVar[str] = "class_mean"
    title: ClassVar[str] = "Class means as prior"
    family: ClassVar[Family] = Family.POOLING
    paper: ClassVar[str] = "nearest class mean: Mensink et al., IEEE TPAMI 35(11), 2013; Kang et al., ICLR 2020"
    formula: ClassVar[str] = "penalty |w[g] - scale m[g] / |m[g]||^2, m[g] the mean row of g less that of all"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.POOL,)
    neutral: ClassVar[dict[str, float]] = {"scale": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"scale": (5.0, 10.0)}

    def __post_init__(self) -> None:
        check_range("scale", self.scale, 0.0, 1000.0)

    def notes(self, prior: Prior) -> tuple[str, ...]:
        """See :meth:`Remedy.notes`."""
        cold = int((~prior.present).sum())
        return (f"{counted(cold, 'group has', 'groups have')} no row, and so no mean",) if cold else ()

    def centre(self, names: Floats | None, prior: Prior, means: Floats) -> Floats | None:
        """See :meth:`Remedy.centre`."""
        return None if self.scale == 0.0 else np.float32(self.scale) * unit(means).astype(np.float32)


@register
@dataclass(frozen=True)
class TextSmoothed(Remedy):
    """Shrinks a group's weights towards a mean to which groups with similar names have lent some of their rows.

    To the rows of a group come ``kappa`` more, which lie at the mean of the rows of the ``k`` groups with the nearest
    names, where a row counts the more the more alike the names of the two groups are. So a group with one row is placed
    by its relatives as well, one with many by its own rows, and one with none by its relatives alone.

    Parameters
    ----------
    scale
        Length of the means, in logits per unit of cosine, in [0, 1000]; 0 does nothing.
    kappa
        Rows lent, in [0, 1000]; 0 lends none, and is ``class_mean``.
    k
        Groups that lend, >= 1; all others where there are fewer.
    sharpness
        In [0, 100], logits per unit of the cosine of two names: at 0 all k lend alike, the larger the more the nearest.
    """

    scale: float = 5.0
    kappa: float = 1.0
    k: int = 5
    sharpness: float = 10.0

    name: ClassVar[str] = "text_smoothed"
    title: ClassVar[str] = "Class means smoothed by names"
    family: ClassVar[Family] = Family.POOLING
    paper: ClassVar[str] = "evenshelf; kin: shrinkage in a hierarchy of classes, McCallum et al., ICML 1998"
    formula: ClassVar[str] = (
        "class_mean of (n[g] m[g] + kappa sum_h K[g,h] n[h] m[h] / sum_h K[g,h] n[h]) / (n[g] + kappa), "
        "K[g,h] = exp(sharpness cos(name g, name h)) for the k nearest names"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.POOL,)
    neutral: ClassVar[dict[str, float]] = {"scale": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"kappa": (1.0, 5.0)}
    reads_names: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("scale", self.scale, 0.0, 1000.0)
        check_range("kappa", self.kappa, 0.0, 1000.0)
        check_range("k", self.k, 1, whole=True)
        check_range("sharpness", self.sharpness, 0.0, 100.0)

    def notes(self, prior: Prior) -> tuple[str, ...]:
        """See :meth:`Remedy.notes`."""
        cold = counted(int((~prior.present).sum()), "group has", "groups have")
        if prior.present.all() or self.scale == 0.0:
            return ()
        lent = "the mean of those with similar names" if self.kappa else "so no mean"
        return (f"{cold} no row, and {lent}",)

    def centre(self, names: Floats | None, prior: Prior, means: Floats) -> Floats | None:
        """See :meth:`Remedy.centre`."""
        if self.scale == 0.0 or names is None:
            return None
        smoothed = means
        if self.kappa > 0.0:
            count = prior.counts[:, None]
            smoothed = (count * means + self.kappa * self.lent(names, prior, means)) / (count + self.kappa)
        return np.float32(self.scale) * unit(smoothed).astype(np.float32)

    def lent(self, names: Floats, prior: Prior, means: Floats) -> NDArray[np.float64]:
        """``[G, d]`` mean of the rows of the groups whose names are near to that of each, the nearer the more."""
        lenders = np.flatnonzero(prior.present)
        k = min(self.k, len(lenders) - 1)
        lent = np.zeros(means.shape)
        if not k:
            return lent
        # what all names have in common says nothing of who is like whom
        turned = unit(names - names.mean(axis=0, dtype=np.float64)).astype(np.float32)
        cold = np.flatnonzero(~prior.present)
        for groups, own in ((lenders, np.arange(len(lenders))), (cold, None)):
            near, distance = nearest_rows(turned[groups], turned[lenders], k, own)
            alike = np.exp(-0.5 * self.sharpness * (distance**2 - distance[:, :1] ** 2))
            weight: NDArray[np.float64] = alike * prior.counts[lenders[near]]
            weight = weight / weight.sum(axis=1, keepdims=True)
            for place in range(k):
                lent[groups] += weight[:, place, None] * means[lenders[near[:, place]]]
        return lent


ROUNDING = 1e-6
"""Rows have a length of about 1: a difference of float32 vectors that is shorter than this has no direction."""


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """``[G, d]`` vectors of length 1; what is 0, but for rounding, becomes 0."""
    length = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(np.where(length > ROUNDING, vectors / np.maximum(length, ROUNDING), 0.0))

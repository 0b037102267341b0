"""Relatives of SMOTE that ask a model where to make rows: clusters, or a support vector machine."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.plurals import counted
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.lines import Growth
from evenshelf.remedies.neighbours import BLOCK, nearest_rows
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows
from evenshelf.remedies.smote_border import in_danger


@register
@dataclass(frozen=True)
class KMeansSMOTE(Remedy):
    """SMOTE within those clusters of all rows in which a group is at home, more of it where its rows lie further apart.

    Clusters are those of scikit-learn's ``MiniBatchKMeans``. As in imbalanced-learn's defaults a cluster qualifies for
    a group if at least k + 1 of its rows, and at least half the group's part of all missing rows, are of the group; the
    exponent of the density is ``0.16 log(n, 1.6) ** 1.8``; numbers of rows are rounded up. A group for which no cluster
    qualifies is made by plain SMOTE, where imbalanced-learn raises. Draws are bounded as in ``smote``, by cluster.

    Parameters
    ----------
    k
        Neighbours, >= 1.
    clusters
        Of all rows, >= 1; as many as there are rows where they are fewer.
    strength
        In [0, 1], see ``random_over``.
    """

    k: int = 2
    clusters: int = 8
    strength: float = 1.0

    name: ClassVar[str] = "kmeans_smote"
    title: ClassVar[str] = "K-means SMOTE"
    family: ClassVar[Family] = Family.INTERPOLATION
    paper: ClassVar[str] = "Douzas, Bacao & Last, Information Sciences 465, 2018"
    formula: ClassVar[str] = (
        "SMOTE in clusters c, in proportion to mean distance[c] ** e / n[c] of the group's rows there"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"clusters": (8, 50)}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("clusters", self.clusters, 1, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        growth = Growth(vectors, target, prior, rng, strength=self.strength, k=self.k)
        if not len(growth.groups):
            return growth.rows()
        cluster = _clusters(vectors, self.clusters, rng)
        size = np.bincount(cluster)
        wanted = sum(growth.missing(group) for group in growth.groups)
        used = 0
        for group in map(int, growth.groups):
            rows, missing = growth.members(group), growth.missing(group)
            own = np.bincount(cluster[rows], minlength=len(size))
            # one cluster of everything is SMOTE: there is nothing to choose
            least = missing / wanted / 2 if self.clusters > 1 else 0.0
            chosen = np.flatnonzero((own > self.k) & (own >= least * size))
            if not len(chosen):
                growth.smote(group, f"no cluster with {self.k + 1} rows of its own and enough of all")
                continue
            used += len(chosen)
            homes = [rows[cluster[rows] == c] for c in chosen]
            weights = sparsity_weights([vectors[home] for home in homes])
            for home, weight in zip(homes, weights, strict=True):
                if count := math.ceil(missing * weight):
                    growth.between(group, home, np.arange(len(home)), count)
        return growth.rows(f"rows were made in {counted(used, 'pair', 'pairs')} of group and cluster (of {len(size)})")


def _clusters(vectors: Floats, clusters: int, rng: np.random.Generator) -> Codes:
    """``[n]`` cluster of each row."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415

    seed = int(rng.integers(2**31))
    means = MiniBatchKMeans(n_clusters=min(clusters, len(vectors)), random_state=seed)
    return np.asarray(means.fit_predict(vectors), np.int64)


def sparsity_weights(parts: list[Floats]) -> NDArray[np.float64]:
    """``[p]`` share of each part of a group: mean distance within it, to a power that grows with its rows, over rows.

    In logarithms, since powers of some thousand rows are beyond floating point. Where all rows of all parts are equal,
    parts share by ``1 / n``.
    """
    n = np.array([len(part) for part in parts], np.float64)
    apart = np.array([_mean_distance(part) for part in parts])
    exponent = 0.16 * (np.log(n) / np.log(1.6)) ** 1.8
    log = np.full(len(parts), -np.inf)
    np.log(apart, out=log, where=apart > 0)
    log = exponent * log if (apart > 0).any() else np.zeros(len(parts))
    weights = np.exp(log - np.log(n) - (log - np.log(n)).max())
    return np.asarray(weights / weights.sum(), np.float64)


def _mean_distance(rows: Floats) -> float:
    """Mean Euclidean distance of two different rows; in blocks, at least two rows."""
    x = rows.astype(np.float64)
    x -= x.mean(axis=0)
    squares = np.einsum("ij,ij->i", x, x)
    total = 0.0
    for start in range(0, len(x), BLOCK):
        here = slice(start, start + BLOCK)
        distance = squares[here, None] + squares - 2.0 * (x[here] @ x.T)
        distance[np.arange(len(distance)), np.arange(start, start + len(distance))] = 0.0
        # rounding leaves of equal rows a little that is not 0
        distance[distance < 1e-12 * squares.max()] = 0.0
        total += float(np.sqrt(distance).sum())
    return total / (len(x) * (len(x) - 1))


@register
@dataclass(frozen=True)
class SVMSMOTE(Remedy):
    """SMOTE from the support vectors of a group: between rows where others are near, away from them elsewhere.

    The support vectors are those of a linear machine of each group against the m nearest rows of other groups to each
    of its rows (squared hinge loss, C = 1, vectors centred and scaled): its rows with a margin below 1. The paper and
    imbalanced-learn fit one machine with a Gaussian kernel to all rows, which takes too long for many groups. As there,
    support vectors whose m nearest rows are all of other groups are noise and dropped; from those in danger (see
    ``borderline_smote``) rows are made towards neighbours, from the others away from them; what part is made towards
    neighbours is drawn from Beta(10, 10). If there are only such or only others, they get all rows (imbalanced-learn
    leaves some out). A group without any that is not noise is made by plain SMOTE, where imbalanced-learn raises; a
    group of one row is repeated. Draws are bounded as in ``smote``, rows that are looked at as in ``borderline_smote``.

    Parameters
    ----------
    k
        Neighbours that a support vector is joined to, >= 1.
    m
        Nearest rows that tell noise and danger, and rows of other groups that the machine sees, >= 1.
    out_step
        In [0, 1]; how far at most a row is made beyond a support vector, in parts of the way to the neighbour.
    strength
        In [0, 1], see ``random_over``.
    """

    k: int = 5
    m: int = 10
    out_step: float = 0.5
    strength: float = 1.0

    name: ClassVar[str] = "svm_smote"
    title: ClassVar[str] = "SVM-SMOTE"
    family: ClassVar[Family] = Family.INTERPOLATION
    paper: ClassVar[str] = "Nguyen, Cooper & Kamei, IJKESDP 3(1), 2011"
    formula: ClassVar[str] = (
        "x[i] + u (x[j] - x[i]), x[i] a support vector, u in [0, 1) in danger, else in (-out_step, 0]"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"out_step": (0.5, 0.1)}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("m", self.m, 1, whole=True)
        check_range("out_step", self.out_step, 0.0, 1.0)
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        growth = Growth(vectors, target, prior, rng, strength=self.strength, k=self.k)
        around = growth.surroundings(self.m)
        if not around:
            return growth.rows()
        rivals = self.rivals(growth, [rows for _, rows, _ in around])
        inward = outward = 0
        for (group, rows, near), others in zip(around, rivals, strict=True):
            foreign = (target[near] != group).sum(axis=1)
            seeds = support(vectors[rows], vectors[others]) & (foreign < near.shape[1])
            danger = in_danger(foreign, near.shape[1])
            if not seeds.any():
                growth.smote(group, "no support vector but noise")
                continue
            members, missing = growth.members(group), growth.missing(group)
            part = int(rng.beta(10.0, 10.0) * (missing + 1))
            towards, away = (np.searchsorted(members, rows[seeds & some]) for some in (danger, ~danger))
            part = 0 if not len(towards) else missing if not len(away) else min(part, missing)
            if part:
                growth.between(group, members, towards, part)
            if missing - part:
                growth.between(group, members, away, missing - part, reach=-self.out_step)
            inward, outward = inward + len(towards), outward + len(away)
        found = counted(inward, "support vector is", "support vectors are")
        return growth.rows(f"{found} in danger, with rows made towards others; beyond {outward:,} that are not, away")

    def rivals(self, growth: Growth, parts: list[Codes]) -> list[Codes]:
        """For each part, rows of one group, all rows that are among the m nearest of other groups to one of them."""
        looked, target = np.concatenate(parts), growth.target
        m = min(self.m, len(target) - max(len(growth.members(target[rows[0]])) for rows in parts))
        near, _ = nearest_rows(growth.vectors[looked], growth.vectors, m, apart=(target[looked], target))
        return [np.unique(part) for part in np.split(near, np.cumsum([len(rows) for rows in parts])[:-1])]


def support(own: Floats, others: Floats) -> NDArray[np.bool_]:
    """Which of a group's rows are support vectors of a linear machine of them against `others`: a margin below 1.

    Squared hinge loss is solved in its primal form, which neither draws nor depends on the order of the rows.
    """
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415
    from sklearn.svm import LinearSVC  # noqa: PLC0415

    x = np.concatenate([own, others]).astype(np.float64)
    x -= x.mean(axis=0)
    x /= np.sqrt((x * x).sum(axis=1).mean()) or 1.0
    y = np.repeat([1, -1], [len(own), len(others)])
    with warnings.catch_warnings():
        # the margins after the last step decide, at the optimum or near it
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine = LinearSVC(loss="squared_hinge", dual=False).fit(x, y)
    return np.asarray(machine.decision_function(x[: len(own)]) < 1.0)

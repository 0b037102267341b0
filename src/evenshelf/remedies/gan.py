"""A generative network that makes rows of the smaller groups, and what keeps it from passing copies off as rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.plurals import counted, plural
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.conditional_gan import ConditionalGAN
from evenshelf.remedies.families import Family
from evenshelf.remedies.lines import draws_for
from evenshelf.remedies.memorisation import copy_test
from evenshelf.remedies.registry import register
from evenshelf.remedies.resample import RandomOver, wanted_counts
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows

AXES = 64
"""Most principal axes in which rows are made."""
LEAST_ROWS = 20
"""Different rows, in groups of two or more, below which there is nothing to learn from."""
SPREAD = (0.1, 10.0)
"""Variance of made rows, in parts of that of given ones, outside of which the network has failed."""

Generator = Callable[[Codes], Floats]
"""From ``[e]`` groups to ``[e, k]`` rows made for them, in the leading axes."""


@register
@dataclass(frozen=True)
class GAN(Remedy):
    """Makes rows of the smaller groups with a conditional Wasserstein GAN on the vectors.

    As many rows are made, for the same groups, as by ``smote``. The network makes them in at most 64 principal axes;
    what is left of them in others is that of a random row of the group. Its rows are held against the given ones: see
    the notes of a study for how far they lie from the nearest one, compared with given rows (the three-sample test of
    Meehan, Chaudhuri & Dasgupta, AISTATS 2020). Those that are copies are replaced by repeats; where the network has
    collapsed, or there are too few rows to train it, all are. Needs torch.

    Parameters
    ----------
    steps
        Most steps of training, in [0, 10000]; fewer where there are few rows. At 0 rows are drawn from a normal
        distribution around the mean of the group, with the covariance that all groups have in common.
    strength
        In [0, 1], see ``random_over``.
    """

    steps: int = 500
    strength: float = 1.0

    name: ClassVar[str] = "gan"
    title: ClassVar[str] = "Conditional GAN on vectors"
    family: ClassVar[Family] = Family.GENERATIVE
    paper: ClassVar[str] = "Mirza & Osindero, 2014; Gulrajani et al., NeurIPS 2017; Xian et al., CVPR 2018"
    formula: ClassVar[str] = "mean[g] + G(z, mean[g], g), G against a critic of slope 1 that is shown g as well"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (1.0, 0.5)}
    makes_vectors: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("steps", self.steps, 0, 10_000, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)

    def not_applicable(self, prior: Prior, *, has_names: bool) -> str | None:
        """See :meth:`Remedy.not_applicable`."""
        if find_spec("torch") is None:
            return "needs torch (pip install 'evenshelf[train]')"
        return super().not_applicable(prior, has_names=has_names)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        if not (wanted_counts(prior, self.strength) > prior.counts).any():
            return Rows.copies(np.arange(len(target)), target, notes=("no group is to grow",))
        axes = Axes.of(vectors)
        rows = different_rows(vectors, target)
        known = int((np.bincount(target[rows])[target[rows]] > 1).sum())
        if known < LEAST_ROWS:
            why = f"{counted(known, 'different row', 'different rows')} in groups of more than one are too few to learn"
            return self.repeats(vectors, target, prior, rng, why)
        leading = axes.leading(vectors)
        generator = ConditionalGAN(leading[rows], target[rows], len(prior.counts), self.steps, rng)
        return self.grown(generator, vectors, target, prior, rng=rng, axes=axes, rows=rows)

    def repeats(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator, why: str) -> Rows:
        """Repeats of given rows instead of made ones, and why."""
        made = RandomOver(self.strength).resample(vectors, target, prior, rng)
        return replace(made, notes=(f"nothing was made, given rows were repeated instead: {why}", *made.notes))

    def grown(
        self,
        generator: Generator,
        vectors: Floats,
        target: Codes,
        prior: Prior,
        *,
        rng: np.random.Generator,
        axes: Axes,
        rows: Codes,
    ) -> Rows:
        """Given rows and those of a generator that pass.

        Parameters
        ----------
        generator
            Makes rows in the leading axes.
        axes
            Those axes.
        rows
            Given rows of which no two of a group are equal.
        """
        missing = wanted_counts(prior, self.strength) - prior.counts
        growing = np.flatnonzero(missing > 0)
        draws = np.array([draws_for(int(missing[g]), int(prior.counts[g])) for g in growing])
        group = np.repeat(growing, draws)
        weight = np.repeat(missing[growing] / draws, draws).astype(np.float32)
        leading, own = axes.leading(vectors), target[rows]
        made = generator(group)
        spread = _spread(made, group, leading[rows], own)
        if not SPREAD[0] <= spread <= SPREAD[1]:
            why = f"the network {'collapsed' if spread < SPREAD[0] else 'failed'}, its rows vary {spread:.2g} times"
            return self.repeats(vectors, target, prior, rng, f"{why} as much as given ones")
        found = copy_test(made, group, leading[rows], own, rng)
        base = _random_rows_of(group, target, prior, rng)
        fresh = np.flatnonzero(~found.copies)
        first = base.copy()
        first[fresh] = len(target) + np.arange(len(fresh))
        given = Rows.copies(np.arange(len(target)), target)
        added = replace(Rows.copies(first, group, weight), made=axes.completed(made[fresh], vectors[base[fresh]]))
        total = round(float(weight.sum(dtype=np.float64)))
        vectors_made = counted(len(fresh), "vector", "vectors")
        where = f"{counted(axes.count, 'axis', 'axes')} with {axes.part:.0%} of the variance"
        notes = [f"{vectors_made} made in {where}; with repeats {total:,} rows beside {len(target):,} given ones"]
        if np.isfinite(found.ratio):
            notes.append(
                f"made rows lie {found.ratio:.2f} times as far from the nearest given row of their group as given rows "
                f"from each other (Z = {found.z:.1f}), and vary {spread:.2f} times as much: {found.judgement}"
            )
        if copies := int(found.copies.sum()):
            verb = plural(copies, "was a copy of a given row", "were copies of given rows")
            notes.append(f"{copies:,} of {len(made):,} made rows {verb} and replaced by repeats")
        return replace(given.joined(added), notes=tuple(notes), copied=found.facts())


@dataclass(frozen=True, eq=False)
class Axes:
    """Leading principal axes of some rows.

    Attributes
    ----------
    mean, axes, scale
        ``[d]``, ``[d, k]``, and root mean square distance from the mean: ``(x - mean) / scale @ axes``.
    part
        Of the variance that they hold.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    scale: float
    part: float

    @classmethod
    def of(cls, vectors: Floats) -> Axes:
        """At most :data:`AXES`, those without variance left out but for one."""
        mean = vectors.mean(axis=0, dtype=np.float64)
        centred = vectors - mean.astype(np.float32)
        size = float(np.sqrt(np.einsum("ij,ij->", centred, centred, dtype=np.float64) / len(centred)))
        scale = size if size > 0 else 1.0
        centred = (centred / scale).astype(np.float32)
        variance, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64) / len(centred))
        variance, axes = np.maximum(variance[::-1], 0.0), axes[:, ::-1]
        # the sign of an axis is left open by its definition: the longer tail is to the right
        axes = axes * np.where(((centred @ axes.astype(np.float32)) ** 3).sum(axis=0, dtype=np.float64) < 0, -1.0, 1.0)
        count = max(int((variance[:AXES] > 1e-9).sum()), 1)
        part = float(variance[:count].sum() / max(variance.sum(), 1e-300))
        return cls(mean, np.ascontiguousarray(axes[:, :count]), scale, part)

    @property
    def count(self) -> int:
        """How many."""
        return int(self.axes.shape[1])

    def leading(self, vectors: Floats) -> Floats:
        """``[n, k]`` coordinates."""
        return ((vectors - self.mean.astype(np.float32)) / np.float32(self.scale)) @ self.axes.astype(np.float32)

    def completed(self, made: Floats, rest: Floats) -> Floats:
        """``[e, d]`` vectors with the coordinates of `made`, and outside of the axes what `rest` ``[e, d]`` has."""
        return (rest + (made - self.leading(rest)) @ (self.axes.T * self.scale)).astype(np.float32)


def different_rows(vectors: Floats, target: Codes) -> Codes:
    """The first of equal rows of each group."""
    keys = np.ascontiguousarray(np.concatenate([target[:, None].astype(np.float32), vectors + np.float32(0)], axis=1))
    whole = keys.view(np.dtype((np.void, keys.dtype.itemsize * keys.shape[1]))).ravel()
    return np.sort(np.unique(whole, return_index=True)[1])


def _random_rows_of(group: Codes, target: Codes, prior: Prior, rng: np.random.Generator) -> Codes:
    """A random given row of each of some groups."""
    order, ends = np.argsort(target, kind="stable"), np.cumsum(prior.counts)
    return np.asarray(order[ends[group] - 1 - rng.integers(0, prior.counts[group])], np.int64)


def _spread(made: Floats, made_of: Codes, given: Floats, given_of: Codes) -> float:
    """Variance within groups of made rows, in parts of that of given rows, over groups with two of both.

    Infinite where made rows are not finite.
    """
    if not np.isfinite(made).all():
        return np.inf
    both = [g for g in np.unique(made_of) if (made_of == g).sum() > 1 and (given_of == g).sum() > 1]
    if not both:
        return 1.0
    sums = [
        sum(float(rows[of == g].astype(np.float64).var(axis=0, ddof=1).sum()) for g in both)
        for rows, of in ((made, made_of), (given, given_of))
    ]
    return sums[0] / max(sums[1], 1e-300)

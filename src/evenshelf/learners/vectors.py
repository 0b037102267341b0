"""The vectors of a study, held once: equal examples merged, rows sorted by fold, axes rotated to the principal ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack, load_npz, save_npz

from evenshelf.errors import InputError

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Block: TypeAlias = Any  # float32 matrix, dense (ndarray) or sparse (csr_array)


@dataclass(frozen=True, eq=False)
class Vectors:
    """Examples of a study as a linear learner sees them.

    A linear head with a free bias and an L2 penalty does not care for a shift, and not for a rotation; so the rows are
    centred and turned to their principal axes once. That makes the bound on the Hessian nearly diagonal, and "fewer
    dimensions" a matter of taking the first columns. Rows that have the same text, class and fold are one row with a
    count.

    Attributes
    ----------
    rows
        ``[u, d + 1]`` float32, dense or sparse: a column of ones, then the principal axes by falling variance (the
        given columns as they are when sparse).
    target, count
        ``[u]`` class code, and number of examples merged.
    row_of
        ``[n]`` the row of each example.
    bounds
        ``[K + 2]`` rows of fold f are ``bounds[f + 1]:bounds[f + 2]``; those before ``bounds[1]`` are always used
        for training.
    mean, axes
        ``[d]`` and ``[d, d]``: ``rows[:, 1:] = (x - mean) / scale @ axes``; empty where columns are as they were given.
    scale
        Root mean square distance of the given vectors from their mean; divides all, so that penalties mean the same for
        all encoders, also for those whose vectors all point much the same way.
    length
        Root mean square length of the given vectors.
    example
        ``[u]`` where a text may have several labels: rows with equal numbers, which are neighbours, are those of one
        text. ``None`` where it has one.
    group
        ``[u]`` where learners hold out rows of their own: equal numbers mean equal or nearly equal texts.
    made
        ``[u]`` where rows of texts that a remedy had made are among them: which these are; ``None`` where none are.
    positive
        ``[u, C]`` sparse, where each row is a text with all its labels: how many examples each label has of it; see
        :func:`evenshelf.learners.sets.of_sets`. ``None`` where a row has one label, its target.
    """

    rows: Block
    target: Codes
    count: Floats
    row_of: Codes
    bounds: tuple[int, ...]
    mean: Floats
    axes: Floats
    scale: float
    length: float
    example: Codes | None = None
    group: Codes | None = None
    made: NDArray[np.bool_] | None = None
    positive: csr_array | None = None

    @property
    def folds(self) -> int:
        """Number of outer folds."""
        return len(self.bounds) - 2

    def blocks(self, folds: tuple[int, ...]) -> list[Block]:
        """Rows of these folds; views without a copy when dense."""
        return [self.rows[low:high] for low, high in self.spans(folds)]

    def spans(self, folds: tuple[int, ...]) -> list[tuple[int, int]]:
        """First and last row of each of these folds; neighbours joined, empty ones left out."""
        spans: list[tuple[int, int]] = []
        for fold in sorted(folds):
            low, high = self.bounds[fold + 1], self.bounds[fold + 2]
            if low == high:
                continue
            if spans and spans[-1][1] == low:
                spans[-1] = (spans[-1][0], high)
            else:
                spans.append((low, high))
        return spans

    def index(self, folds: tuple[int, ...]) -> Codes:
        """Row numbers of these folds, in the order of :meth:`blocks`."""
        return np.concatenate([np.arange(low, high) for low, high in self.spans(folds)] or [np.empty(0, np.int64)])

    def given(self, folds: tuple[int, ...]) -> Floats:
        """``[m, d]`` rows of these folds as they were given, up to rounding; merged rows once, as in :meth:`index`."""
        if not len(self.axes):
            width = self.rows.shape[1] - 1
            plain = [block[:, 1:] for block in self.blocks(folds)]
            return np.concatenate([*plain, np.empty((0, width), np.float32)]).astype(np.float32, copy=False)
        blocks = [(block[:, 1:] @ self.axes.T) * np.float32(self.scale) + self.mean for block in self.blocks(folds)]
        return np.concatenate([*blocks, np.empty((0, len(self.mean)), np.float32)]).astype(np.float32, copy=False)

    def turn(self, vectors: Floats) -> Floats:
        """``[m, d]`` directions (differences of vectors, such as head weights) in the axes of :attr:`rows`."""
        return np.asarray(vectors @ self.axes, dtype=np.float32)

    def leading(self, axes: int) -> Vectors:
        """The same examples in their first principal axes; a view. Sparse vectors have no axes and stay whole."""
        if axes <= 0 or axes >= self.rows.shape[1] - 1 or not isinstance(self.rows, np.ndarray):
            return self
        return replace(self, rows=self.rows[:, : axes + 1], axes=self.axes[:, :axes])

    def held(self, axes: int) -> float:
        """Share of the variance that the first principal axes hold, in [0, 1]; 1 when sparse."""
        if not isinstance(self.rows, np.ndarray):
            return 1.0
        of_axis = np.einsum("ij,ij,i->j", self.rows, self.rows, self.count)[1:]
        total = float(of_axis.sum(dtype=np.float64))
        return float(of_axis[:axes].sum(dtype=np.float64)) / total if total > 0 else 1.0

    def turn_names(self, names: Floats) -> Floats:
        """``[C, d]`` weights whose product with a row is, but for a constant, the cosine of name and vector."""
        return self.turn(names * np.float32(self.scale / self.length**2))

    def save(self, folder: Path) -> None:
        """Write into `folder`, so that any number of processes can share one copy (see :meth:`load`)."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "small.npz",
            target=self.target,
            count=self.count,
            row_of=self.row_of,
            bounds=np.array(self.bounds),
            mean=self.mean,
            axes=self.axes,
            scale=np.float64(self.scale),
            length=np.float64(self.length),
        )
        if self.example is not None:
            np.save(folder / "example.npy", self.example)
        if self.group is not None:
            np.save(folder / "group.npy", self.group)
        if isinstance(self.rows, np.ndarray):
            np.save(folder / "rows.npy", self.rows)
        else:
            save_npz(folder / "rows.npz", self.rows, compressed=False)

    @classmethod
    def load(cls, folder: Path) -> Vectors:
        """Read what :meth:`save` wrote; dense rows are memory-mapped, read-only."""
        dense = folder / "rows.npy"
        rows = np.load(dense, mmap_mode="r") if dense.is_file() else csr_array(load_npz(folder / "rows.npz"))
        with np.load(folder / "small.npz") as small:
            return cls(
                rows=rows,
                target=small["target"],
                count=small["count"],
                row_of=small["row_of"],
                bounds=tuple(int(b) for b in small["bounds"]),
                mean=small["mean"],
                axes=small["axes"],
                scale=float(small["scale"]),
                length=float(small["length"]),
                example=np.load(example) if (example := folder / "example.npy").is_file() else None,
                group=np.load(group) if (group := folder / "group.npy").is_file() else None,
            )


def prepare(
    vectors: Floats, target: Codes, fold: NDArray[np.integer], same: Codes, *, several: bool = False
) -> Vectors:
    """Merge, sort, centre and rotate.

    Parameters
    ----------
    vectors
        ``[n, d]`` float32.
    target
        ``[n]`` class codes, >= 0.
    fold
        ``[n]`` outer fold of each example; -1 for those that are always used for training.
    same
        ``[n]`` equal numbers mean equal vectors.
    several
        Whether examples with equal numbers are labels of one text, instead of copies of it.

    Raises
    ------
    InputError
        If a vector is not finite, or all are equal.
    """
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise InputError(
            f"{len(bad)} of {len(vectors)} vectors hold values that are not finite (first: row {bad[0]}).",
            hint="Drop or repair these rows; an encoder never returns such values.",
        )
    first, row_of, count, bounds = _merge(target, fold, same)
    picked = vectors[first].astype(np.float32, copy=False)
    weight = (count / count.sum()).astype(np.float64)
    mean = (weight @ picked.astype(np.float64)).astype(np.float32)
    centred = picked - mean
    length = float(np.sqrt(weight @ np.einsum("ij,ij->i", picked, picked, dtype=np.float64)))
    if not np.abs(centred).max() > 1e-12 * max(length, 1e-300):
        raise InputError("All vectors are equal, so nothing can be learned from them.", hint="Check the texts.")
    scale = float(np.sqrt(weight @ np.einsum("ij,ij->i", centred, centred, dtype=np.float64)))
    centred /= np.float32(scale)
    covariance = (centred * weight[:, None].astype(np.float32)).T @ centred
    _, axes = np.linalg.eigh(covariance.astype(np.float64))
    axes = axes[:, ::-1]
    axes = (axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(len(axes))])).astype(np.float32)
    rows = np.empty((len(centred), centred.shape[1] + 1), np.float32)
    rows[:, 0] = 1.0
    np.matmul(centred, axes, out=rows[:, 1:])
    return Vectors(
        rows=rows,
        target=target[first].astype(np.int64),
        count=count.astype(np.float32),
        row_of=row_of,
        bounds=bounds,
        mean=mean,
        axes=axes,
        scale=scale,
        length=length,
        example=same[first].astype(np.int64) if several else None,
    )


def prepare_sparse(
    vectors: csr_array, target: Codes, fold: NDArray[np.integer], same: Codes, *, several: bool = False
) -> Vectors:
    """Merge and sort sparse vectors, such as TF-IDF; they are neither centred nor rotated, which would fill them."""
    first, row_of, count, bounds = _merge(target, fold, same)
    picked = csr_array(vectors[first], dtype=np.float32)
    ones = csr_array(np.ones((len(first), 1), np.float32))
    empty = np.empty(0, np.float32)
    return Vectors(
        rows=csr_array(hstack([ones, picked], format="csr")),
        target=target[first].astype(np.int64),
        count=count.astype(np.float32),
        row_of=row_of,
        bounds=bounds,
        mean=empty,
        axes=empty,
        scale=1.0,
        length=1.0,
        example=same[first].astype(np.int64) if several else None,
    )


def prepare_given(
    vectors: Floats,
    target: Codes,
    fold: NDArray[np.integer],
    same: Codes,
    *,
    group: Codes,
    several: bool = False,
) -> Vectors:
    """Merge and sort vectors, or rows of token numbers, whose columns stay as they are: for other than linear learners.

    Parameters
    ----------
    group
        ``[n]`` equal numbers mean equal or nearly equal texts.
    """
    first, row_of, count, bounds = _merge(target, fold, same)
    empty = np.empty(0, np.float32)
    return Vectors(
        rows=np.concatenate([np.ones((len(first), 1), np.float32), vectors[first]], axis=1),
        target=target[first].astype(np.int64),
        count=count.astype(np.float32),
        row_of=row_of,
        bounds=bounds,
        mean=empty,
        axes=empty,
        scale=1.0,
        length=1.0,
        example=same[first].astype(np.int64) if several else None,
        group=group[first].astype(np.int64),
    )


def _merge(
    target: Codes, fold: NDArray[np.integer], same: Codes
) -> tuple[Codes, Codes, NDArray[np.int64], tuple[int, ...]]:
    """First example of each merged row, row of each example, count of each row, bounds of the folds."""
    key = np.stack([fold.astype(np.int64), same.astype(np.int64), target.astype(np.int64)], axis=1)
    _, first, row_of, count = np.unique(key, axis=0, return_index=True, return_inverse=True, return_counts=True)
    bounds = np.searchsorted(fold[first], np.arange(-1, int(fold.max()) + 2))
    return first, row_of.reshape(-1).astype(np.int64), count.astype(np.int64), tuple(int(b) for b in bounds)

"""Training rows with the vectors of texts that were made out of theirs, as a remedy picks them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.vectors import Vectors
from evenshelf.remedies import Prior, Remedy, Stage, Variants, joined

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class VariantRows:
    """Vectors of texts that were made out of texts.

    Attributes
    ----------
    rows
        ``[m, d + 1]`` in the axes of :attr:`Vectors.rows`.
    source
        ``[m]`` row of :class:`Vectors` that each was made of, ascending.
    number
        ``[m]`` from 0, which of the texts that were made of its source it is.
    seconds
        CPU time of making and encoding all of them.
    """

    rows: Floats
    source: Codes
    number: Codes
    seconds: float

    @classmethod
    def of(cls, given: Floats, source: Codes, number: Codes, vectors: Vectors, seconds: float) -> VariantRows:
        """From vectors ``[m, d]`` as the encoder makes them, and the rows that they were made of."""
        if len(vectors.axes):
            given = vectors.turn((given - vectors.mean) / np.float32(vectors.scale))
        ones = np.ones((len(given), 1), np.float32)
        return cls(np.concatenate([ones, given], axis=1).astype(np.float32), source, number, seconds)

    def save(self, folder: Path) -> None:
        """Write into `folder`; see :meth:`load`."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "small.npz", source=self.source, number=self.number, seconds=np.float64(self.seconds))
        np.save(folder / "rows.npy", self.rows)

    @classmethod
    def load(cls, folder: Path) -> VariantRows:
        """Read what :meth:`save` wrote; rows are memory-mapped, read-only."""
        with np.load(folder / "small.npz") as small:
            rows = np.load(folder / "rows.npy", mmap_mode="r")
            return cls(rows, small["source"], small["number"], float(small["seconds"]))


def acting_on_rows(remedy: Remedy) -> Remedy:
    """What is left of a remedy once it has picked its made texts: to all else they are training rows."""
    return joined([part for part in remedy.parts if Stage.VARIANTS not in part.stages])


def widened(
    vectors: Vectors, variants: VariantRows, remedy: Remedy, folds: tuple[int, ...], rng: np.random.Generator
) -> Vectors:
    """Rows of some folds with those of made texts that a remedy picks; each is in the fold and group of its source.

    Parameters
    ----------
    vectors
        Dense, each row with one label.
    folds
        That are trained on; rows of others are left out of what is returned, and so is :attr:`Vectors.row_of`.
    rng
        Source of all randomness.
    """
    fold = np.repeat(np.arange(-1, vectors.folds), np.diff(vectors.bounds))
    index = vectors.index(folds)
    inside = np.flatnonzero(np.isin(fold[variants.source], folds))
    source = variants.source[inside]
    classes = int(vectors.target.max()) + 1
    prior = Prior(np.rint(np.bincount(vectors.target[index], vectors.count[index], classes)).astype(np.int64))
    made = Variants(source, variants.number[inside], vectors.target[source])
    picked = remedy.pick(made, prior, rng)
    chosen = inside[:0] if picked is None else inside[picked]
    of = variants.source[chosen]
    maker = remedy.text_maker
    rows = vectors.rows[of] if maker is not None and maker.copied else variants.rows[chosen]
    both = np.concatenate([index, of])
    order = np.argsort(fold[both], kind="stable")
    ones = np.ones(len(of), np.float32)
    return replace(
        vectors,
        rows=np.concatenate([vectors.rows[index], rows])[order],
        target=vectors.target[both][order],
        count=np.concatenate([vectors.count[index], ones])[order],
        row_of=np.empty(0, np.int64),
        bounds=tuple(int(b) for b in np.searchsorted(fold[both][order], np.arange(-1, vectors.folds + 1))),
        group=None if vectors.group is None else vectors.group[both][order],
        made=(np.arange(len(both)) >= len(index))[order],
    )

"""The dense leg of the search: which rows have the vectors nearest to that of a query.

Up to :attr:`Layout.flat_below` rows, all rows that pass the filter are compared in 8 bits; the best few are compared
again in 16 bits, and these cosines are given back. Above, rows lie in lists of near ones, and only those of the lists
nearest to the query are compared. Rows that were added since the build are always compared all. Why it is made so:
decision 23 (``docs/decisions/0023-vectors-in-8-bits-then-16.md``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evenshelf.encoders.base import Vectors
from evenshelf.encoders.cores import usable_cores
from evenshelf.errors import InputError, SettingError
from evenshelf.index.dense_codes import CoarseQuery, Codes, Exact, coarse_query, coarse_step, coarsened, encoded
from evenshelf.index.dense_files import (
    MANIFEST,
    Stored,
    Writing,
    damaged,
    read_array,
    read_manifest,
    write_array,
    write_manifest,
)
from evenshelf.index.dense_lists import Lists, grouped
from evenshelf.index.dense_tail import Tail

REVISION = 1
"""Of the files; others are refused."""
DTYPES = {"fine": "<i2", "scale": "<f4", "coarse": "|i1"}
DTYPES |= {"centres": "|i1", "centre_step": "<f4", "starts": "<i8", "order": "<i8"}
"""Of the arrays on the disk; the second line is there with lists only."""
BLOCK = 8192
"""Rows written at once."""
DIRECT = 1024
"""Where no more rows than this are allowed, they are compared in 16 bits at once."""
LENGTH = 1e-2
"""How far the length of a vector may be from one."""


@dataclass(frozen=True)
class Layout:
    """How an index is laid out when it is built.

    Parameters
    ----------
    flat_below
        With fewer rows there are no lists: all rows are compared.
    effort
        With lists, a query is compared with this many times the square root of the number of rows (that pass the
        filter). More finds more and takes longer.
    """

    flat_below: int = 250_000
    effort: float = 150.0

    def __post_init__(self) -> None:
        if self.flat_below < 1 or not self.effort > 0:
            raise SettingError(f"flat_below={self.flat_below} and effort={self.effort} must be above nought.")


@dataclass(frozen=True, eq=False)
class _Base:
    """What was built: rows in their order in 16 bits, and in 8 bits in the order of the lists if there are any."""

    exact: Exact
    codes: Codes
    lists: Lists | None
    layout: Layout

    def likely(self, query: CoarseQuery, k: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Allowed rows among which the best ``k`` are, with lists the best of those looked at."""
        if self.lists is None:
            return self.codes.likely(query, k, allowed)
        return self.lists.nearest(self.codes, query, k, allowed=allowed, effort=self.layout.effort)


class DenseIndex:
    """Unit vectors of rows 0 to n-1, by nearness to a query.

    A value never changes, so any number of threads may search it while others are made of it. A search runs on one
    core and leaves the others to other searches.

    Examples
    --------
    >>> import tempfile
    >>> index = DenseIndex.build(Path(tempfile.mkdtemp()) / "dense", np.eye(4, dtype=np.float32))
    >>> index = index.extended(np.array([[0.6, 0.8, 0.0, 0.0]], np.float32))
    >>> rows, cosines = index.nearest(np.array([0.0, 1.0, 0.0, 0.0], np.float32), 2)
    >>> rows.tolist(), cosines.round(3).tolist()
    ([1, 4], [1.0, 0.800000011920929])
    """

    def __init__(self, base: _Base, tail: Tail) -> None:
        self._base = base
        self._tail = tail

    @classmethod
    def build(
        cls,
        folder: Path,
        vectors: NDArray[np.float32] | Iterable[NDArray[np.float32]],
        *,
        threads: int | None = None,
        progress: Callable[[int], None] | None = None,
        layout: Layout | None = None,
    ) -> DenseIndex:
        """Write an index and open it.

        Parameters
        ----------
        folder
            Made if it is not there; must not hold an index.
        vectors
            ``[n, d]``, unit rows or zero, or blocks of such; an index of no rows needs one block ``[0, d]`` to know
            ``d``. Blocks are read once and not kept.
        threads
            How many to compute with; None for one a core. It does not change the result.
        progress
            Told how many rows were finished since its last call; the numbers add up to ``n``.
        layout
            The default one if None.

        Raises
        ------
        InputError
            If the vectors are not finite, not of unit length or not of one dimension; if the folder holds an index
            or cannot be written to.
        """
        layout, progress, folder = layout or Layout(), progress or _silent, Path(folder)
        if (folder / MANIFEST).exists():
            raise InputError(f"{folder} holds an index of vectors already.", hint="Build into a new folder.")
        arrays = _write_exact(folder, _blocks(vectors) if isinstance(vectors, np.ndarray) else iter(vectors))
        exact = Exact(*(read_array(_file(folder, name), arrays[name]) for name in ("fine", "scale")))
        lists = None
        if len(exact) >= layout.flat_below:
            lists = grouped(exact.vectors, len(exact), threads=threads or usable_cores(), progress=progress)
            parts: dict[str, NDArray[Any]] = {"centres": lists.centres.coarse, "centre_step": lists.centres.step}
            parts |= {"starts": lists.starts, "order": lists.order}
            arrays |= {name: write_array(_file(folder, name), part, DTYPES[name]) for name, part in parts.items()}
        with Writing(_file(folder, "coarse"), DTYPES["coarse"]) as coarse:
            for start in range(0, len(exact), BLOCK):
                part = slice(start, min(len(exact), start + BLOCK))
                coarse.append(coarsened(exact.fine[part] if lists is None else exact.fine.take(lists.order[part], 0)))
                if lists is None:
                    progress(part.stop - part.start)
            arrays["coarse"] = coarse.finish(exact.fine.shape[1])
        write_manifest(folder, {"revision": REVISION, "layout": asdict(layout)}, arrays)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> DenseIndex:
        """Map an index into memory; everything is read once, for its checksums.

        Raises
        ------
        InputError
            If the folder holds no index, or one of other software or that is damaged.
        """
        folder = Path(folder)
        facts, stored = read_manifest(folder)
        if facts.get("revision") != REVISION:
            raise InputError(
                f"{folder} was written by another release (revision {facts.get('revision')}, not {REVISION}).",
                hint="Build the index again.",
            )
        read = {name: read_array(_file(folder, name), one) for name, one in stored.items()}
        try:
            layout = Layout(**facts["layout"])
            exact, coarse = Exact(read["fine"], read["scale"]), read["coarse"]
            if "order" not in read:
                return cls(_Base(exact, Codes(coarse, coarse_step(exact.scale)), None, layout), Tail(coarse.shape[1]))
            lists = Lists(Codes(read["centres"], read["centre_step"]), read["starts"], read["order"])
        except (KeyError, TypeError) as error:
            raise damaged(folder / MANIFEST, "is not what was written") from error
        codes = Codes(coarse, coarse_step(exact.scale.take(lists.order)))
        return cls(_Base(exact, codes, lists, layout), Tail(coarse.shape[1]))

    def __len__(self) -> int:
        """How many rows, those that were added included."""
        return len(self._base.exact) + len(self._tail)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._base.exact.fine.shape[1])

    @property
    def added(self) -> int:
        """How many rows were added since the build: they are in memory alone, and every query is compared with them."""
        return len(self._tail)

    def extended(self, vectors: NDArray[np.float32]) -> DenseIndex:
        """Return an index with ``[m, d]`` more rows, in memory; this one stays as it is.

        Raises
        ------
        InputError
            If the vectors are not finite, of unit length or zero, or of another dimension.
        """
        return DenseIndex(self._base, self._tail.extended(_checked(vectors, self.dimension, 0)))

    def nearest(
        self, query: NDArray[np.float32], k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the allowed rows that are nearest to a query.

        Parameters
        ----------
        query
            ``[d]``, of unit length or zero.
        k
            How many rows, at least one.
        allowed
            ``[n]``; None if all rows are. A row that is not allowed is never given.

        Returns
        -------
        rows
            The best ``k`` rows, or all allowed ones if there are fewer; descending by cosine, equal ones by row. With
            lists some of the best may be missing, and others stand in their place.
        cosines
            Float32, that of each row.

        Raises
        ------
        InputError
            If ``query`` or ``allowed`` have the wrong shape or type, or the query is not finite or not of unit length.
        SettingError
            If ``k`` is below one.
        """
        query = self._query(query)
        if k < 1:
            raise SettingError(f"k={k} must be at least 1.")
        if allowed is not None and (allowed.dtype != np.bool_ or allowed.shape != (len(self),)):
            raise InputError(
                f"allowed is {allowed.dtype} of shape {allowed.shape}, not bool of shape ({len(self)},).",
                hint="It says of each row of this index whether it may be given.",
            )
        rows = self._candidates(query, k, allowed)
        cosines = self._cosines(query, rows)
        order = np.lexsort((rows, -cosines))[:k]
        return rows[order], cosines[order]

    def cosines(self, query: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosines of some rows to a query.

        Parameters
        ----------
        query
            ``[d]``, of unit length or zero.
        rows
            ``[m]``, in any order.

        Returns
        -------
        numpy.ndarray
            ``[m]`` float32.

        Raises
        ------
        InputError
            If the query is not as :meth:`nearest` wants it, or there is no such row.
        """
        return self._cosines(self._query(query), self._rows(rows))

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """``[m, d]``, the vectors of some rows as they are stored.

        Raises
        ------
        InputError
            If there is no such row.
        """
        rows = self._rows(rows)
        found = np.empty((len(rows), self.dimension), np.float32)
        for exact, here, local in self._parts(rows):
            found[here] = exact.vectors(local)
        return found

    def _candidates(self, query: Vectors, k: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Rows among which the best ``k`` are."""
        built, few = len(self._base.exact), max(k, DIRECT)
        total = len(self) if allowed is None else int(np.count_nonzero(allowed))
        blind = not query.any()  # all rows are equally near, and the first ones are given
        if total <= few or blind:
            rows = np.arange(total) if allowed is None else np.flatnonzero(allowed)
            return rows[:k] if blind else rows
        coarse = coarse_query(query)
        first, second = (None, None) if allowed is None else (allowed[:built], allowed[built:])
        rows = self._base.likely(coarse, k, first)
        if not len(self._tail):
            return rows
        return np.concatenate([rows, self._tail.codes.likely(coarse, k, second) + built])

    def _cosines(self, query: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        found = np.empty(len(rows), np.float32)
        for exact, here, local in self._parts(rows):
            found[here] = exact.cosines(query, local)
        return found

    def _parts(self, rows: NDArray[np.int64]) -> Iterator[tuple[Exact, NDArray[np.bool_] | slice, NDArray[np.int64]]]:
        """Which of the rows lie where, and their numbers there."""
        built = len(self._base.exact)
        if not len(self._tail):
            yield self._base.exact, slice(None), rows
            return
        old = rows < built
        yield self._base.exact, old, rows[old]
        yield self._tail.exact, ~old, rows[~old] - built

    def _query(self, query: ArrayLike) -> Vectors:
        found = np.asarray(query, np.float32)
        if found.ndim != 1:
            raise InputError(f"a query has shape {found.shape}, not ({self.dimension},).", hint="Ask one at a time.")
        row: Vectors = _checked(found[None], self.dimension, 0)[0]
        return row

    def _rows(self, rows: ArrayLike) -> NDArray[np.int64]:
        found = np.asarray(rows, np.int64)
        wrong = found[(found < 0) | (found >= len(self))]
        if found.ndim != 1 or len(wrong):
            what = f"row {wrong[0]}" if len(wrong) else f"an array of rows of shape {found.shape}"
            raise InputError(f"there is no {what}.", hint=f"Rows are a list of numbers from 0 to {len(self) - 1}.")
        return found


def _file(folder: Path, name: str) -> Path:
    """Where an array is."""
    return folder / f"{name}.bin"


def _write_exact(folder: Path, blocks: Iterator[NDArray[np.float32]]) -> dict[str, Stored]:
    """Write all vectors in 16 bits."""
    scale: list[NDArray[np.float32]] = []
    dimension, before = None, 0
    with Writing(_file(folder, "fine"), DTYPES["fine"]) as file:
        for block in blocks:
            checked = _checked(block, dimension, before)
            dimension, before = checked.shape[1], before + len(checked)
            rows = encoded(checked)
            file.append(rows.fine)
            scale.append(rows.scale)
        if dimension is None:
            raise InputError("there is no block of vectors.", hint="Give one of shape [0, d] for an empty index.")
        fine = file.finish(dimension)
    return {"fine": fine, "scale": write_array(_file(folder, "scale"), np.concatenate(scale), DTYPES["scale"])}


def _blocks(vectors: Vectors) -> Iterator[Vectors]:
    if vectors.ndim != 2 or not len(vectors):
        return iter((vectors,))
    return (vectors[start : start + BLOCK] for start in range(0, len(vectors), BLOCK))


def _checked(vectors: ArrayLike, dimension: int | None, before: int) -> Vectors:
    """``[m, d]`` float32, contiguous; ``before`` rows came earlier.

    Raises
    ------
    InputError
        If they are not what an index holds.
    """
    found = np.ascontiguousarray(vectors, np.float32)
    if found.ndim != 2 or not found.shape[1] or dimension not in (None, found.shape[1]):
        shape = f"[m, {dimension or 'd'}]"
        raise InputError(f"vectors have shape {found.shape}, not {shape}.", hint="Use one encoder for all of them.")
    length = np.sqrt(np.einsum("ij,ij->i", found, found))
    wrong = np.flatnonzero(~((np.abs(length - 1) <= LENGTH) | (length == 0)))
    if len(wrong):
        raise InputError(
            f"the vector of row {before + wrong[0]} has length {length[wrong[0]]:.4g}, not 1.",
            hint="Vectors of an encoder are finite and of unit length, or zero; scale them.",
        )
    return found


def _silent(_: int) -> None:
    return None

"""Rankers as arrays and numbers with names, and back: what a bundle keeps of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import InputError

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]
SPARSE = ("data", "indices", "indptr", "shape")
"""Arrays of a sparse matrix, after its name and a dot."""
_HINT = "Train the bundle again."


def flat(name: str, matrix: csr_array | NDArray[Any]) -> Arrays:
    """The arrays of a matrix, sparse or not, each with a name of its own."""
    if not isinstance(matrix, csr_array):
        return {name: np.ascontiguousarray(matrix)}
    return {f"{name}.{part}": np.asarray(getattr(matrix, part)) for part in SPARSE}


class Unpacked:
    """Arrays and numbers of a ranker that came from somewhere: asked for by name, and what does not fit is told.

    Parameters
    ----------
    numbers
        JSON-able.
    arrays
        Finite numbers, as :func:`evenshelf.bundles.arrays.read_arrays` gives them.
    items
        How many there are.
    """

    def __init__(self, numbers: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], items: int) -> None:
        self._numbers, self._arrays, self.items = numbers, arrays, items

    def inside(self, prefix: str, numbers: Mapping[str, Any]) -> Unpacked:
        """A ranker inside of this one, whose arrays have a prefix."""
        own = {name.removeprefix(prefix): found for name, found in self._arrays.items() if name.startswith(prefix)}
        return Unpacked(numbers, own, self.items)

    def has(self, name: str) -> bool:
        """Whether there is a matrix or an array of a name."""
        return name in self._arrays or f"{name}.data" in self._arrays

    def below(self, prefix: str) -> tuple[str, ...]:
        """What stands after a prefix in the names of arrays, in alphabetical order."""
        return tuple(sorted(name.removeprefix(prefix) for name in self._arrays if name.startswith(prefix)))

    def number(self, name: str, low: float = -math.inf, high: float = math.inf) -> float:
        """A number in a range.

        Raises
        ------
        InputError
            If there is none.
        """
        value = self._numbers.get(name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= value <= high:  # type: ignore[operator]
            raise InputError(f"{name} is {value!r}, and has to be a number in [{low:g}, {high:g}].", hint=_HINT)
        return float(value)  # type: ignore[arg-type]

    def given(self, name: str, kind: type) -> Any:
        """A value of a kind: text, a truth value, a list or a mapping.

        Raises
        ------
        InputError
            If it is another.
        """
        value = self._numbers.get(name)
        if type(value) is not kind:
            raise InputError(f"{name} is {value!r}, and has to be of the kind {kind.__name__}.", hint=_HINT)
        return value

    def array(self, name: str, *shape: int | None, kinds: str = "f") -> NDArray[Any]:
        """An array of a shape, where ``None`` is any length.

        Raises
        ------
        InputError
            If there is none, or it is of another shape or kind of numbers.
        """
        if name not in self._arrays:
            raise InputError(f"The array {name!r} is missing.", hint=_HINT)
        found = self._arrays[name]
        fits = len(found.shape) == len(shape) and all(w in (None, n) for n, w in zip(found.shape, shape, strict=True))
        if not fits or found.dtype.kind not in kinds:
            raise InputError(f"The array {name!r} of {found.dtype} and shape {found.shape} does not fit.", hint=_HINT)
        return found

    def positive(self, name: str) -> NDArray[Any]:
        """``[I]`` numbers above 0.

        Raises
        ------
        InputError
            If there are none, or not of every item, or one is not above 0.
        """
        found = self.array(name, self.items)
        if not (found > 0).all():
            raise InputError(f"The array {name!r} holds numbers that are not above 0.", hint=_HINT)
        return found

    def matrix(self, name: str, rows: int, columns: int | None) -> csr_array | Floats:
        """A matrix, sparse if it was; with `columns` of ``None`` it may have any number.

        Raises
        ------
        InputError
            If there is none, it is of another shape, or names places that it does not have.
        """
        if name in self._arrays:
            return self.array(name, rows, columns)
        data, indices = self.array(f"{name}.data", None), self.array(f"{name}.indices", None, kinds="i")
        indptr, shape = self.array(f"{name}.indptr", rows + 1, kinds="i"), self.array(f"{name}.shape", 2, kinds="i")
        wide = int(shape[1])
        # before scipy is given them: it reads where they point
        whole = (
            shape[0] == rows
            and wide >= 0
            and columns in (None, wide)
            and indptr[0] == 0
            and bool((np.diff(indptr) >= 0).all())
            and indptr[-1] == len(data) == len(indices)
            and (not len(indices) or bool(0 <= indices.min() <= indices.max() < wide))
        )
        if not whole:
            raise InputError(f"The sparse matrix {name!r} does not fit to {rows:,} rows.", hint=_HINT)
        return csr_array((data, indices, indptr), shape=(rows, wide))

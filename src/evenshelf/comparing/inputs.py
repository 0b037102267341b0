"""What people have in memory - lists, numpy, pandas, polars, scipy - as texts, a matrix, labels and groups.

pandas is never imported: its containers are known by the methods they have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.tasks.traits import read_traits

LARGEST_DENSE = 2**30
"""Bytes up to which a sparse matrix is made dense."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Texts or vectors; exactly one of the two is there.

    Attributes
    ----------
    texts
        ``[n]``, ``None`` where one is missing.
    matrix
        ``[n, d]`` float32.
    """

    texts: list[str | None] | None = None
    matrix: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.matrix if self.texts is None else self.texts)  # type: ignore[arg-type]


def read_examples(given: Any) -> Examples:
    """Texts from a one-dimensional container of strings, a matrix from a two-dimensional one of numbers.

    Raises
    ------
    InputError
        If it is neither, or a number is not finite.
    """
    if isinstance(given, str):
        raise InputError("The texts are one string, not a list of strings.", hint="Give a list, one text an example.")
    if sp.issparse(given):
        return Examples(matrix=_dense(given))
    if _is_table(given):
        return _from_table(given)
    if isinstance(given, np.ndarray) and given.ndim != 1:
        return Examples(matrix=_matrix(given))
    values = values_of(given, "The texts")
    present = [v for v in values if not is_missing(v)]
    if present and all(isinstance(v, (Sequence, np.ndarray)) and not isinstance(v, str) for v in present):
        return Examples(matrix=_matrix(values))
    wrong = [i for i, v in enumerate(values) if not is_missing(v) and not isinstance(v, str)]
    if wrong:
        raise InputError(
            f"{len(wrong)} of {len(values)} texts are no text (first: row {wrong[0]}, "
            f"{type(values[wrong[0]]).__name__} {_short(values[wrong[0]])}).",
            hint="Give strings, or a matrix with one row of numbers an example.",
        )
    return Examples(texts=[None if is_missing(v) else str(v) for v in values])


def read_labels(given: Any, what: str = "The labels") -> list[str | None]:
    """Labels as text, ``None`` where one is missing; whole numbers lose the ``.0`` that a missing one gave them."""
    values = values_of(given, what)
    known = [v for v in values if not is_missing(v)]
    floats = [v for v in known if isinstance(v, float)]
    whole = bool(floats) and len(floats) == len(known) and all(v.is_integer() for v in floats)
    return [None if is_missing(v) else str(int(v) if whole else v) for v in values]


def read_groups(given: Any) -> NDArray[np.int64]:
    """Group numbers.

    Raises
    ------
    InputError
        If a group is missing.
    """
    values = read_labels(given, "The groups")
    missing = [i for i, v in enumerate(values) if v is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(values)} groups are missing (first: row {missing[0]}).",
            hint="Give every example a group; one that belongs to no other gets a group of its own.",
        )
    _, codes = np.unique(np.array(values, dtype=object).astype(str), return_inverse=True)
    return codes.reshape(-1).astype(np.int64)


def read_names(given: Any, classes: Sequence[str], labels: Any) -> list[Any]:
    """What each class is called (a text, or a vector), in the order of `classes`.

    Parameters
    ----------
    given
        A dictionary from label to name, or a list in the order of the sorted labels.
    classes
        ``[C]`` the labels as text.
    labels
        The labels as they were given: numbers are sorted by size, texts by letter.

    Raises
    ------
    InputError
        With the classes that have no name, the two numbers that should be equal, or if the order is not clear.
    """
    if isinstance(given, Mapping):
        named = dict(zip(read_labels(list(given)), given.values(), strict=True))
        missing = [c for c in classes if c not in named]
        if missing:
            shown = ", ".join(map(repr, missing[:3])) + (", ..." if len(missing) > 3 else "")
            raise InputError(
                f"names lacks {len(missing)} of {len(classes)} classes: {shown}.", hint="Name every class of y."
            )
        return [named[c] for c in classes]
    values = list(given) if isinstance(given, np.ndarray) else values_of(given, "The names")
    if len(values) != len(classes):
        raise InputError(
            f"There are {len(values)} names but {len(classes)} classes.",
            hint="Give a name for each class in sorted order, or a dictionary from label to name.",
        )
    place = {c: i for i, c in enumerate(_sorted(classes, values_of(labels, "The labels")))}
    return [values[place[c]] for c in classes]


def read_by(given: Any, n: int) -> pl.DataFrame | None:
    """What examples are told apart by afterwards, a column each; ``None`` where there is none.

    Parameters
    ----------
    given
        A dictionary from name to ``[n]`` values, or a table of pandas or polars; ``None`` for nothing.
    n
        Examples.

    Raises
    ------
    InputError
        If it is neither, or a column has no name, or not one value an example.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        columns = {str(name): values for name, values in given.items()}
    elif _is_table(given):
        columns = {str(name): given[name] for name in given.columns}
    else:
        raise InputError(
            f"by is a {type(given).__name__}, neither a dictionary nor a table.",
            hint='Give the values by name, such as by={"brand": brands}.',
        )
    told = []
    for name, each in columns.items():
        if not name.strip():
            raise InputError("A column of by has no name.", hint='Name what it holds, such as by={"brand": brands}.')
        values = [None if is_missing(v) else v for v in values_of(each, f"The values of {name!r}")]
        if len(values) != n:
            raise InputError(
                f"There are {n} examples but {len(values)} values of {name!r} to tell them apart by.",
                hint="Give one value an example, None where it is not known.",
            )
        known = [v for v in values if v is not None]
        if all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in known):
            told.append(pl.Series(name, [None if v is None else float(v) for v in values], pl.Float64))
        else:
            told.append(pl.Series(name, [None if v is None else str(v) for v in values], pl.String))
    return read_traits(pl.DataFrame(told), list(columns), list(columns)) if told else None


def values_of(given: Any, what: str) -> list[Any]:
    """The values of a one-dimensional container.

    Raises
    ------
    InputError
        If it has two dimensions, or is no container.
    """
    if isinstance(given, (str, bytes, Mapping)):
        raise InputError(f"{what} are a {type(given).__name__}, not a list.", hint="Give one value an example.")
    if _is_table(given):
        if given.shape[1] != 1:
            raise InputError(
                f"{what} are a table with {given.shape[1]} columns: {', '.join(map(str, list(given.columns)[:6]))}.",
                hint="Give one column of it.",
            )
        given = given[given.columns[0]]
    shape = getattr(given, "shape", None)
    if shape is not None and len(shape) == 2 and shape[1] == 1:
        given = given.ravel()
    elif shape is not None and len(shape) != 1:
        raise InputError(
            f"{what} have the shape {tuple(shape)}; one value an example is needed.",
            hint="One-hot labels become codes with: y.argmax(axis=1)",
        )
    for method in ("to_list", "to_pylist", "tolist"):  # pandas and polars; arrow; numpy
        if hasattr(given, method):
            return list(getattr(given, method)())
    try:
        return list(given)
    except TypeError:
        raise InputError(
            f"{what} are a {type(given).__name__}, not a list.", hint="Give one value an example."
        ) from None


def is_missing(value: Any) -> bool:
    """Whether a value is ``None``, NaN, or what pandas writes for a missing one."""
    if value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return True
    return type(value).__name__ in {"NAType", "NaTType"} and type(value).__module__.startswith("pandas")


def _is_table(given: Any) -> bool:
    return hasattr(given, "columns") and hasattr(given, "shape") and len(given.shape) == 2


def _from_table(table: Any) -> Examples:
    columns = list(table.columns)
    if len(columns) == 1 and any(isinstance(v, str) for v in values_of(table, "The texts")):
        return read_examples(table[columns[0]])
    texts = [str(c) for c in columns if any(isinstance(v, str) for v in values_of(table[c], "A column"))]
    if texts:
        raise InputError(
            f"The table has {len(columns)} columns, of which {', '.join(texts[:4])} hold text.",
            hint=f"Give one column of texts, such as table[{texts[0]!r}], or a table of numbers only.",
        )
    return Examples(matrix=_matrix(table.to_numpy()))


def _dense(given: Any) -> NDArray[np.float32]:
    size = given.shape[0] * given.shape[1] * 4
    if size > LARGEST_DENSE:
        raise InputError(
            f"The sparse matrix would take {size / 2**30:.1f} GiB as a dense one, over the limit of 1 GiB.",
            hint="Reduce it first, such as with sklearn.decomposition.TruncatedSVD(512), or give the texts.",
        )
    return _matrix(given.toarray())


def _matrix(given: Any) -> NDArray[np.float32]:
    try:
        matrix = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The examples are no matrix of numbers: {error}.", hint="Give rows of equally many numbers, or texts."
        ) from None
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise InputError(
            f"The matrix has the shape {matrix.shape}; one row an example and one column a feature are needed.",
            hint="A single feature becomes a column with: x.reshape(-1, 1)",
        )
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise InputError(
            f"{len(bad)} of {len(matrix)} rows hold a value that is missing or infinite (first: row {bad[0]}).",
            hint="Fill or drop these rows first.",
        )
    return matrix


def _sorted(classes: Sequence[str], labels: Sequence[Any]) -> list[str]:
    """The classes in the order of the labels: numbers by size, texts by letter."""
    by_letter = sorted(classes)
    try:
        by_size = sorted(classes, key=float)
    except ValueError:
        return by_letter
    known = [label for label in labels if not is_missing(label)]
    if all(isinstance(label, (int, float, np.number)) and not isinstance(label, bool) for label in known):
        return by_size
    if by_size != by_letter:
        raise InputError(
            f"The labels are texts that hold numbers, so a list of names can be read in two orders: "
            f"{', '.join(by_letter[:4])}, ... or {', '.join(by_size[:4])}, ...",
            hint="Give a dictionary from label to name.",
        )
    return by_letter


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."

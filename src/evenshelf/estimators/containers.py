"""Rows of what people have in memory, given back as what it was: arrays, lists, frames of pandas and polars.

Neither library is imported: their containers are known by the methods they have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]

BLOCK = 1024


def take(given: Any, index: Codes) -> Any:
    """Rows `index` of a container; a frame of pandas gets a new index, since rows may come twice."""
    if hasattr(given, "iloc"):
        return given.iloc[index].reset_index(drop=True)
    if _is_polars(given):
        return given[index]
    if isinstance(given, (list, tuple)):
        return [given[i] for i in index.tolist()]
    return np.asarray(given)[index]


def between(given: Any, values: NDArray[Any], first: Codes, second: Codes, step: NDArray[np.float32]) -> Any:
    """Rows ``(1 - step) x[first] + step x[second]`` of a container.

    Parameters
    ----------
    given
        ``[n, d]`` the container.
    values
        ``[n, d]`` its numbers; rows beyond them are of no row of the container.

    Returns
    -------
    ``[m, d]`` in the type of `given`. Where each row is one of the container's, all columns keep their types; otherwise
    those of floats do, and others become floats: a point between two whole numbers is not whole.
    """
    moved = np.flatnonzero((step != 0) & (first != second))
    if not len(moved) and first.max(initial=0) < len(given):
        return take(given, first)
    made = values[first].astype(values.dtype if values.dtype.kind == "f" else np.float64, copy=False)
    for low in range(0, len(moved), BLOCK):
        at = moved[low : low + BLOCK]
        start = made[at]
        made[at] = start + step[at, None] * (values[second[at]] - start)
    if hasattr(given, "iloc"):
        frame = type(given)(made, columns=given.columns)
        return frame.astype({name: kind for name, kind in given.dtypes.items() if kind.kind == "f"})
    if _is_polars(given):
        floats = {name: kind for name, kind in given.schema.items() if kind.is_float()}
        return type(given)(made, schema=given.columns).cast(floats)
    return made.tolist() if isinstance(given, (list, tuple)) else made


def _is_polars(given: Any) -> bool:
    return type(given).__module__.partition(".")[0] == "polars"

"""Sums of rows by group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sums(group: NDArray[Any], values: NDArray[Any] | None = None, size: int = 0) -> NDArray[np.float64]:
    """Sum of values of each group, of at least `size` groups; without values their number."""
    return np.bincount(group, None if values is None else np.asarray(values, np.float64), size).astype(np.float64)

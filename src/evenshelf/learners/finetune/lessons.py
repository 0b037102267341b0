"""What a language model is tuned to: texts, or points between two of them, each with a group and a weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lessons:
    """What is learned from: points between the vectors of two texts, each with a group.

    Attributes
    ----------
    rows
        ``[n, length]`` tokens of texts.
    first, second, step
        ``[m]`` a point is ``(1 - step) v[first] + step v[second]`` of the tuned vectors: of Mixup or SMOTE, inside the
        network. Plain texts have step 0.
    target, weight
        ``[m]`` group and weight.
    """

    rows: Floats
    first: Codes
    second: Codes
    step: Floats
    target: Codes
    weight: Floats

    @classmethod
    def plain(cls, rows: Floats, target: Codes, weight: Floats | None = None) -> Lessons:
        """Texts as they are."""
        index = np.arange(len(rows))
        ones = np.ones(len(rows), np.float32)
        return cls(rows, index, index, np.zeros(len(rows), np.float32), target, ones if weight is None else weight)

    def __len__(self) -> int:
        return len(self.target)

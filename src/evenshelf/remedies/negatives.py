"""What an example competes with in training, where that is a draw of the groups and not all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Negatives:
    """Groups that are drawn, with replacement, for each step of training.

    The loss of an example is ``-log exp(s[y]) / (exp(s[y]) + sum over draws j != y of exp(s[j] - offset[j]))``.

    Attributes
    ----------
    count
        Draws a step, > 0.
    share
        ``[G]`` float64 probability of each group, > 0 of all, which adds up to one.
    offset
        ``[G]`` what the score of a drawn group is lessened by. With the logarithm of the expected number of its draws
        the sum is an unbiased estimate of that over all groups.
    """

    count: int
    share: NDArray[np.float64]
    offset: Floats

    def drawn(self, rng: np.random.Generator) -> tuple[Codes, Floats]:
        """A draw: ``[m]`` different groups, and ``[m]`` what to add to the score of each, repeats included."""
        edges = np.cumsum(self.share)
        places = np.searchsorted(edges, rng.random(self.count) * edges[-1], side="right")
        groups, times = np.unique(np.minimum(places, len(edges) - 1), return_counts=True)
        return groups.astype(np.int64), (np.log(times) - self.offset[groups]).astype(np.float32)

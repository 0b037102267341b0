"""Lists that a remedy may re-rank: the best groups for some users, and what is known of both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.remedies.rows import Codes, Floats


@dataclass(frozen=True, eq=False)
class Offered:
    """Candidates for some users.

    Attributes
    ----------
    items
        ``[n, k]`` groups, each once, best first; -1 in the last places of lists that have fewer, which stay last.
    scores
        ``[n, k]`` float32 logarithms of something proportional to a probability, falling; minus infinity for -1.
    length
        >= 1, how many places are seen. After these come all others, in the order in which they were given.
    vectors
        ``[G, d]`` float32 by which groups are alike, of length 1, or 0 where nothing is known; ``None`` where there are
        none.
    tastes
        ``[n, G]`` sparse, >= 0: how much of each group the user took. An empty line, or ``None`` for all, where nothing
        is known.
    """

    items: Codes
    scores: Floats
    length: int
    vectors: Floats | None = None
    tastes: csr_array | None = None

    @property
    def relevance(self) -> Floats:
        """``[n, k]`` probability of each candidate over that of the best of its list, in [0, 1]; 0 in empty places."""
        best = self.scores[:, :1]
        return np.exp(self.scores - np.where(np.isfinite(best), best, np.float32(0.0)), dtype=np.float32)

    def taken(self, part: Codes, parts: int) -> NDArray[np.float64]:
        """``[n, parts]`` shares of what each user took, by the part ``[G]`` of a group; 0 of who took nothing."""
        if self.tastes is None:
            return np.zeros((len(self.items), parts))
        amount = np.asarray(self.tastes @ np.eye(parts)[part], np.float64)
        whole = amount.sum(axis=1, keepdims=True)
        return np.asarray(amount / np.where(whole > 0, whole, 1.0))

    def of(self, users: slice | NDArray[np.integer]) -> Offered:
        """The lists of some of the users."""
        tastes = None if self.tastes is None else csr_array(self.tastes[users])
        return replace(self, items=self.items[users], scores=self.scores[users], tastes=tastes)

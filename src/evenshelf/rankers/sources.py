"""What may speak for showing an item to a user: counts, texts, attributes, each as a score of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.rankers.base import Codes, Floats, bytes_of, dense_lines
from evenshelf.rankers.grounds import TAKEN, TEXT

TEXTS = ("text", "attributes", "vectors")
"""What sources of texts are called, before the comma."""


@dataclass(frozen=True, eq=False)
class Source:
    """Scores of items by the items of a history.

    Attributes
    ----------
    name
        What is told of it.
    decay
        Of the weights of a history; see :meth:`Histories.weights`.
    left, right
        ``left`` is ``[I, I]`` likeness and `right` ``None``; or both are ``[I, d]`` vectors whose products are.
    """

    name: str
    decay: float
    left: csr_array | Floats
    right: csr_array | Floats | None = None

    @property
    def bytes(self) -> int:
        """Memory that it holds."""
        return bytes_of(self.left) + (0 if self.right is None or self.right is self.left else bytes_of(self.right))

    @property
    def kind(self) -> str:
        """What an item is shown for that it speaks for; see :class:`evenshelf.rankers.grounds.Grounds`."""
        return TEXT if self.name.partition(",")[0] in TEXTS else TAKEN

    def scores(self, weights: csr_array) -> Floats:
        """``[n, I]`` scores for histories ``[n, I]``, whose weights add up to one."""
        found = weights @ self.left
        found = found if self.right is None else found @ self.right.T
        return np.asarray(dense_lines(found), dtype=np.float32)

    def parts(self, weights: csr_array, items: Codes) -> NDArray[np.float64]:
        """``[k, n]`` what each item of one history ``[1, I]`` adds to the scores of some items."""
        rows = self.left[weights.indices]
        said = rows[:, items] if self.right is None else rows @ self.right[items].T
        return np.asarray((weights.data[:, None] * dense_lines(said).astype(np.float64)).T)

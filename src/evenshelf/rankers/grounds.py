"""Why items have their scores: what each item of a history adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.tasks.histories import Codes

TAKEN, TEXT, CATEGORY, AGAIN, POPULAR = "taken", "text", "category", "again", "popular"
"""What an item may be shown for: what a user has, texts like those of what a user has, that it is popular in the
category of what a user has, that the user has it, and that anybody takes it."""


@dataclass(frozen=True, eq=False)
class Grounds:
    """Why some items have their scores for one user.

    Attributes
    ----------
    taken
        ``[n]`` the items of the history, each once.
    parts
        ``[k, n]`` what each of these adds to what is said of each item.
    rest
        ``[k]`` what does not come from the history, such as how popular an item is.
    whole
        ``[k]`` what is said of each item, whose parts and rest these are. The score where that is a sum; of a score
        that is a logarithm with a trace of what is popular, what the logarithm is taken of; of a learned blend, what
        its strongest source says.
    kind
        ``[k]`` each :data:`TAKEN`, :data:`TEXT`, :data:`CATEGORY`, :data:`AGAIN` or :data:`POPULAR`.
    source
        ``[k]`` who says it.
    """

    taken: Codes
    parts: NDArray[np.float64]
    rest: NDArray[np.float64]
    whole: NDArray[np.float64]
    kind: tuple[str, ...]
    source: tuple[str, ...]

    @classmethod
    def of(
        cls,
        taken: Codes,
        parts: NDArray[np.floating],
        whole: NDArray[np.floating],
        *,
        source: str,
        rest: NDArray[np.floating] | None = None,
        kind: str = TAKEN,
    ) -> Grounds:
        """Of one source: what nothing of the history speaks for is popular."""
        exact = np.asarray(parts, np.float64)
        spoken = [bool((line > 0).any()) for line in exact]
        return cls(
            taken,
            exact,
            np.zeros(len(exact)) if rest is None else np.asarray(rest, np.float64),
            np.asarray(whole, np.float64),
            tuple(kind if one else POPULAR for one in spoken),
            tuple(source for _ in spoken),
        )

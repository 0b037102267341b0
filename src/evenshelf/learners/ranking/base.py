"""What every learner that ranks items for users is: fitted on histories, asked for scores of histories."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.remedies import Prior
from evenshelf.tasks.histories import Histories

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ItemFacts:
    """What is known of the items besides who took them, in the order of their codes.

    Attributes
    ----------
    words
        ``[I, v]`` TF-IDF of the words of their texts, lines of length 1 or 0; ``None`` where there are no texts.
    vectors
        ``[I, d]`` of a pretrained language model, lines of length 1 or 0; ``None`` where none was asked.
    attributes
        ``[I, a]`` like `words`, of what a shop says of items in columns.
    price
        ``[I]`` > 0, NaN where unknown.
    category
        ``[I]`` codes, -1 where unknown.
    """

    words: csr_array | None = None
    vectors: Floats | None = None
    attributes: csr_array | None = None
    price: Floats | None = None
    category: Codes | None = None

    @property
    def texts(self) -> tuple[tuple[str, csr_array], ...]:
        """What of it is text, each with its name, words first."""
        found = [("text", self.words), ("attributes", self.attributes)]
        return tuple((name, matrix) for name, matrix in found if matrix is not None)


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that a learner may look at.

    Attributes
    ----------
    histories
        Of all users.
    facts
        Of all items.
    repeats
        Whether items that a user had may be shown again; if not, learners need not tell them from others, as whoever
        asks leaves them out.
    """

    histories: Histories
    facts: ItemFacts = field(default_factory=ItemFacts)
    repeats: bool = False

    @property
    def prior(self) -> Prior:
        """How often each item was taken."""
        return Prior(self.histories.counts)


class Ranker(Protocol):
    """A fitted learner."""

    @property
    def bytes(self) -> int:
        """Memory that it holds."""

    def scores(self, histories: Histories) -> Floats:
        """``[U, I]`` scores: logarithms of something that is proportional to a probability; all finite.

        Who has no history is answered too, by what is popular.

        Parameters
        ----------
        histories
            Of some users, few enough for all their scores, with the items of those that were fitted; also users whom
            the fit has not seen. What these had has a score as all others.
        """


def log_scores(score: NDArray[np.floating], popularity: NDArray[np.number[Any]]) -> Floats:
    """``[U, I]`` logarithms of scores that are none, with a trace of what is popular, so that no line is empty.

    Parameters
    ----------
    score
        ``[U, I]``; what is below 0 counts as 0.
    popularity
        ``[I]`` how often each item was taken.
    """
    share = (popularity + 0.5) / (popularity + 0.5).sum()
    most = score.max(axis=1, keepdims=True, initial=0.0)
    scale = np.where(most > 0, most, 1.0)
    found: Floats = np.log(np.maximum(score, 0.0) / scale + 1e-6 * share).astype(np.float32)
    return found

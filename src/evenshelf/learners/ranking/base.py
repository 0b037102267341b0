"""What every learner that ranks items for users is given: histories, and what is known of the items."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import InputError
from evenshelf.rankers.base import Codes, Floats
from evenshelf.remedies import Prior, Remedy
from evenshelf.tasks.histories import Histories


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
    category
        ``[I]`` codes, -1 where unknown.
    titles
        ``[I]`` what items are called, "" where that is not known; for learners that tune a language model.
    tuned
        ``[I, d]`` like `vectors`, of a language model that was tuned to who took what; such learners add it.
    """

    words: csr_array | None = None
    vectors: Floats | None = None
    attributes: csr_array | None = None
    category: Codes | None = None
    titles: tuple[str, ...] | None = None
    tuned: Floats | None = None

    @property
    def has_titles(self) -> bool:
        """Whether it is known of any item what it is called, as it is written."""
        return self.titles is not None and any(title.strip() for title in self.titles)

    @property
    def has_texts(self) -> bool:
        """Whether it is known what items are called, in words or vectors."""
        return self.words is not None or self.vectors is not None

    @property
    def has_categories(self) -> bool:
        """Whether a category is known of any item."""
        return self.category is not None and bool((self.category >= 0).any())

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


def needed_texts(evidence: Evidence, learner: str) -> csr_array:
    """``[I, d]`` what texts say of items: their words where there are any, or else their vectors.

    Raises
    ------
    InputError
        If there are neither.
    """
    facts = evidence.facts
    if facts.words is not None:
        return facts.words
    if facts.vectors is None:
        raise InputError(
            f"The learner {learner} reads texts of items, and there are none.",
            hint="Give items a text, or use the learner near or item_knn.",
        )
    return csr_array(facts.vectors)


def popularity_of(evidence: Evidence, remedy: Remedy | None = None) -> NDArray[np.float64]:
    """``[I]`` > 0, how often each item was taken and half a time, times what the remedy says that an example weighs."""
    return popularity_by(evidence.prior, remedy)


def popularity_by(prior: Prior, remedy: Remedy | None = None) -> NDArray[np.float64]:
    """As :func:`popularity_of`, by counts alone."""
    weight = None if remedy is None else remedy.weight(prior)
    counts = prior.counts + 0.5
    return np.asarray(counts if weight is None else counts * weight, np.float64)

"""What may speak for showing an item to a user: counts, texts, attributes, each as a score of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from evenshelf.learners.ranking.counting import lent, likeness, taken_near, taken_together
from evenshelf.tasks.histories import Histories

Floats = NDArray[np.float32]
NEAR = 50
"""Items with similar texts that lend their counts."""
BLOCK = 1000
"""Lines of a similarity that are held dense at once."""


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
    left: csr_array
    right: csr_array | None = None

    def scores(self, weights: csr_array) -> Floats:
        """``[n, I]`` scores for histories ``[n, I]``, whose weights add up to one."""
        found = weights @ self.left
        return np.asarray((found if self.right is None else found @ self.right.T).toarray(), dtype=np.float32)


def sources_of(histories: Histories, vectors: Sequence[tuple[str, csr_array]] = ()) -> tuple[Source, ...]:
    """All sources, each with histories that fade fast and slowly.

    Parameters
    ----------
    histories
        To count in.
    vectors
        By name, sparse ``[I, d]`` vectors of length 1 of what is known of items, texts first; those of the first lend
        counts to rare items.
    """
    taken = histories.counts.astype(np.float64)
    near = taken_near(histories)
    found = [
        ("together", likeness(taken_together(histories), taken), None),
        ("near", likeness(near, taken, shrink=10.0), None),
    ]
    if vectors:
        graph = nearest(vectors[0][1], NEAR)
        found.append(("lent", likeness(*lent(near, taken, graph), shrink=10.0), None))
    found += [(name, matrix, matrix) for name, matrix in vectors]
    return tuple(
        Source(f"{name}, {pace}", decay, left, right)
        for name, left, right in found
        for pace, decay in (("fast", 0.5), ("slow", 0.9))
    )


def nearest(vectors: csr_array, k: int) -> csr_array:
    """``[I, I]`` the k items with the largest product with each, itself left out; lines add up to one, or are empty."""
    size = vectors.shape[0]
    k = min(k, size - 1)
    lines = []
    for start in range(0, size, BLOCK):
        alike = (vectors[start : start + BLOCK] @ vectors.T).toarray()
        alike[np.arange(len(alike)), np.arange(start, start + len(alike))] = 0.0
        top = np.argpartition(-alike, max(k - 1, 0), axis=1)[:, :k]
        kept = np.zeros_like(alike)
        np.put_along_axis(kept, top, np.maximum(np.take_along_axis(alike, top, axis=1), 0.0), axis=1)
        sums = kept.sum(axis=1, keepdims=True)
        lines.append(csr_array(kept / np.where(sums > 0, sums, 1.0)))
    return csr_array(vstack(lines), dtype=np.float32)


def words_of(documents: Sequence[Sequence[str]]) -> csr_array:
    """``[I, v]`` float32 TF-IDF of words (or attributes), with ``1 + log`` of counts, of length 1; 0 of none."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - slow to import

    if not any(documents):
        return csr_array((len(documents), 1), dtype=np.float32)
    tfidf = TfidfVectorizer(analyzer=_as_they_are, sublinear_tf=True, dtype=np.float32)
    return csr_array(tfidf.fit_transform(documents), dtype=np.float32)


def _as_they_are(words: Sequence[str]) -> Sequence[str]:
    return words

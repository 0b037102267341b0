"""Texts of items as vectors, and which items have similar ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, vstack

BLOCK = 1000
"""Lines of a similarity that are held dense at once."""


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

"""Plain rankings of the field for the quality of search: BM25, MiniLM, and two ways to put both together.

All items are scored for every query; nothing is left to a candidate set. BM25 is that of bm25s over title, description
and attributes as one text, with Snowball stems, or pairs of characters in scripts without spaces; vectors are those of
MiniLM in 32 bits of title and description. The weight of the convex fusion is chosen on other queries than those that
it is judged on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.search_data import SearchData
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.encoders.words import UNSPACED

Floats = NDArray[np.float32]
WEIGHTS = tuple(round(0.05 * n, 2) for n in range(21))
RRF = 60
_runs = re.compile(f"[{UNSPACED}]+")
_words = re.compile(rf"[^\W_{UNSPACED}]+")
_LANGUAGE = {"esci_es": "spanish"}


def bm25(data: SearchData, queries: Sequence[str]) -> Floats:
    """``[queries, items]`` scores of BM25."""
    import bm25s  # noqa: PLC0415 - a package of the development extra
    import Stemmer  # noqa: PLC0415

    stemmer = Stemmer.Stemmer(_LANGUAGE.get(data.name, "english"))

    def tokens(text: str) -> list[str]:
        text = text.lower()
        pairs = [run[i : i + 2] for run in _runs.findall(text) for i in range(max(1, len(run) - 1))]
        return [*stemmer.stemWords(_words.findall(text)), *pairs]

    columns = ("title", "description", "brand", "category", "attributes")
    texts = [" ".join(x or "" for x in row) for row in data.items.select(columns).iter_rows()]
    model = bm25s.BM25()
    model.index([tokens(text) for text in texts], show_progress=False)
    return np.stack([_scored(model, tokens(query), len(texts)) for query in queries])


def _scored(model: Any, tokens: list[str], items: int) -> Floats:
    known = [token for token in tokens if token in model.vocab_dict]
    return np.asarray(model.get_scores(known), np.float32) if known else np.zeros(items, np.float32)


def minilm(data: SearchData, queries: Sequence[str]) -> Floats:
    """``[queries, items]`` cosines of MiniLM."""
    encoder = open_encoder("minilm")
    texts = [f"{title} {text or ''}".strip() for title, text in data.items.select("title", "description").iter_rows()]
    cache = VectorCache()
    return np.asarray(cache.encode(encoder, list(queries)) @ cache.encode(encoder, texts).T)


def rank_fusion(words: Floats, vectors: Floats) -> Floats:
    """``[queries, items]`` sums of reciprocal ranks (Cormack et al., SIGIR 2009)."""
    return np.stack([_reciprocal(a) + _reciprocal(b) for a, b in zip(words, vectors, strict=True)])


def _reciprocal(scores: Floats) -> Floats:
    ranks = np.empty(len(scores), np.float32)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return np.asarray(1 / (RRF + ranks), np.float32)


def convex(words: Floats, vectors: Floats, weight: float) -> Floats:
    """``[queries, items]`` weighted means, both scaled to 0 to 1 for each query."""
    return np.asarray((1 - weight) * _scaled(words) + weight * _scaled(vectors), np.float32)


def _scaled(scores: Floats) -> Floats:
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    return np.asarray((scores - low) / np.maximum(high - low, 1e-9), np.float32)

"""How much made texts differ from what they were made of, and from each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from evenshelf.augmentation.gates import Variant, cosines
from evenshelf.augmentation.sources import Source
from evenshelf.augmentation.written import Written, same_key
from evenshelf.encoders.base import Encoder
from evenshelf.encoders.cache import VectorCache
from evenshelf.errors import InputError
from evenshelf.shop.profiling.imbalance import BUCKETS, buckets


@dataclass(frozen=True)
class Diversity:
    """Measures of the variants of some texts. A measure of nothing is ``None``.

    Attributes
    ----------
    sources, variants
        How many texts, and how many variants of them.
    identical
        Share of the variants that a reader takes for their source.
    repeated
        Share of the variants that a reader takes for one before.
    distinct_1, distinct_2
        Different words, and pairs of neighbours, by how many there are in all variants (Li et al., NAACL 2016).
    overlap
        Mean Jaccard index of the words of two variants of one source; 1 where they have the same words.
    kept_words
        Mean share of the words of a source that its variants have as well.
    new_words
        Share of the words of variants that no source has.
    cosine
        Mean cosine of a variant and its source; ``None`` without an encoder.
    """

    sources: int
    variants: int
    identical: float | None
    repeated: float | None
    distinct_1: float | None
    distinct_2: float | None
    overlap: float | None
    kept_words: float | None
    new_words: float | None
    cosine: float | None


@dataclass(frozen=True)
class DiversityReport:
    """Measures of all variants, and of those of frequent and of rare classes.

    Attributes
    ----------
    overall
        Of all texts.
    by_bucket
        Of the texts of head, torso and tail classes; empty without labels.
    """

    overall: Diversity
    by_bucket: dict[str, Diversity]

    def as_json(self) -> dict[str, Any]:
        """As what JSON can hold."""
        return asdict(self)


def diversity(
    texts: Sequence[str],
    variants: Sequence[Sequence[str]],
    *,
    labels: Sequence[str | None] | None = None,
    encoder: Encoder | None = None,
    cache: VectorCache | None = None,
) -> DiversityReport:
    """Measure variants.

    Parameters
    ----------
    texts
        ``[n]`` what they were made of.
    variants
        ``[n]`` of each.
    labels
        ``[n]`` classes; by how many of `texts` have one it is in the head, torso or tail.
    encoder, cache
        What makes vectors, and where they are kept.

    Raises
    ------
    InputError
        If lengths differ.
    """
    if len(variants) != len(texts) or (labels is not None and len(labels) != len(texts)):
        raise InputError(
            f"{len(texts)} texts, variants of {len(variants)}, {'no' if labels is None else len(labels)} labels.",
            hint="Give the variants of each text, and one label for each or none at all.",
        )
    flat = [Variant(v, row, Source(text)) for row, text in enumerate(texts) for v in variants[row]]
    cosine = cosines(encoder, flat, cache) if encoder is not None and flat else None
    ends = np.cumsum([0, *map(len, variants)])
    vocabulary = {word for text in texts for word in _words(text)}

    def measured(rows: Sequence[int]) -> Diversity:
        own = (
            None if cosine is None else np.concatenate([cosine[ends[r] : ends[r + 1]] for r in rows]) if rows else None
        )
        mean = None if own is None or not len(own) else round(float(own.mean()), 6)
        return _measured([texts[r] for r in rows], [variants[r] for r in rows], vocabulary, mean)

    return DiversityReport(
        measured(range(len(texts))),
        {name: measured(rows) for name, rows in _rows_by_bucket(labels).items()} if labels is not None else {},
    )


def _rows_by_bucket(labels: Sequence[str | None]) -> dict[str, list[int]]:
    counts = Counter(label for label in labels if label is not None)
    names = sorted(counts)
    of = dict(zip(names, buckets([counts[name] for name in names]).tolist(), strict=True)) if names else {}
    rows: dict[str, list[int]] = {name: [] for name in BUCKETS}
    for row, label in enumerate(labels):
        if label is not None:
            rows[of[label]].append(row)
    return {name: own for name, own in rows.items() if own}


def _measured(
    texts: Sequence[str], variants: Sequence[Sequence[str]], vocabulary: set[str], cosine: float | None
) -> Diversity:
    flat = [variant for own in variants for variant in own]
    keys = [same_key(variant) for variant in flat]
    split = [[_words(variant) for variant in own] for own in variants]
    words = [word for own in split for ws in own for word in ws]
    pairs = [pair for own in split for ws in own for pair in pairwise(ws)]
    identical = [same_key(v) == same_key(text) for text, own in zip(texts, variants, strict=True) for v in own]
    between = [_jaccard(a, b) for own in split for a, b in combinations(map(set, own), 2)]
    kept = [
        len(set(source) & set(ws)) / len(set(source))
        for source, own in zip(map(_words, texts), split, strict=True)
        if source
        for ws in own
    ]
    return Diversity(
        sources=len(texts),
        variants=len(flat),
        identical=_mean(identical),
        repeated=round(1 - len(set(keys)) / len(keys), 6) if keys else None,
        distinct_1=round(len(set(words)) / len(words), 6) if words else None,
        distinct_2=round(len(set(pairs)) / len(pairs), 6) if pairs else None,
        overlap=_mean(between),
        kept_words=_mean(kept),
        new_words=_mean([word not in vocabulary for word in words]),
        cosine=cosine,
    )


def _words(text: str) -> list[str]:
    return [word.key for word in Written.of(text).words]


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


def _mean(values: Iterable[float]) -> float | None:
    given = list(values)
    return round(sum(given) / len(given), 6) if given else None

"""Character n-grams of words, hashed to 64 bits, all words at once.

Words of spaced scripts are padded by a space on both sides and give n-grams of 2 to 5 characters that do not
cross their borders (scikit-learn's ``char_wb``); runs of Han, kana, Hangul or Thai give n-grams of 1 to 3
characters within the run.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from evenshelf.encoders.pieces import origins
from evenshelf.encoders.words import UNSPACED, count_words, script_places, split_scripts

SPACED_SIZES = range(2, 6)
UNSPACED_SIZES = range(1, 4)

_unspaced = re.compile(f"[{UNSPACED}]")


def normalise(text: str) -> str:
    """Bring a text to compatibility form (full-width letters to plain ones) and lower case."""
    return unicodedata.normalize("NFKC", text).lower()


def count_ngrams(texts: Sequence[str]) -> tuple[NDArray[np.uint64], sp.csr_array]:
    """Count the character n-grams of texts.

    Returns
    -------
    hashes
        The distinct n-grams as 64-bit hashes, ascending.
    counts
        ``[texts, n-grams]``, float32.
    """
    words, per_text = count_words([split_scripts(normalise(text)) for text in texts])
    hashes, per_word = _count_in_words(words)
    counts = sp.csr_array(per_text @ per_word)
    counts.sort_indices()
    return hashes, counts


def ngram_places(text: str) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Find the character n-grams of a text where they stand.

    Returns
    -------
    hashes
        ``[m]``, those that :func:`count_ngrams` counts, each as often as it stands there.
    start, stop
        ``[m]`` from which character of the text to before which; white space around a word belongs to none.
    """
    folded = normalise(text)
    origin = origins(text, [len(normalise(text[: end + 1])) for end in range(len(text))])
    found = list(script_places(folded))
    word, offset, size, hashes = _in_words([folded[low:high] for low, high in found])
    first = np.array([low for low, _ in found], np.int64)[word]
    last = np.array([high for _, high in found], np.int64)[word]
    low, high = np.maximum(first + offset, first), np.minimum(first + offset + size, last)
    end = len(origin) - 1
    return hashes, origin[np.minimum(low, end)], origin[np.minimum(high - 1, end)] + 1


def _count_in_words(words: Sequence[str]) -> tuple[NDArray[np.uint64], sp.csr_array]:
    row, _, _, found = _in_words(words)
    if not len(row):
        return np.zeros(0, np.uint64), sp.csr_array((len(words), 0), dtype=np.float32)
    hashes, column = np.unique(found, return_inverse=True)
    counts = sp.coo_array((np.ones(len(row), np.float32), (row, column)), shape=(len(words), len(hashes))).tocsr()
    return hashes, counts


def _in_words(
    words: Sequence[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """Word, place in the word (-1: the space before it), size and hash of every n-gram."""
    spaced = np.array([_unspaced.match(word) is None for word in words], bool)
    padded = [f" {word} " if space else word for word, space in zip(words, spaced, strict=True)]
    joined = np.frombuffer("".join(padded).encode("utf-32-le"), np.uint32).astype(np.uint64)
    owner = np.repeat(np.arange(len(words)), [len(word) for word in padded])
    pad = np.cumsum([0, *map(len, padded)])[:-1] + spaced
    rows, places, sizes = (list[NDArray[np.int64]]() for _ in "abc")
    found: list[NDArray[np.uint64]] = []
    rolling = np.zeros(len(joined), np.uint64)
    for size in range(1, max(SPACED_SIZES[-1], UNSPACED_SIZES[-1]) + 1):
        starts = len(joined) - size + 1
        if starts <= 0:
            break
        rolling = _mix(rolling[:starts] ^ joined[size - 1 :])
        first = owner[:starts]
        whole = first == owner[size - 1 :]
        kept = np.flatnonzero(whole & np.where(spaced[first], size in SPACED_SIZES, size in UNSPACED_SIZES))
        rows.append(first[kept])
        places.append(kept - pad[first[kept]])
        sizes.append(np.full(len(kept), size))
        found.append(rolling[kept])
    if not rows:
        none = np.zeros(0, np.int64)
        return none, none, none, np.zeros(0, np.uint64)
    return np.concatenate(rows), np.concatenate(places), np.concatenate(sizes), np.concatenate(found)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64 bits (the finaliser of SplitMix64; Steele, Lea, Flood 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))

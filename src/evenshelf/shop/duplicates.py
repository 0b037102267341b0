"""Titles that are the same to a reader: exact repeats, reordered words, and near repeats.

A random split of a shop's rows puts copies of one title on both sides and flatters every model. Splits are
therefore made over the groups that :func:`title_groups` finds.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from evenshelf.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SHINGLE = 3
"""Characters of a shingle."""

_FOLDED = re.compile(r"[\W_]+")
_CODE_POINTS = 0x110000
_PAIRS_AT_ONCE = 1 << 19


def title_key(title: str) -> str:
    """Return a title without what does not change its meaning to a reader.

    Compatibility forms are folded (NFKC: full-width letters, ligatures), case as well, and every run of
    punctuation, symbols and white space becomes one blank. A title of nothing but punctuation keeps it.

    Examples
    --------
    >>> title_key("ＮＩＫＥ  Air-Max, 黑色!")
    'nike air max 黑色'
    """
    # Some characters fold to others that fold again; twice is enough to make the key of a key the key.
    text = title
    for _ in range(2):
        text = unicodedata.normalize("NFKC", text).casefold()
    text = unicodedata.normalize("NFKC", text)
    return _FOLDED.sub(" ", text).strip() or text.strip()


def title_groups(titles: Sequence[str], *, jaccard: float = 0.9) -> NDArray[np.int64]:
    """Group titles that are equal, hold equal words in another order, or are nearly equal.

    Two titles are nearly equal if the Jaccard similarity of their sets of character trigrams (of the key, blanks
    included) is at least `jaccard`. Groups are the connected components of these links, so that no link crosses
    two groups. All pairs above the threshold are found: candidates come from a prefix filter and each is
    verified, nothing is sampled or hashed, and the result does not depend on the order of the titles.

    Parameters
    ----------
    titles
        Texts, length ``n``.
    jaccard
        Threshold in (0.5, 1]; 1 links equal sets of trigrams only.

    Returns
    -------
    numpy.ndarray
        int64, shape ``[n]``: group of each title, numbered from 0 in order of first appearance.

    Raises
    ------
    SettingError
        If `jaccard` is out of range.

    Notes
    -----
    Prefix filter: Chaudhuri, Ganti, Kaushik: A Primitive Operator for Similarity Joins in Data Cleaning
    (ICDE 2006); with the length filter of Bayardo, Ma, Srikant: Scaling Up All Pairs Similarity Search (WWW 2007).
    """
    if not 0.5 < jaccard <= 1:
        raise SettingError(f"jaccard must be above 0.5 and at most 1, not {jaccard}")
    if len(titles) == 0:
        return np.zeros(0, dtype=np.int64)
    ids: dict[str, int] = {}
    of_title = np.empty(len(titles), dtype=np.int64)
    words: dict[str, int] = {}
    word_id: list[int] = []
    for index, title in enumerate(titles):
        key = title_key(title)
        if key not in ids:
            ids[key] = len(ids)
            word_id.append(words.setdefault(" ".join(sorted(key.split(" "))), len(words)))
        of_title[index] = ids[key]
    keys = list(ids)
    left, right = _near_pairs(keys, jaccard)
    # Each set of words is one more node that its keys are tied to.
    n = len(keys)
    left = np.concatenate([left, np.arange(n)])
    right = np.concatenate([right, n + np.array(word_id, dtype=np.int64)])
    size = n + len(words)
    graph = sparse.coo_array((np.ones(left.size, dtype=np.int8), (left, right)), shape=(size, size))
    component = connected_components(graph.tocsr(), directed=False)[1][:n][of_title]
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[inverse]


def _shingles(keys: Sequence[str]) -> sparse.csr_array:
    """Return the trigrams of each key as a 0/1 matrix ``[keys, distinct trigrams]``."""
    # Short keys are padded, so that each has a trigram; zero is no character of a key.
    padded = [key if len(key) >= SHINGLE else key + "\0" * (SHINGLE - len(key)) for key in keys]
    length = np.array([len(key) for key in padded], dtype=np.int64)
    text = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    count = length - SHINGLE + 1
    row = np.repeat(np.arange(len(keys)), count)
    begin = np.cumsum(length) - length
    at = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    code = (text[at] * _CODE_POINTS + text[at + 1]) * _CODE_POINTS + text[at + 2]  # below 2**63: exact, no hash
    column = np.unique(code, return_inverse=True)[1]
    matrix = sparse.csr_array(
        (np.ones(row.size, dtype=np.int32), (row, column)), shape=(len(keys), int(column.max()) + 1)
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _near_pairs(keys: Sequence[str], jaccard: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    matrix = _shingles(keys)
    size = np.diff(matrix.indptr).astype(np.int64)
    frequency = np.bincount(matrix.indices, minlength=matrix.shape[1])
    rarity = np.empty(frequency.size, dtype=np.int64)
    rarity[np.lexsort((np.arange(frequency.size), frequency))] = np.arange(frequency.size)
    # Two sets that similar share one of the rarest |x| - ceil(t |x|) + 1 elements of each.
    row = np.repeat(np.arange(len(keys)), size)
    rare = rarity[matrix.indices]
    order = np.lexsort((rare, row))
    rare = rare[order]
    position = np.arange(row.size) - np.repeat(matrix.indptr[:-1].astype(np.int64), size)
    prefix = size - np.ceil(jaccard * size - 1e-9).astype(np.int64) + 1
    kept = position < np.repeat(prefix, size)
    row, rare, position = row[kept], rare[kept], position[kept]
    # Within a trigram, sets in order of size: partners of a set lie in a window behind it.
    order = np.lexsort((row, size[row], rare))
    row, rare, position = row[order], rare[order], position[order]
    widest = np.floor(size[row] / jaccard + 1e-9).astype(np.int64)
    span = int(size.max()) + 1
    upto = np.searchsorted(rare * span + size[row], rare * span + np.minimum(widest, span - 1), side="right")
    lefts: list[NDArray[np.int64]] = []
    rights: list[NDArray[np.int64]] = []
    for a, b in _windows(np.arange(row.size) + 1, upto):
        # Positional filter: what is left of the shorter set must still be able to reach the overlap.
        need = np.ceil(jaccard / (1 + jaccard) * (size[row[a]] + size[row[b]]) - 1e-9)
        rest = np.minimum(size[row[a]] - position[a], size[row[b]] - position[b])
        able = (rest + np.minimum(position[a], position[b])) >= need
        i, j = row[a[able]], row[b[able]]
        pair = np.unique(np.minimum(i, j) * len(keys) + np.maximum(i, j))
        i, j = pair // len(keys), pair % len(keys)
        common = np.asarray(matrix[i].multiply(matrix[j]).sum(axis=1)).ravel()
        near = common * (1 + jaccard) + 1e-9 >= jaccard * (size[i] + size[j])
        lefts.append(i[near])
        rights.append(j[near])
    nothing = np.zeros(0, dtype=np.int64)
    return np.concatenate([nothing, *lefts]), np.concatenate([nothing, *rights])


def _windows(
    start: NDArray[np.int64], stop: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield all pairs (k, m) with ``start[k] <= m < stop[k]`` in portions that fit into memory."""
    count = np.maximum(stop - start, 0)
    total = np.cumsum(count)
    begin = 0
    while begin < count.size:
        done = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, done + _PAIRS_AT_ONCE, side="right")))
        part = count[begin:end]
        a = np.repeat(np.arange(begin, end), part)
        within = np.arange(part.sum()) - np.repeat(np.cumsum(part) - part, part)
        if a.size:
            yield a, start[a] + within
        begin = end

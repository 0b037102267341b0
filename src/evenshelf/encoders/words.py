"""Texts as counts of their words, each distinct word looked at once.

Titles of a shop use few distinct words many times. What is costly for a word (its character n-grams, its
tokens) is therefore computed for the distinct words, and a sparse product carries it to the texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse as sp

UNSPACED = (
    "\u0e00-\u0e7f\u1100-\u11ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Character class of scripts whose words are not set apart by spaces, or are a few characters long:
Thai, Hangul, kana and Han."""

_pieces = re.compile(rf"[{UNSPACED}]+|[^\s{UNSPACED}]+")


def split_scripts(text: str) -> list[str]:
    """Split at white space and where a script without spaces begins or ends.

    Examples
    --------
    >>> split_scripts("nike运动鞋 air max")
    ['nike', '运动鞋', 'air', 'max']
    """
    return _pieces.findall(text)


def script_places(text: str) -> Iterator[tuple[int, int]]:
    """Where the words of :func:`split_scripts` begin and end."""
    return (match.span() for match in _pieces.finditer(text))


def count_words(texts: Sequence[Sequence[str]]) -> tuple[list[str], sp.csr_array]:
    """Count the words of texts that are already split.

    Returns
    -------
    words
        The distinct words, sorted: a sum over a text's words then runs in an order that does not depend on
        the other texts, and has the same bits in any company.
    counts
        ``[texts, words]``, float32: how often a word stands in a text.
    """
    index = {word: i for i, word in enumerate(sorted({word for words in texts for word in words}))}
    column = [index[word] for words in texts for word in words]
    ends = np.cumsum([0, *map(len, texts)])
    counts = sp.csr_array(
        (np.ones(len(column), np.float32), np.asarray(column, np.int32), ends), shape=(len(texts), len(index))
    )
    counts.sum_duplicates()
    return list(index), counts

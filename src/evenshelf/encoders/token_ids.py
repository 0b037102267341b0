"""Texts as rows of token numbers, for models that read words in their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.bag import tokens

PAD, OTHER = 0, 1
"""Numbers of no token, and of a token that is not among the numbered ones."""
VOCABULARY = 20_000
"""So many tokens are numbered, the most frequent ones."""
LENGTH = 32
"""So many tokens of a text are read."""


def token_matrix(texts: Sequence[str], vocabulary: int = VOCABULARY, length: int = LENGTH) -> NDArray[np.float32]:
    """Number the tokens of texts: words of spaced scripts, characters of the others.

    Parameters
    ----------
    texts
        The corpus, without labels; which tokens have a number comes from it.
    vocabulary, length
        See :data:`VOCABULARY` and :data:`LENGTH`; the rest of a longer text is not read.

    Returns
    -------
    ``[n, length]`` whole numbers as float32, which holds them exactly: :data:`PAD` behind the last token,
    :data:`OTHER`, and from 2 on the tokens by falling frequency, ties in the order of their characters. A text without
    any token is one :data:`OTHER`.

    Examples
    --------
    >>> token_matrix(["red shoe", "red hat", ""], length=3).astype(int).tolist()
    [[2, 4, 0], [2, 3, 0], [1, 0, 0]]
    """
    split = [tokens(text) for text in texts]
    counts = Counter(token for text in split for token in text)
    ranked = sorted(counts, key=lambda token: (-counts[token], token))[:vocabulary]
    number = {token: rank for rank, token in enumerate(ranked, start=2)}
    found = np.full((len(split), length), PAD, np.float32)
    for row, text in enumerate(split):
        read = [number.get(token, OTHER) for token in text[:length]] or [OTHER]
        found[row, : len(read)] = read
    return found

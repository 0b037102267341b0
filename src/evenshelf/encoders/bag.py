"""The plain baseline: TF-IDF of words and word pairs, sparse, without any language model.

It is what a study has to beat before a language model is worth its trouble.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

from evenshelf.encoders.base import check_texts
from evenshelf.encoders.ngrams import normalise
from evenshelf.encoders.words import UNSPACED, split_scripts
from evenshelf.errors import InputError

SMALL = 1000
"""From so many texts on, a term of a single text is dropped: it cannot relate texts to one another."""

_unspaced = re.compile(f"[{UNSPACED}]")
_words = re.compile(r"\w+")


def tokens(text: str) -> list[str]:
    """Words of spaced scripts and single characters of the others, so that a pair of tokens is a word pair or a bigram.

    Examples
    --------
    >>> tokens("Nike 运动鞋 (Men's)")
    ['nike', '运', '动', '鞋', 'men', 's']
    """
    found: list[str] = []
    for piece in split_scripts(normalise(text)):
        found.extend(piece if _unspaced.match(piece) else _words.findall(piece))
    return found


def word_matrix(texts: Sequence[str]) -> sp.csr_array:
    """TF-IDF of words and word pairs; of characters and character pairs in scripts without spaces.

    Term frequencies are damped (``1 + ln tf``), document frequencies smoothed, as scikit-learn does it.

    Parameters
    ----------
    texts
        The corpus, without labels; vocabulary and document frequencies come from it.

    Returns
    -------
    scipy.sparse.csr_array
        ``[n, terms]``, float32, rows of unit length; a row is zero where the text holds no known term.

    Raises
    ------
    InputError
        If no text holds a word.
    """
    check_texts(texts)
    # where no term occurs twice (titles that are codes), all terms count
    failed: ValueError | None = None
    for least in (2, 1) if len(texts) >= SMALL else (1,):
        vectorizer = TfidfVectorizer(
            tokenizer=tokens,
            token_pattern=None,
            lowercase=False,
            ngram_range=(1, 2),
            min_df=least,
            sublinear_tf=True,
            dtype=np.float32,
        )
        try:
            return sp.csr_array(vectorizer.fit_transform(texts))
        except ValueError as error:
            failed = error
    raise InputError(
        f"No word of the {len(texts)} texts can be counted ({failed}).", hint="Check which column holds the texts."
    ) from failed

"""Synonyms that the catalogue itself tells: what descriptions call otherwise than titles do.

The title of one item says *notebook* and its description *laptop*, and that of the next as well; so who types the one
may want the other. Words that stand together by chance are told apart by the encoder, to which synonyms are near.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from evenshelf.index.text.folding import fold
from evenshelf.index.text.languages import is_stop, stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.encoders import Encoder

FEWEST_ITEMS = 5
"""A word of fewer items is not looked at."""
FEWEST_TOGETHER = 3
"""Items in which one word stands for the other, at least."""
SHARE = 0.25
"""Of the items in which a word is in the description and not in the title (or the reverse), so many have the other."""
NEAR = 0.7
"""Cosine of the two words, at least."""
_SAMPLE = 200_000
_WORDS = re.compile(r"[a-z\u00df-\u024f]{3,}")


@dataclass(frozen=True)
class Learned:
    """A word and what may be said for it.

    Attributes
    ----------
    word, other
        Who types the first may want the second; folded.
    items
        In how many items one stands for the other.
    cosine
        Of the two.
    """

    word: str
    other: str
    items: int
    cosine: float

    @property
    def line(self) -> str:
        """As a line of a file of synonyms."""
        return f"{self.word} => {self.other}"


def learn_synonyms(
    titles: Sequence[str], descriptions: Sequence[str | None], encoder: Encoder, language: str
) -> list[Learned]:
    """Find words that titles and descriptions say for each other.

    Words of three Latin letters and more without digits; stop words and other forms of one word are left out. At most
    200,000 items are looked at, evenly spread.

    Parameters
    ----------
    titles, descriptions
        Of the items, in one order.
    encoder
        Tells which words are near.
    language
        Of the stems and stop words.

    Returns
    -------
    list of Learned
        Sorted by word; both directions where both are told.
    """
    step = max(1, -(-len(titles) // _SAMPLE))
    pairs = [(_words(t), _words(d)) for t, d in zip(titles[::step], descriptions[::step], strict=True) if d]
    frequency: dict[str, int] = {}
    for title, description in pairs:
        for word in title | description:
            frequency[word] = frequency.get(word, 0) + 1
    index: dict[str, int] = {}
    for word in sorted(word for word, count in frequency.items() if count >= FEWEST_ITEMS):
        if not is_stop(word, language):
            index[word] = len(index)
    if not index:
        return []
    # Items by words that only the title has, and that only the description has.
    only_title = _matrix([title - description for title, description in pairs], index)
    only_description = _matrix([description - title for title, description in pairs], index)
    together = sp.coo_array(only_description.T @ only_title)
    alone = np.asarray((only_title + only_description).sum(axis=0)).ravel()
    words = list(index)
    told = [
        (words[u], words[v], int(count))
        for u, v, count in zip(*together.coords, together.data, strict=True)
        if count >= FEWEST_TOGETHER
        and count >= SHARE * min(alone[u], alone[v])
        and stem(words[u], language) != stem(words[v], language)
    ]
    named = sorted({word for u, v, _ in told for word in (u, v)})
    if not named:
        return []
    vectors = dict(zip(named, encoder.encode(named), strict=True))
    found: dict[tuple[str, str], Learned] = {}
    for u, v, count in sorted(told):
        cosine = float(vectors[u] @ vectors[v])
        if cosine < NEAR:
            continue
        for word, other in ((u, v), (v, u)):
            if count >= SHARE * alone[index[word]]:
                before = found.get((word, other))
                items = count + (before.items if before else 0)
                found[word, other] = Learned(word, other, items, round(cosine, 3))
    return [found[pair] for pair in sorted(found)]


def _words(text: str) -> set[str]:
    return set(_WORDS.findall(fold(text)))


def _matrix(rows: Sequence[set[str]], index: dict[str, int]) -> sp.csr_array:
    places = [sorted(index[word] for word in row if word in index) for row in rows]
    column = np.array([place for row in places for place in row], np.int32)
    ends = np.cumsum([0, *map(len, places)])
    return sp.csr_array((np.ones(len(column), np.int32), column, ends), shape=(len(rows), len(index)))

"""Which titles hold a part of their label: any word of it, not only the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.shop.duplicates import title_key
from evenshelf.shop.label_words import label_held, label_names

if TYPE_CHECKING:
    from collections.abc import Sequence


def label_word_held(titles: Sequence[str], labels: Sequence[str | None]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say of each title whether it holds at least one word of its label, plural or not, with hyphens or without.

    Parameters
    ----------
    titles, labels
        Texts, length ``n``; None for a title without a label. What a label is called, as in
        :func:`~evenshelf.shop.label_words.label_names`.

    Returns
    -------
    numpy.ndarray
        Boolean, shape ``[n]``; False without a label. True wherever
        :func:`~evenshelf.shop.label_words.label_held` is: text without blanks between words, as in Chinese, is only
        asked for the whole label.

    Examples
    --------
    >>> label_word_held(["Puma Men Black T-shirt", "Puma Cap"], ["Tshirts", "Caps|Sun Hats"]).tolist()
    [True, False]
    """
    words = {
        label: frozenset(form for name in label_names(label) for form in _forms(name))
        for label in set(labels)
        if label is not None
    }
    held = label_held(titles, labels)
    for at in np.flatnonzero(~held).tolist():
        label, title = labels[at], titles[at]
        if label is not None:
            held[at] = not words[label].isdisjoint(_forms(title))
    return held


def _forms(text: str) -> set[str]:
    """Return the words of a text as they stand, with their parts joined at hyphens, and each without a plural s."""
    words = set(title_key(text).split())
    if "-" in text:
        words.update(title_key(" ".join(word for word in text.split() if "-" in word).replace("-", "")).split())
    return words | {word[:-1] for word in words if len(word) > 3 and word.endswith("s") and not word.endswith("ss")}

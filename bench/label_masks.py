"""Titles without the words of labels: what is left is what a model knows beyond reading the label off the title."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from evenshelf.shop.duplicates import title_key
from evenshelf.shop.label_words import label_names

_PARTS = re.compile(r"[|>/]")
_LETTER = "A-Za-z0-9"


def without_label(titles: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Titles with their own label taken out where they hold all of it, plural or not.

    Of a path it is the last part; of several names divided by `` / ``, each.

    Parameters
    ----------
    titles, labels
        ``[n]``.
    """
    patterns = {label: _any_of(map(title_key, label_names(label))) for label in set(labels)}
    return [_cut(title, patterns[label]) for title, label in zip(titles, labels, strict=True)]


def without_own_words(titles: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Titles with every word of their own label taken out, plural or not; of a path, the words of all levels."""
    patterns = {label: _any_of(label_words(label)) for label in set(labels)}
    return [_cut(title, patterns[label]) for title, label in zip(titles, labels, strict=True)]


def without_all_words(titles: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Titles with every word of every label taken out, so that what is missing does not tell the label either."""
    pattern = _any_of({word for label in set(labels) for word in label_words(label)})
    return [_cut(title, pattern) for title in titles]


def label_words(label: str) -> tuple[str, ...]:
    """Words of all levels of a label: divided by blanks and punctuation, folded; Chinese ones are not divided further.

    Examples
    --------
    >>> label_words("Shoes|Casual Shoes")
    ('shoes', 'casual')
    >>> label_words("家纺|枕芯、枕套")
    ('家纺', '枕芯', '枕套')
    """
    return tuple(dict.fromkeys(word for part in _PARTS.split(label) for word in title_key(part).split()))


def _cut(title: str, pattern: re.Pattern[str]) -> str:
    """The title without what the pattern finds; as it was if that is nothing."""
    left, found = pattern.subn(" ", title)
    return " ".join(left.split()) if found else title


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Any of the names, each a word or several; longer ones first, as shorter ones may be parts of them."""
    ordered = sorted(names, key=lambda name: (-len(name), name))
    return re.compile("|".join(_pattern(name) for name in ordered), re.I)


def _pattern(name: str) -> str:
    """A name of English words ends where its letters end; a Chinese one may stand inside of a longer one."""
    words = r"[\W_]+".join(_forms(word) for word in name.split())
    return rf"(?<![{_LETTER}]){words}(?![{_LETTER}])" if name.isascii() else words


def _forms(word: str) -> str:
    """A pattern of an English word in singular and plural; of any other word as it is."""
    if not (word.isascii() and word.isalpha()) or len(word) < 3:
        return re.escape(word)
    stems = {word}
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            stems.add(word.removesuffix(ending) + instead)
    forms = {form for stem in stems for form in (stem, stem + "s", stem + "es")}
    forms |= {stem[:-1] + "ies" for stem in stems if stem.endswith("y")}
    return "(?:" + "|".join(sorted(forms, key=lambda form: (-len(form), form))) + ")"

"""A text as its words and what stands between them, so that words can be changed and the rest stays as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evenshelf.index.text.folding import fold, fold_with_origins
from evenshelf.index.text.words import words_of

_OPEN = {"(": ")", "[": "]", "{": "}", "（": "）", "【": "】", "「": "」", "《": "》"}
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class WrittenWord:
    """A word where it stands.

    Attributes
    ----------
    text
        As it is written; a measure such as ``16 GB`` is one word.
    key
        As it is compared: folded, in one piece.
    kind
        ``"word"``, ``"number"``, ``"measure"``, ``"code"`` or ``"run"`` (of a script without spaces).
    after
        What stands between it and the next word, or the end.
    """

    text: str
    key: str
    kind: str
    after: str = ""

    @property
    def in_run(self) -> bool:
        """Whether it is of a script without spaces."""
        return self.kind == "run"


@dataclass(frozen=True)
class Written:
    """A text as its words.

    Attributes
    ----------
    head
        What stands before the first word.
    words
        In order.
    """

    head: str
    words: tuple[WrittenWord, ...]

    @classmethod
    def of(cls, text: str) -> Written:
        """Take a text apart; :attr:`text` gives it again, character for character.

        Examples
        --------
        >>> [word.text for word in Written.of("Nike Air-Max (blue) 16 GB 运动鞋").words]
        ['Nike', 'Air-Max', 'blue', '16 GB', '运动鞋']
        """
        folded, origins = fold_with_origins(text)
        # A character that folds to several may be cut in two by a word's end: the word before keeps it.
        found, end = [], 0
        for word in words_of(folded):
            start, stop = max(origins[word.start], end), origins[word.end]
            if stop > start:
                found.append((start, stop, word))
                end = stop
        if not found:
            return cls(text, ())
        ends = [*(start for start, _, _ in found[1:]), len(text)]
        words = tuple(
            WrittenWord(text[start:stop], word.whole, word.kind, text[stop:following])
            for (start, stop, word), following in zip(found, ends, strict=True)
        )
        return cls(text[: found[0][0]], words)

    @property
    def text(self) -> str:
        """The text."""
        return self.head + "".join(word.text + word.after for word in self.words)

    @property
    def runs(self) -> int:
        """How many of its words are of a script without spaces."""
        return sum(word.in_run for word in self.words)

    def put(self, at: int, text: str) -> Written:
        """Return it with another text in the place of a word."""
        words = list(self.words)
        words[at] = replace(words[at], text=text, key=same_key(text))
        return replace(self, words=tuple(words))

    def swapped(self, first: int, second: int) -> Written:
        """Return it with two words in each other's place; what stands between words stays."""
        words = list(self.words)
        a, b = words[first], words[second]
        words[first], words[second] = replace(b, after=a.after), replace(a, after=b.after)
        return replace(self, words=tuple(words))

    def inserted(self, at: int, word: WrittenWord) -> Written:
        """Return it with a word before the one at a place, or at the end."""
        words = list(self.words)
        if at == len(words):
            last = words[-1]
            words[-1] = replace(last, after=_between(last, word))
            words.append(replace(word, after=last.after))
        else:
            words.insert(at, replace(word, after=_between(word, words[at])))
        return replace(self, words=tuple(words))

    def without(self, places: Sequence[int]) -> Written:
        """Return it without the words at some places."""
        gone = set(places)
        head, kept = self.head, list[WrittenWord]()
        for place, word in enumerate(self.words):
            if place not in gone:
                kept.append(word)
            elif kept:
                kept[-1] = replace(kept[-1], after=_merged(kept[-1].after, word.after))
            else:
                head = _merged(head, word.after).lstrip(" \t,;:-/&|、，")
        if kept and kept[-1].after != self.words[-1].after:
            kept[-1] = replace(kept[-1], after=kept[-1].after.rstrip(" \t,;:-/&|、，"))
        return Written(head, tuple(kept))


def same_key(text: str) -> str:
    """Return a text without what a reader takes for the same: case, width, accents, white space."""
    return _SPACES.sub(" ", fold(text)).strip()


def as_word(text: str) -> WrittenWord:
    """Return a text as one word that can be inserted."""
    written = Written.of(text)
    in_run = bool(written.words) and all(word.in_run for word in written.words)
    return WrittenWord(text, same_key(text), "run" if in_run else "word")


def _between(first: WrittenWord, second: WrittenWord) -> str:
    return "" if first.in_run and second.in_run else " "


def _merged(before: str, after: str) -> str:
    """What stands between two words when the one between them is gone."""
    if not before.strip():
        return after if after.strip() or not before else before
    if not after.strip():
        return before
    opening, closing = before.rstrip()[-1:], after.lstrip()[:1]
    if _OPEN.get(opening) == closing:
        left, right = before.rstrip()[:-1], after.lstrip()[1:]
        return right if right.strip() or not left else left
    if opening in _OPEN or closing not in _OPEN.values():
        return before
    return after


def in_case(text: str, like: str) -> str:
    """Return a text in capitals or small letters as another one is; in mixed ones it stays as it is.

    Examples
    --------
    >>> in_case("Puma", "NIKE"), in_case("Puma", "nike"), in_case("puma", "Nike")
    ('PUMA', 'puma', 'Puma')
    """
    if len(like) > 1 and like.isupper():
        return text.upper()
    if like.islower():
        return text.lower()
    return text[:1].upper() + text[1:] if like[:1].isupper() and text.islower() else text

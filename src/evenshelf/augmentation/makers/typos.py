"""Slips of the hand: what people type when they hurry."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from evenshelf.augmentation.base import RuleMaker
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.sources import Source
from evenshelf.augmentation.written import Written
from evenshelf.parameters import check_range

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _beside() -> Iterator[tuple[str, str]]:
    for y, row in enumerate(_ROWS):
        for x, letter in enumerate(row):
            places = [(y, x - 1), (y, x + 1), (y - 1, x), (y - 1, x + 1), (y + 1, x - 1), (y + 1, x)]
            yield letter, "".join(_ROWS[b][a] for b, a in places if 0 <= b < len(_ROWS) and 0 <= a < len(_ROWS[b]))


KEYS = dict(_beside())
"""Letters whose keys touch that of a letter, on a keyboard that begins with QWERTY."""


@register
@dataclass(frozen=True)
class Typos(RuleMaker):
    """Mistypes a share of the letters: the key beside it, two letters in reverse, one doubled, one missing.

    Digits stay: a model number with another digit is another product. In scripts without spaces characters are swapped
    with the next one, doubled or left out.

    Parameters
    ----------
    rate
        In (0, 0.5]: the share of the letters that is mistyped, at least one.
    """

    rate: float = 0.05

    name: ClassVar[str] = "typos"
    title: ClassVar[str] = "Typing errors"
    paper: ClassVar[str] = "Belinkov & Bisk, ICLR 2018; Pruthi et al., ACL 2019"
    languages: ClassVar[str] = "any; keys beside each other for Latin letters without accents"

    def __post_init__(self) -> None:
        check_range("rate", self.rate, 1e-6, 0.5)

    def refusal(self, source: Source) -> str | None:
        """See :meth:`Maker.refusal`."""
        reason = super().refusal(source)
        return reason or (None if _places(source.text) else "it has no word of two letters")

    def one(self, source: Source, written: Written, rng: random.Random, number: int) -> str | None:
        """See :meth:`RuleMaker.one`."""
        places = _places(source.text)
        letters = list(source.text)
        for place in rng.sample(places, max(1, round(self.rate * len(places)))):
            _mistype(letters, place, rng)
        return "".join(letters)


def _places(text: str) -> list[int]:
    """Letters after which another letter stands, so that there is a word to be mistyped."""
    return [i for i, (a, b) in enumerate(pairwise(text)) if a.isalpha() and b.isalpha()]


def _mistype(letters: list[str], place: int, rng: random.Random) -> None:
    """Change one place of a text; a place may then hold no character, or two, so that others keep their numbers."""
    letter, following = letters[place], letters[place + 1]
    ways = ["double", "drop"]
    if len(letter) == len(following) == 1 and letter != following:
        ways.append("reverse")
    if letter.lower() in KEYS:
        ways.append("beside")
    way = rng.choice(ways)
    if way == "double":
        letters[place] = letter * 2
    elif way == "drop":
        letters[place] = ""
    elif way == "reverse":
        letters[place], letters[place + 1] = following, letter
    else:
        typed = rng.choice(KEYS[letter.lower()])
        letters[place] = typed.upper() if letter.isupper() else typed

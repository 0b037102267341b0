"""Titles of simulated items: hard in the ways that real titles are.

Some say the category, others use a word shared by several categories, name only something the item goes with, or
nothing but brand and attributes; there are typos.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from evenshelf.shop.simulation import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.words import Category, Tongue

T = TypeVar("T")

DRAWS = 32
"""Uniform numbers that a title uses at most."""

REPEAT = 0.08
"""Chance that an item has the title of an earlier one of its category and language."""

# How a title names its item. The rest names nothing but brand and attributes.
_SAYS_NAME = 0.60
_SAYS_SYNONYM = 0.25
_COMPANION = 0.08
_TYPO = 0.05
_SAYS_BRAND = 0.75


class Draw:
    """Uniform numbers used up one by one: fast, and each title has its own."""

    def __init__(self, numbers: NDArray[np.float64]) -> None:
        self._left = numbers.tolist()

    def index(self, size: int) -> int:
        """Return a number from 0 to `size` - 1."""
        return int(self._left.pop() * size)

    def below(self, chance: float) -> bool:
        """Return True with a chance."""
        return bool(self._left.pop() < chance)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.index(len(options))]


@dataclass(frozen=True)
class Title:
    """A title and the attributes that it says, None if it is silent about them.

    Attributes
    ----------
    text
        The title.
    word
        Index of the word of the department.
    colour
        Index of the colour.
    """

    text: str
    word: int | None = None
    colour: int | None = None


def draw_title(category: Category, brand: str, tongue: Tongue, draw: Draw) -> Title:
    """Return a title in the words of a category."""
    department = words.DEPARTMENTS[category.department]
    parts = [draw.pick(words.PROMOTIONS[tongue])] if draw.below(0.2) else []
    if draw.below(_SAYS_BRAND):
        parts.append(brand)
    if category.department in {"clothes", "shoes"} and draw.below(0.6):
        parts.append(draw.pick(words.AUDIENCES[tongue]))
    how = draw.index(1_000_000) / 1_000_000
    named = how < _SAYS_NAME + _SAYS_SYNONYM
    word = colour = None
    if draw.below(0.5 if named else 0.65):
        parts.append(draw.pick(category.hints[tongue]))
    if draw.below(0.6):
        word = draw.index(len(department.words[tongue]))
        parts.append(department.words[tongue][word])
    at = draw.index(len(department.words[tongue]))
    second = department.words[tongue][at]
    if second not in parts and draw.below(0.35):
        parts.append(second)
        word = at if word is None else word
    noun = draw.pick(category.synonyms[tongue])
    if how < _SAYS_NAME:
        noun = category.names[tongue]
        if tongue == "en" and draw.below(0.3):
            noun = noun.lower()
    if named:
        parts.append(noun)
    elif tongue == "en" or len(parts) < 2:
        parts.append(f"{draw.pick('ABKMRTX')}{100 + draw.index(900)}")
    if draw.below(_COMPANION):
        parts.append(draw.pick(words.COMPANIONS[tongue]))
    if draw.below(0.4):
        colour = draw.index(len(words.COLOURS[tongue]))
        parts.append(words.COLOURS[tongue][colour])
    if tongue == "zh":
        text = parts[0] + "".join(f" {part}" if k == 1 else part for k, part in enumerate(parts[1:], start=1))
    else:
        text = " ".join(part if part[0].isupper() else part.capitalize() for part in parts)
    return Title(_with_typo(text, draw) if draw.below(_TYPO) else text, word, colour)


def draw_code(rng: np.random.Generator) -> Title:
    """Return an article code, which tells nothing."""
    letters = "".join(chr(65 + int(k)) for k in rng.integers(26, size=3))
    return Title(f"{letters}-{int(rng.integers(10_000, 99_999))}-{int(rng.integers(10, 99))}")


def _with_typo(title: str, draw: Draw) -> str:
    """Drop a character, or let it trade places with the next."""
    at = 1 + draw.index(max(1, len(title) - 2))
    if draw.below(0.5):
        return title[:at] + title[at + 1 :]
    return title[:at] + title[at + 1 : at + 2] + title[at : at + 1] + title[at + 2 :]

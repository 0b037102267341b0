"""Queries of the simulated shop: what people type, which categories it names, how well an item answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.simulation import words
from evenshelf.shop.simulation.assortment import (
    ATTRIBUTE,
    ATTRIBUTES,
    CATEGORIES,
    DEPARTMENT,
    FIRST_COLOUR,
    attribute_texts,
)
from evenshelf.shop.simulation.drawing import Rows
from evenshelf.shop.simulation.parameters import PARAMETERS as P

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.goods import Goods
    from evenshelf.shop.simulation.settings import Settings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

NO_ATTRIBUTE = -1
_CODES = ATTRIBUTES + 1
_WORDS_OF = np.array([len(words.DEPARTMENTS[c.department].words["en"]) for c in words.CATEGORIES])
_FIRST_OF = np.array(
    [sum(len(d.words["en"]) for d in list(words.DEPARTMENTS.values())[:department]) for department in DEPARTMENT]
)


class Searching:
    """A query is a noun (name or synonym of categories, in one language) and perhaps an attribute.

    It is written as one number, its code: ``noun * (attributes + 1) + attribute + 1``.

    Attributes
    ----------
    nouns
        Texts of the nouns, lower case.
    named
        (nouns, categories) Whether the noun is a name or synonym of the category.
    related
        (nouns, categories) Whether the category is not named, but shares a noun or the department with one that is.
    mix
        (nouns, categories) Chance that the ranking takes an item of the category.
    """

    def __init__(self, settings: Settings, goods: Goods) -> None:
        self._goods = goods
        self._tongues = settings.tongues
        numbers: dict[tuple[int, str], int] = {}
        self._of_category: list[list[list[int]]] = []
        for t, tongue in enumerate(settings.tongues):
            of_tongue = []
            for category in words.CATEGORIES:
                texts = [category.names[tongue].lower(), *(s.lower() for s in category.synonyms[tongue])]
                of_tongue.append([numbers.setdefault((t, text), len(numbers)) for text in texts])
            self._of_category.append(of_tongue)
        self.nouns = [text for _, text in numbers]
        self._tongue_of = np.array([t for t, _ in numbers])
        self.named = np.zeros((len(numbers), CATEGORIES), dtype=bool)
        for of_tongue in self._of_category:
            for c, nouns in enumerate(of_tongue):
                self.named[nouns, c] = True
        shares_noun = (self.named.T.astype(int) @ self.named.astype(int)) > 0
        near = shares_noun | (DEPARTMENT[:, None] == DEPARTMENT)
        self.related = ((self.named.astype(int) @ near.astype(int)) > 0) & ~self.named
        self.mix = self._mix(goods.sizes)
        self._ranking = Rows(self.mix)
        self._most = max(len(nouns) for of_tongue in self._of_category for nouns in of_tongue)
        self._padded = np.array(
            [[nouns + nouns[-1:] * (self._most - len(nouns)) for nouns in t] for t in self._of_category]
        )
        self._twins = self._find_twins()
        self._synonyms = np.array([[len(nouns) - 1 for nouns in t] for t in self._of_category])

    def _mix(self, sizes: Ints) -> Floats:
        """Rows of categories by what the ranking takes from them, in proportion to their items."""
        parts = []
        for allowed, share in ((self.named, P.relevant), (self.related, P.related), (None, 1 - P.relevant - P.related)):
            weight = sizes * (np.ones_like(self.named) if allowed is None else allowed)
            total = weight.sum(axis=1, keepdims=True)
            parts.append(share * weight / np.maximum(total, 1))
        mix = np.sum(parts, axis=0)
        return np.asarray(mix / mix.sum(axis=1, keepdims=True))

    def ask(self, category: Ints, tongue: Ints, rng: np.random.Generator) -> Ints:
        """Return the code of a query for each category in mind and language."""
        size = category.size
        synonym = 1 + (rng.random(size) * self._synonyms[tongue, category]).astype(np.int64)
        noun = self._padded[tongue, category, np.where(rng.random(size) < P.says_name, 0, synonym)]
        word = _FIRST_OF[category] + (rng.random(size) * _WORDS_OF[category]).astype(np.int64)
        colour = FIRST_COLOUR + rng.integers(ATTRIBUTES - FIRST_COLOUR, size=size)
        attribute = ATTRIBUTE[np.where(rng.random(size) < P.says_word, word, colour)]
        attribute = np.where(rng.random(size) < P.says_attribute, attribute, NO_ATTRIBUTE)
        code = noun * _CODES + attribute + 1
        for twin, plain in self._twins.items():
            code[code == twin] = plain
        return np.asarray(code)

    def _find_twins(self) -> dict[int, int]:
        """Queries with an attribute that read like a noun, such as "portable charger"; and the code of that noun."""
        every = np.arange(len(self.nouns) * _CODES)
        plain = {text: noun * _CODES for noun, text in enumerate(self.nouns)}
        texts = self.texts(every)
        twins = {c: plain[t] for c, t in enumerate(texts) if t in plain and c != plain[t]}
        return {c: p for c, p in twins.items() if self._tongue_of[c // _CODES] == self._tongue_of[p // _CODES]}

    def asked(self, lists: Floats) -> Floats:
        """Return how often each noun is asked for, given how often each category is in mind."""
        counts = np.zeros(len(self.nouns))
        for of_tongue in self._of_category:
            for c, (name, *synonyms) in enumerate(of_tongue):
                each = lists[c] / len(self._of_category)
                counts[name] += each * P.says_name
                counts[synonyms] += each * (1 - P.says_name) / len(synonyms)
        return counts

    @staticmethod
    def parts(code: Ints) -> tuple[Ints, Ints]:
        """Return noun and attribute (or :data:`NO_ATTRIBUTE`) of codes."""
        return code // _CODES, code % _CODES - 1

    def rank_categories(self, noun: Ints, rng: np.random.Generator) -> Ints:
        """Return the category that the ranking takes an item from, for each noun."""
        return self._ranking.draw(noun, rng)

    def grade(self, code: Ints, items: Ints) -> Ints:
        """Return how well items answer queries.

        3: of a named category, with the attribute if one is asked for; 2: of a named category, without it; 1: of a
        related category; 0: anything else. The true category counts, whatever the shop shows.
        """
        noun, attribute = self.parts(code)
        category = self._goods.category[items]
        fits = (attribute == NO_ATTRIBUTE) | (self.matches(items, attribute) > 0)
        return np.asarray(np.where(self.named[noun, category], 2 + fits, self.related[noun, category]), dtype=np.int64)

    def matches(self, items: Ints, attribute: Ints) -> Ints:
        """Return how many of their attributes, 0 to 2, are the one asked for."""
        word, colour = self._goods.attributes
        return np.asarray((word[items] == attribute).astype(np.int64) + (colour[items] == attribute))

    def texts(self, code: Ints) -> pl.Series:
        """Return queries as people type them: the attribute, then the noun."""
        noun, attribute = self.parts(code)
        written = [pl.Series([text.lower() for text in attribute_texts(t)] + [None]) for t in self._tongues]
        spaced = [(text + " " if t == "en" else text) for t, text in zip(self._tongues, written, strict=True)]
        said = pl.concat(spaced).gather(self._tongue_of[noun] * _CODES + np.where(attribute < 0, ATTRIBUTES, attribute))
        return (said.fill_null("") + pl.Series(self.nouns, dtype=pl.String).gather(noun)).rename("query")

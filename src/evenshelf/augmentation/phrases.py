"""How the same thing is said in a search, in a review and in an advertisement: by rules, in English and Chinese."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from evenshelf.augmentation.scripts import is_chinese
from evenshelf.augmentation.sources import Corpus
from evenshelf.augmentation.written import Written, WrittenWord
from evenshelf.encoders.base import fingerprint_of
from evenshelf.index.text.languages import is_stop

DOMAINS = ("query", "review", "advertisement", "title")

_REVIEWS = {
    False: (
        "love this {}",
        "the {} is even better than in the pictures",
        "very happy with my {}, it arrived quickly",
        "great {} for the price",
        "bought this {} as a gift and it was a success",
        "the {} does what it should, would buy again",
        "not sure about the {} at first, but it is good",
    ),
    True: (
        "{}很不错，很喜欢",
        "买了这个{}，质量很好",
        "{}收到了，和图片一样",
        "{}性价比高，推荐购买",
        "第二次买{}了，一如既往的好",
        "送人的{}，对方很满意",
    ),
}
_ADVERTISEMENTS = {
    False: (
        "{} - now in stock",
        "Shop the {} today",
        "New: {}",
        "{}, free delivery",
        "Discover our {}",
        "Only this week: {} at a special price",
    ),
    True: ("{} 现货包邮", "新品上市：{}", "限时特惠 {}", "热卖推荐 {}", "{} 今日下单立减", "正品保证 {}"),
}
_SAID_OF_ANYTHING = (
    "love great good very happy nice buy bought best price quality like really arrived quickly recommend new now stock "
    "shop today free delivery discover only week special cheap sale would again gift picture pictures better "
    "my sure first does should success even than arrived in "
    "不错 喜欢 很 很好 买 买了 质量 收到 收到了 推荐 购买 性价比 高 满意 新品 上市 限时 特惠 热卖 现货 包邮 今日 下单 "
    "立减 正品 保证 这个 图片 一样 第二次 送人"
)
_SAID = frozenset(_SAID_OF_ANYTHING.split())


@dataclass(frozen=True, eq=False)
class Frequencies:
    """In how many titles a word stands.

    Attributes
    ----------
    held
        By folded word.
    titles
        How many there are.
    """

    held: Mapping[str, int]
    titles: int

    @cached_property
    def digest(self) -> str:
        """See :class:`~evenshelf.augmentation.base.Known`."""
        return fingerprint_of(repr(sorted(self.held.items())), str(self.titles))

    @classmethod
    def of(cls, corpus: Corpus) -> Frequencies:
        """Count the words of a corpus."""
        held = Counter(key for text in corpus.texts for key in {word.key for word in Written.of(text).words})
        return cls(held, len(corpus.texts))

    def weight(self, word: WrittenWord) -> float:
        """How much a word tells things apart, > 0."""
        return math.log1p(self.titles / self.held.get(word.key, 1)) + 0.1


def as_query(text: str, known: Frequencies, rng: random.Random, fewest: int = 2, most: int = 4) -> str:
    """Return a few words of a title, rare ones more often, in their order and in small letters."""
    words = Written.of(text).words
    size = min(len(words), rng.randint(fewest, most))
    # Drawn without replacement by weight (Efraimidis & Spirakis 2006): the largest u ** (1 / w).
    keys = [rng.random() ** (1 / known.weight(word)) for word in words]
    places = sorted(sorted(range(len(words)), key=lambda place: -keys[place])[:size])
    return _joined([words[place] for place in places]).lower()


def as_review(text: str, known: Frequencies, rng: random.Random) -> str:
    """Return a phrase of a review about the thing of a title."""
    return rng.choice(_REVIEWS[is_chinese(text)]).format(_thing(text, known, rng))


def as_advertisement(text: str, rng: random.Random) -> str:
    """Return a line of an advertisement for a title."""
    return rng.choice(_ADVERTISEMENTS[is_chinese(text)]).format(text.strip())


def as_title(text: str, rng: random.Random, number: int) -> str:
    """Return what a query, a review or an advertisement is about, as a title: without what is said of anything.

    The first one has the words in their order, later ones two of them in each other's place.
    """
    words = [word for word in Written.of(text).words if word.key not in _SAID and not is_stop(word.key, "english")]
    if number and len(words) > 1:
        first, second = rng.sample(range(len(words)), 2)
        words[first], words[second] = words[second], words[first]
    return _joined([replace(word, text=word.text[:1].upper() + word.text[1:]) for word in words])


def _thing(text: str, known: Frequencies, rng: random.Random) -> str:
    """The last word of a title, which mostly says what the thing is, with one or two before it.

    A word before a number says what the number is of, as in *size 42*.
    """
    words = Written.of(text).words
    named = [
        place
        for place, word in enumerate(words)
        if (word.kind == "run" and len(word.text) > 1)
        or (word.kind == "word" and [w.kind for w in words[place + 1 : place + 2]] != ["number"])
    ]
    if not named:
        return text.strip()
    before = named[:-1]
    keys = {place: rng.random() ** (1 / known.weight(words[place])) for place in before}
    some = sorted(before, key=lambda place: -keys[place])[: rng.randint(1, 2)]
    return _joined([words[place] for place in sorted([*some, named[-1]])]).lower()


def _joined(words: Sequence[WrittenWord]) -> str:
    parts = []
    for place, word in enumerate(words):
        if place and not (word.in_run and words[place - 1].in_run):
            parts.append(" ")
        parts.append(word.text)
    return "".join(parts)

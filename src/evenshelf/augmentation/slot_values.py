"""Slots of titles - brands, colours, sizes, measures - and the values that each class has for them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from evenshelf.augmentation.sources import Corpus
from evenshelf.augmentation.written import Written, WrittenWord
from evenshelf.encoders.base import fingerprint_of
from evenshelf.shop.label_words import label_names

Phrase = tuple[str, ...]

BRAND_TITLES, BRAND_SHARE = 3, 0.6
"""A word is taken for a brand if so many titles begin with it, and so many of those that have it."""
BRAND_FOLLOWS = 0.8
"""The next word is of the brand as well if it follows in so many of them."""
BRAND_OWN = 0.1
"""And so many of the titles that have that word have it there, or it is a word of all kinds of things."""
LONGEST = 4
"""Words of the longest value."""

_COLOURS = (
    "black white red blue green yellow orange purple pink brown grey gray beige navy silver gold golden khaki maroon "
    "olive teal turquoise violet cream ivory burgundy charcoal lavender magenta peach bronze copper rose tan "
    "negro blanco rojo azul verde amarillo naranja morado rosa marron gris dorado plateado "
    "noir blanc rouge bleu vert jaune violet rose marron gris argent "
    "schwarz weiss rot blau grun gelb lila braun grau silber "
    "黑色 白色 红色 蓝色 绿色 黄色 橙色 紫色 粉色 粉红 粉红色 棕色 灰色 米色 银色 金色 卡其 卡其色 深蓝 深蓝色 浅蓝 "
    "藏青 酒红 酒红色 咖啡色 玫红 玫红色 天蓝 天蓝色 墨绿 军绿 杏色 黑 白 红 蓝 绿 黄 紫 粉 灰"
)
_SIZES = "xxs xs s m l xl xxl xxxl 2xl 3xl 4xl 5xl 小号 中号 大号 加大 特大 均码"
_LEXICON = {word: slot for slot, words in (("colour", _COLOURS), ("size", _SIZES)) for word in words.split()}
_MEASURE = re.compile(r"[\d.]+(\D.*)")
_PLURAL = re.compile(r"(?<=[a-z]{2}[a-rt-z])s$")


@dataclass(frozen=True)
class Slot:
    """A place of a title that holds a value.

    Attributes
    ----------
    name
        What the value is of, such as ``"colour"`` or ``"measure gb"``.
    start, stop
        Of its words.
    """

    name: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class SlotValues:
    """What slots there are, and what stands in them.

    Attributes
    ----------
    slot_of
        Slot by the folded words of a value.
    values
        By slot and class the values as they are written, sorted.
    """

    slot_of: Mapping[Phrase, str]
    values: Mapping[tuple[str, str], tuple[str, ...]]

    @cached_property
    def digest(self) -> str:
        """See :class:`~evenshelf.augmentation.base.Known`."""
        return fingerprint_of(repr(sorted(self.slot_of.items())), repr(sorted(self.values.items())))

    def slots(self, words: Sequence[WrittenWord], label: str | None) -> Iterator[Slot]:
        """Yield the slots of a title from left to right; words of its label are in none."""
        held = label_words(label)
        place = 0
        while place < len(words):
            slot = next(self._at(words, place, held), None)
            if slot is None:
                place += 1
            else:
                yield slot
                place = slot.stop

    def _at(self, words: Sequence[WrittenWord], place: int, held: frozenset[str]) -> Iterator[Slot]:
        """Yield what slot begins at a place, that of the longest value first."""
        keys = [word.key for word in words[place : place + LONGEST]]
        for length in range(len(keys), 0, -1):
            name = self.slot_of.get(tuple(keys[:length]))
            if name is not None and not any(singular(key) in held for key in keys[:length]):
                yield Slot(name, place, place + length)
        if singular(keys[0]) in held:
            return
        word = words[place]
        unit = _MEASURE.fullmatch(word.key) if word.kind == "measure" else None
        if unit is not None:
            yield Slot(f"measure {unit[1]}", place, place + 1)
        elif word.kind == "number" and place:
            yield Slot(f"number after {words[place - 1].key}", place, place + 1)
        elif word.key in _LEXICON:
            yield Slot(_LEXICON[word.key], place, place + 1)


def slot_values_of(corpus: Corpus) -> SlotValues:
    """Learn slots and values from titles with classes.

    Of each column the values that stand in the title of their own row are values of a slot. Without a column of that
    name, brands are what titles begin with (:data:`BRAND_TITLES`, :data:`BRAND_SHARE`, :data:`BRAND_FOLLOWS`,
    :data:`BRAND_OWN`). Colours and sizes are known words, measures are numbers with a unit, and another number belongs
    to the word before it.
    """
    titles = [Written.of(text).words for text in corpus.texts]
    slot_of: dict[Phrase, str] = {}
    for name, values in corpus.columns.items():
        for words, value in zip(titles, values, strict=True):
            phrase = tuple(word.key for word in Written.of(value or "").words)
            if 0 < len(phrase) <= LONGEST and _place_of(phrase, words) is not None:
                slot_of.setdefault(phrase, name)
    if not any(name.casefold() == "brand" for name in corpus.columns):
        for phrase in _brands(titles, corpus.label_of):
            slot_of.setdefault(phrase, "brand")
    bare = SlotValues(slot_of, {})
    spelled: dict[tuple[str, str], dict[Phrase, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for words, label in zip(titles, corpus.label_of, strict=True):
        if label is None:
            continue
        for slot in bare.slots(words, label):
            part = words[slot.start : slot.stop]
            text = "".join(word.text + word.after for word in part[:-1]) + part[-1].text
            spelled[slot.name, label][tuple(word.key for word in part)][text] += 1
    return SlotValues(
        slot_of,
        {
            key: tuple(sorted(min(own, key=lambda text: (-own[text], text)) for own in values.values()))
            for key, values in spelled.items()
            if len(values) > 1
        },
    )


@lru_cache(maxsize=4096)
def label_words(label: str | None) -> frozenset[str]:
    """Words of the names of a class, folded and without the s of plurals."""
    names = label_names(label) if label else ()
    return frozenset(singular(word.key) for name in names for word in Written.of(name).words)


def singular(key: str) -> str:
    """Return a folded word without the s of an English plural."""
    return _PLURAL.sub("", key)


def _brands(titles: Sequence[Sequence[WrittenWord]], labels: Sequence[str | None]) -> list[Phrase]:
    """Phrases that titles begin with: a word, and the next ones as long as they nearly always follow."""
    first = Counter(words[0].key for words in titles if words)
    held = Counter(key for words in titles for key in {word.key for word in words})
    named = {word for label in set(labels) for word in label_words(label)}
    kinds = {words[0].key: words[0].kind for words in titles if words}
    starts = Counter(tuple(word.key for word in words[:length]) for words in titles for length in range(1, LONGEST + 1))
    following: dict[Phrase, Counter[str]] = defaultdict(Counter)
    for start, count in starts.items():
        following[start[:-1]][start[-1]] = count
    found = []
    for key, count in sorted(first.items()):
        if (
            count < BRAND_TITLES
            or count < BRAND_SHARE * held[key]
            or kinds[key] not in ("word", "run", "code")
            or key in _LEXICON
            or singular(key) in named
        ):
            continue
        phrase: Phrase = (key,)
        while len(phrase) < LONGEST and following[phrase]:
            word, often = following[phrase].most_common(1)[0]
            own = often >= BRAND_FOLLOWS * starts[phrase] and often >= BRAND_OWN * held[word]
            if not own or singular(word) in named or word in _LEXICON:
                break
            phrase = (*phrase, word)
        found.append(phrase)
    return found


def _place_of(phrase: Phrase, words: Sequence[WrittenWord]) -> int | None:
    keys = [word.key for word in words]
    places = range(len(keys) - len(phrase) + 1)
    return next((place for place in places if tuple(keys[place : place + len(phrase)]) == phrase), None)

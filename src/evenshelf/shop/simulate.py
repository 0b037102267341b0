"""A shop made by machine: deterministic, of any size, with a truth that is known.

The point is a shop that is hard in the ways real shops are. Categories follow Zipf's law and the rare ones are
relatives of frequent ones; some titles say the category, others use a word shared by several categories, name
only something the item goes with, or nothing but brand and attributes; there are typos and repeated titles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop import catalogue as words
from evenshelf.shop.store import Shop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from evenshelf.shop.catalogue import Category, Tongue
    from evenshelf.shop.ingest import Progress

T = TypeVar("T")

World = Literal["language", "codes"]
Language = Literal["both", "en", "zh"]

WORLDS = {
    "language": "titles are written in words, which tell the category more or less",
    "codes": "titles are article codes, which tell nothing",
}
LANGUAGES = {"both": "half English, half Chinese", "en": "English", "zh": "Chinese"}
MAX_ITEMS = 10_000_000

ZIPF = 1.15
"""Exponent of the categories' frequencies."""

# How a title names its item. The rest names nothing but brand and attributes.
_SAYS_NAME = 0.60
_SAYS_SYNONYM = 0.25
_COMPANION = 0.08
_TYPO = 0.05
_REPEAT = 0.08
_SAYS_BRAND = 0.75
_DRAWS = 32


def simulate(
    out: str | Path,
    items: int = 2000,
    seed: int = 7,
    world: World = "language",
    language: Language = "both",
    *,
    progress: Progress | None = None,
) -> Shop:
    """Make a shop of simulated items.

    Parameters
    ----------
    out
        Folder of the new shop.
    items
        Number of items, from 1 to 10 million.
    seed
        Equal seeds and settings make equal files, byte for byte.
    world
        ``"language"``: titles tell the category. ``"codes"``: titles are article codes, which tell nothing.
    language
        Of titles and category names. ``"both"``: each title in one of the two, category names in both, as in
        ``Running Shoe / 跑步鞋``.
    progress
        Told about the work as it goes on.

    Returns
    -------
    Shop
        Items with ``item_id, title, category, path, brand, price, language``.

    Raises
    ------
    SettingError
        If a setting is out of range, or there is something at `out`.
    """
    problems = []
    if not 1 <= items <= MAX_ITEMS:
        problems.append(f"items must be from 1 to {MAX_ITEMS}, not {items}")
    if seed < 0:
        problems.append(f"seed must not be negative, but is {seed}")
    if world not in WORLDS:
        problems.append(f"there is no world {world!r}, only {', '.join(WORLDS)}")
    if language not in LANGUAGES:
        problems.append(f"there is no language {language!r}, only {', '.join(LANGUAGES)}")
    if problems:
        raise SettingError("; ".join(problems))
    shop = Shop.create(out, origin=f"simulate(items={items}, seed={seed}, world={world}, language={language})")
    shop.commit({"items": simulated_items(items, seed, world, language, progress)})
    return shop


def simulated_items(
    items: int, seed: int, world: World, language: Language, progress: Progress | None = None
) -> pl.DataFrame:
    """Return the items of a simulated shop as a table; see :func:`simulate`."""
    rng = np.random.default_rng([seed, items, list(WORLDS).index(world), list(LANGUAGES).index(language)])
    categories = words.CATEGORIES
    share = 1 / np.arange(1, len(categories) + 1) ** ZIPF
    of_item = rng.choice(len(categories), size=items, p=share / share.sum())
    # A category must not be missing by bad luck when there is room for all.
    missing = np.setdiff1d(np.arange(len(categories)), of_item)
    if items >= 10 * len(categories):
        of_item[rng.choice(np.flatnonzero(of_item == 0), size=missing.size, replace=False)] = missing
    tongues: list[Tongue] = ["en", "zh"] if language == "both" else [language]
    tongue = rng.integers(len(tongues), size=items)
    noise = np.exp(0.35 * rng.standard_normal(items))
    rows: dict[str, list[Any]] = {"title": [], "category": [], "path": [], "brand": [], "price": []}
    labels = [_label(c.names, tongues) for c in categories]
    departments = {key: _label(d.names, tongues) for key, d in words.DEPARTMENTS.items()}
    earlier: dict[tuple[int, int], list[int]] = {}
    for index in range(items):
        if progress is not None and index % 5000 == 0:
            progress("writing titles", index, items)
        draw = _Draws(rng.random(_DRAWS))
        which = int(of_item[index])
        category = categories[which]
        brands = words.DEPARTMENTS[category.department].brands
        language_of = tongues[tongue[index]]
        brand = draw.pick(brands)[language_of == "zh"]
        before = earlier.setdefault((which, int(tongue[index])), [])
        if world == "codes":
            title = _code(rng)
        elif before and draw.below(_REPEAT):
            copied = before[draw.index(len(before))]
            title = rows["title"][copied]
            brand = rows["brand"][copied]
        else:
            title = _title(category, brand, language_of, draw)
        before.append(index)
        rows["title"].append(title)
        rows["category"].append(labels[which])
        rows["path"].append(f"{departments[category.department]}|{labels[which]}")
        rows["brand"].append(brand)
        rows["price"].append(round(float(category.price * noise[index]), 2))
    width = max(6, len(str(items)))
    return pl.DataFrame(
        {
            "item_id": [f"S{number:0{width}d}" for number in range(1, items + 1)],
            **rows,
            "language": [tongues[t] for t in tongue],
        }
    )


class _Draws:
    """Uniform numbers used up one by one: fast, and each title has its own."""

    def __init__(self, numbers: NDArray[np.float64]) -> None:
        self._left = numbers.tolist()

    def index(self, size: int) -> int:
        return int(self._left.pop() * size)

    def below(self, chance: float) -> bool:
        return bool(self._left.pop() < chance)

    def pick(self, options: Sequence[T]) -> T:
        return options[self.index(len(options))]


def _label(names: dict[Tongue, str], tongues: Sequence[Tongue]) -> str:
    return " / ".join(names[tongue] for tongue in tongues)


def _title(category: Category, brand: str, tongue: Tongue, draw: _Draws) -> str:
    department = words.DEPARTMENTS[category.department]
    parts = [draw.pick(words.PROMOTIONS[tongue])] if draw.below(0.2) else []
    if draw.below(_SAYS_BRAND):
        parts.append(brand)
    if category.department in {"clothes", "shoes"} and draw.below(0.6):
        parts.append(draw.pick(words.AUDIENCES[tongue]))
    how = draw.index(1_000_000) / 1_000_000
    named = how < _SAYS_NAME + _SAYS_SYNONYM
    for words_, chance in ((category.hints, 0.5 if named else 0.65), (department.words, 0.6)):
        if draw.below(chance):
            parts.append(draw.pick(words_[tongue]))
    second = draw.pick(department.words[tongue])
    if second not in parts and draw.below(0.35):
        parts.append(second)
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
        parts.append(draw.pick(words.COLOURS[tongue]))
    if tongue == "zh":
        title = parts[0] + "".join(f" {part}" if k == 1 else part for k, part in enumerate(parts[1:], start=1))
    else:
        title = " ".join(part if part[0].isupper() else part.capitalize() for part in parts)
    return _with_typo(title, draw) if draw.below(_TYPO) else title


def _with_typo(title: str, draw: _Draws) -> str:
    """Drop a character, or let it trade places with the next."""
    at = 1 + draw.index(max(1, len(title) - 2))
    if draw.below(0.5):
        return title[:at] + title[at + 1 :]
    return title[:at] + title[at + 1 : at + 2] + title[at : at + 1] + title[at + 2 :]


def _code(rng: np.random.Generator) -> str:
    letters = "".join(chr(65 + int(k)) for k in rng.integers(26, size=3))
    return f"{letters}-{int(rng.integers(10_000, 99_999))}-{int(rng.integers(10, 99))}"

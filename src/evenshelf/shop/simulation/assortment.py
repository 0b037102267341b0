"""What the simulated shop sells: the table of items, batch by batch, and what only the simulator knows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.shop.schema import TIME
from evenshelf.shop.simulation import words
from evenshelf.shop.simulation.parameters import PARAMETERS
from evenshelf.shop.simulation.settings import DAY, START
from evenshelf.shop.simulation.titles import DRAWS, REPEAT, Draw, Title, draw_code, draw_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from evenshelf.shop.progress import Progress
    from evenshelf.shop.simulation.settings import Settings

BATCH = 50_000
"""Items of a batch."""

START_MICROSECONDS = int(START.timestamp()) * 1_000_000

_DEPARTMENTS = list(words.DEPARTMENTS)
_WORDS = [len(words.DEPARTMENTS[key].words["en"]) for key in _DEPARTMENTS]
FIRST_WORD = np.concatenate([[0], np.cumsum(_WORDS)]).astype(np.int32)
"""Number of each department's first attribute."""
FIRST_COLOUR = int(FIRST_WORD[-1])
ATTRIBUTES = FIRST_COLOUR + len(words.COLOURS["en"])
"""How many attributes there are: words of departments, then colours."""
_PAIRS = [
    *(pair for d in words.DEPARTMENTS.values() for pair in zip(d.words["en"], d.words["zh"], strict=True)),
    *zip((c.lower() for c in words.COLOURS["en"]), words.COLOURS["zh"], strict=True),
]
ATTRIBUTE = np.array([len(_PAIRS) - 1 - _PAIRS[::-1].index(pair) for pair in _PAIRS])
"""For each attribute the number that it goes by: the last one of the same texts, for some words are colours too."""
DEPARTMENT = np.array([_DEPARTMENTS.index(c.department) for c in words.CATEGORIES])
"""Department of each category."""
BRANDS = sorted({brand for department in words.DEPARTMENTS.values() for brand in department.brands})
"""All brands, each as (English, Chinese)."""
CATEGORIES = len(words.CATEGORIES)
HEAD = 8
"""Categories from this rank on lend no words in the world ``misleading``."""


class Assortment:
    """Items of a simulated shop.

    Attributes
    ----------
    category
        (n,) The true category, as an index of :data:`words.CATEGORIES`.
    shown
        (n,) The category that the shop shows; another one only in the world ``noisy``.
    tongue
        (n,) Language of the title, as an index of the settings' tongues.
    price
        (n,) List prices.
    launch
        (n,) Day of the launch; below 0 if it was before the period. Every category has an item of before.
    copy_of
        (n,) In the world ``noisy`` the item that this one is once more, otherwise -1.
    brand, word, colour
        (n,) Index of :data:`BRANDS`, of the department's words and of the colours. Complete once :meth:`batches` has
        come to its end.
    pictured
        (n,) Whether there is a picture.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        n = settings.items
        self._rng = rng = settings.rng()
        self.category = _categories(settings, rng)
        self.tongue = rng.integers(len(settings.tongues), size=n)
        usual = np.array([c.price for c in words.CATEGORIES])
        self.price = np.round(usual[self.category] * np.exp(0.35 * rng.standard_normal(n)), 2)
        self.brand = np.zeros(n, dtype=np.int16)
        attributes = settings.rng("attributes")
        self.word = attributes.integers(np.array(_WORDS)[DEPARTMENT[self.category]]).astype(np.int16)
        self.colour = attributes.integers(len(words.COLOURS["en"]), size=n).astype(np.int16)
        self.copy_of = np.full(n, -1)
        self.shown = self.category
        if settings.world == "noisy":
            self._add_noise()
        self._words_of = self._lend_words()
        self.launch = self._launches()
        self.pictured = np.zeros(n, dtype=bool)
        self.pictured[settings.rng("pictured").choice(n, size=settings.pictures, replace=False)] = True
        labels = [_label(c.names, settings.tongues) for c in words.CATEGORIES]
        departments = [_label(words.DEPARTMENTS[key].names, settings.tongues) for key in _DEPARTMENTS]
        self.labels = pl.Series("category", labels)
        self._paths = pl.Series("path", [f"{departments[d]}|{labels[c]}" for c, d in enumerate(DEPARTMENT)])
        width = max(6, len(str(n)))
        numbers = pl.int_range(1, n + 1, eager=True).cast(pl.String).str.zfill(width)
        self.ids = pl.Series("item_id", "S" + numbers)

    def _add_noise(self) -> None:
        n, rng = self.settings.items, self.settings.rng("noise")
        copies = np.sort(rng.choice(n, size=round(PARAMETERS.repeated_items * n), replace=False))
        originals = np.setdiff1d(np.arange(n), copies)
        before = np.searchsorted(originals, copies)  # so many originals stand before each copy
        copies, before = copies[before > 0], before[before > 0]
        self.copy_of[copies] = originals[rng.integers(before)]
        for column in (self.category, self.tongue, self.price):
            column[copies] = column[self.copy_of[copies]]
        wrong = rng.choice(n, size=round(PARAMETERS.wrong_labels * n), replace=False)
        self.shown = self.category.copy()
        self.shown[wrong] = (self.category[wrong] + rng.integers(1, CATEGORIES, size=wrong.size)) % CATEGORIES

    def _lend_words(self) -> NDArray[np.int64]:
        """Category whose words the title is made of."""
        if self.settings.world != "misleading":
            return self.category
        rare = self.category >= CATEGORIES // 2
        lent = rare & (self.settings.rng("lent words").random(self.settings.items) < PARAMETERS.misleading_share)
        return np.where(lent, self.category % HEAD, self.category)

    def _launches(self) -> NDArray[np.int32]:
        n, days, rng = self.settings.items, self.settings.days, self.settings.rng("launches")
        launch = rng.integers(-730, 0, size=n, dtype=np.int32)
        if days > 1:
            later = rng.random(n) < PARAMETERS.launched_later
            later[np.unique(self.category, return_index=True)[1]] = False
            launch[later] = rng.integers(1, days, size=int(later.sum()))
        return launch

    def batches(self, progress: Progress | None = None) -> Iterator[pl.DataFrame]:
        """Yield the table of items in batches; can be done once, for the titles use up random numbers."""
        settings, tongues = self.settings, self.settings.tongues
        done: list[pl.Series] = []
        earlier: dict[tuple[int, int], list[int]] = {}
        for start in range(0, settings.items, BATCH):
            titles: list[str] = []

            def title_of(item: int, titles: list[str] = titles) -> str:
                batch, row = divmod(item, BATCH)
                return str(done[batch][row]) if batch < len(done) else titles[row]

            for item in range(start, min(start + BATCH, settings.items)):
                if progress is not None and item % 5000 == 0:
                    progress("writing titles", item, settings.items)
                titles.append(self._title(item, title_of, earlier))
            done.append(pl.Series("title", titles))
            rows = slice(start, start + len(titles))
            yield self._frame(rows, done[-1], tongues)

    def _title(self, item: int, title_of: Any, earlier: dict[tuple[int, int], list[int]]) -> str:
        draw = Draw(self._rng.random(DRAWS))
        category = words.CATEGORIES[self.category[item]]
        tongue = self.settings.tongues[self.tongue[item]]
        brand = draw.pick(words.DEPARTMENTS[category.department].brands)
        before = earlier.setdefault((int(self.category[item]), int(self.tongue[item])), [])
        copied = int(self.copy_of[item])
        title: Title | None = None
        if copied < 0:
            if self.settings.world == "codes":
                title = draw_code(self._rng)
            elif before and draw.below(REPEAT):
                copied = before[draw.index(len(before))]
            else:
                lender = words.CATEGORIES[self._words_of[item]]
                title = draw_title(lender, brand[tongue == "zh"], tongue, draw)
        before.append(item)
        if title is None:
            for column in (self.brand, self.word, self.colour):
                column[item] = column[copied]
            return str(title_of(copied))
        self.brand[item] = BRANDS.index(brand)
        if title.word is not None and self._words_of[item] == self.category[item]:
            self.word[item] = title.word
        if title.colour is not None:
            self.colour[item] = title.colour
        return title.text

    def _frame(self, rows: slice, titles: pl.Series, tongues: Sequence[words.Tongue]) -> pl.DataFrame:
        ids, tongue = self.ids[rows], self.tongue[rows]
        brands = pl.Series([brand[t == "zh"] for t in tongues for brand in BRANDS])
        picture = pl.when(pl.Series(self.pictured[rows])).then("pictures/" + pl.col("item_id") + ".png")
        frame = pl.DataFrame(
            {
                "item_id": ids,
                "title": titles,
                "category": self.labels.gather(self.shown[rows]),
                "path": self._paths.gather(self.shown[rows]),
                "brand": brands.gather(self.brand[rows] + tongue * len(BRANDS)),
                "price": self.price[rows],
                "language": pl.Series(tongues).gather(tongue),
                "launched": pl.Series(START_MICROSECONDS + self.launch[rows].astype(np.int64) * DAY).cast(TIME),
            }
        )
        texts = self._texts(rows, tongues)
        return frame.with_columns(**texts, image=picture)

    def _texts(self, rows: slice, tongues: Sequence[words.Tongue]) -> dict[str, pl.Series | pl.Expr]:
        """Descriptions and tags: they tell attributes and, in part, what the titles' words hint at."""
        if self.settings.world == "codes":
            return {"description": pl.lit(None, pl.String), "tags": pl.lit(None, pl.String)}
        tongue = self.tongue[rows]
        texts = pl.Series([text for t in tongues for text in attribute_texts(t)])
        department = DEPARTMENT[self._words_of[rows]]
        words_of = FIRST_WORD[department] + self.word[rows] % np.array(_WORDS)[department]
        word = texts.gather(words_of + tongue * ATTRIBUTES)
        colour = texts.gather(FIRST_COLOUR + self.colour[rows] + tongue * ATTRIBUTES)
        rng = self.settings.rng("descriptions", rows.start)
        size = rows.stop - rows.start
        most = max(len(c.hints["en"]) for c in words.CATEGORIES)
        hints = [c.hints[t][k % len(c.hints[t])] for t in tongues for c in words.CATEGORIES for k in range(most)]
        of_category = tongue * CATEGORIES + self._words_of[rows]
        hint = pl.Series(hints).gather(of_category * most + rng.integers(most, size=size))
        silent = pl.Series(rng.random(size) < 0.4)
        chinese = pl.Series(np.array([t == "zh" for t in tongues])[tongue])
        parts = pl.select(word=word, colour=colour, hint=pl.when(silent).then(None).otherwise(hint), zh=chinese)
        en = pl.concat_str(
            pl.lit("In "),
            pl.col("colour").str.to_lowercase(),
            pl.lit(". Made to be "),
            pl.col("word"),
            pl.when(pl.col("hint").is_null()).then(pl.lit(".")).otherwise(", " + pl.col("hint") + "."),
        )
        zh = pl.concat_str("colour", pl.lit("款，"), "word", ("，" + pl.col("hint")).fill_null(""), pl.lit("。"))
        written = parts.select(
            description=pl.when("zh").then(zh).otherwise(en), tags=pl.col("word") + "|" + pl.col("colour")
        )
        return {"description": written["description"], "tags": written["tags"]}


def attribute_texts(tongue: words.Tongue) -> list[str]:
    """Texts of all attributes by number: words of the departments, then colours."""
    texts = [word for key in _DEPARTMENTS for word in words.DEPARTMENTS[key].words[tongue]]
    return [*texts, *words.COLOURS[tongue]]


def _categories(settings: Settings, rng: np.random.Generator) -> NDArray[np.int64]:
    n = settings.items
    if settings.world == "flat":
        return np.asarray(rng.permutation(n) % CATEGORIES)
    share = 1 / np.arange(1, CATEGORIES + 1) ** PARAMETERS.category_zipf
    category = rng.choice(CATEGORIES, size=n, p=share / share.sum())
    # A category must not be missing by bad luck when there is room for all.
    missing = np.setdiff1d(np.arange(CATEGORIES), category)
    if n >= 10 * CATEGORIES:
        category[rng.choice(np.flatnonzero(category == 0), size=missing.size, replace=False)] = missing
    return np.asarray(category)


def _label(names: dict[words.Tongue, str], tongues: Sequence[words.Tongue]) -> str:
    return " / ".join(names[tongue] for tongue in tongues)

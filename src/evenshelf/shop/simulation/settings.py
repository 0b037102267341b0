"""What a simulated shop is asked to be: its size, its world, its period."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from evenshelf.errors import SettingError

if TYPE_CHECKING:
    from evenshelf.shop.simulation.words import Tongue

World = Literal["language", "codes", "misleading", "flat", "drift", "noisy"]
Language = Literal["both", "en", "zh"]

# New worlds go to the end: the place of a world is part of the seed.
WORLDS = {
    "language": "titles are written in words, which tell the category more or less",
    "codes": "titles are article codes, which tell nothing",
    "misleading": "most titles of rare categories use the words of a frequent one",
    "flat": "no imbalance: equal categories, items equally popular, users without a favourite category",
    "drift": "in the middle of the period tastes, categories and items in demand change",
    "noisy": "10 % of the categories are wrong, items and events repeat, and some users are bots",
}
LANGUAGES = {"both": "half English, half Chinese", "en": "English", "zh": "Chinese"}

MAX_ITEMS = 10_000_000
MAX_USERS = 1_000_000
MAX_DAYS = 3650
MAX_EVENTS = 1_000_000_000

START = datetime(2024, 1, 1, tzinfo=UTC)
"""First moment of every simulated period."""

DAY = 86_400_000_000
"""Microseconds of a day."""

_EVENTS_PER_ITEM = 40
_GROWS_SLOWLY_FROM = 2000
_MOST_EVENTS = 2_000_000
_EVENTS_PER_USER = 100
_PICTURES = 200


@dataclass(frozen=True)
class Settings:
    """All that decides a simulated shop: equal settings make equal shops. Made by :meth:`of`, which fills in defaults.

    Attributes
    ----------
    items
        Number of items, 1 to 10 million.
    seed
        Not negative.
    world
        One of :data:`WORLDS`.
    language
        One of :data:`LANGUAGES`: of titles, category names and queries.
    users
        Number of users, 1 to 1 million.
    days
        Length of the period from :data:`START`, 1 to 3650 days.
    events
        About how many events, 0 to a billion; bots and repeated events of the noisy world come on top.
    pictures
        How many items get a picture, at most all.
    """

    items: int
    seed: int
    world: World
    language: Language
    users: int
    days: int
    events: int
    pictures: int

    def __post_init__(self) -> None:
        problems = []
        if not 1 <= self.items <= MAX_ITEMS:
            problems.append(f"items must be from 1 to {MAX_ITEMS}, not {self.items}")
        if self.seed < 0:
            problems.append(f"seed must not be negative, but is {self.seed}")
        if self.world not in WORLDS:
            problems.append(f"there is no world {self.world!r}, only {', '.join(WORLDS)}")
        if self.language not in LANGUAGES:
            problems.append(f"there is no language {self.language!r}, only {', '.join(LANGUAGES)}")
        if not 1 <= self.users <= MAX_USERS:
            problems.append(f"users must be from 1 to {MAX_USERS}, not {self.users}")
        if not 1 <= self.days <= MAX_DAYS:
            problems.append(f"days must be from 1 to {MAX_DAYS}, not {self.days}")
        if not 0 <= self.events <= MAX_EVENTS:
            problems.append(f"events must be from 0 to {MAX_EVENTS}, not {self.events}")
        if not 0 <= self.pictures <= max(self.items, 0):
            problems.append(f"pictures must be from 0 to the number of items, not {self.pictures}")
        if problems:
            raise SettingError("; ".join(problems))

    @classmethod
    def of(
        cls,
        items: int = 2000,
        seed: int = 7,
        world: World = "language",
        language: Language = "both",
        *,
        users: int | None = None,
        days: int = 365,
        events: int | None = None,
        pictures: int | None = None,
    ) -> Self:
        """Return settings with everything that is None filled in.

        `events`: 40 for each of the first 2,000 items, from there on growing as the square root of the items, at most 2
        million. `users`: one for every 100 events, at least 10. `pictures`: of 200 items or all.

        Raises
        ------
        SettingError
            That lists every setting out of range.
        """
        if events is None:
            slow = _EVENTS_PER_ITEM * (_GROWS_SLOWLY_FROM * max(items, 0)) ** 0.5
            events = min(_EVENTS_PER_ITEM * max(items, 0), round(slow), _MOST_EVENTS)
        if users is None:
            users = min(max(10, events // _EVENTS_PER_USER), MAX_USERS)
        if pictures is None:
            pictures = min(max(items, 0), _PICTURES)
        return cls(items, seed, world, language, users, days, events, pictures)

    @property
    def tongues(self) -> tuple[Tongue, ...]:
        """Languages that are spoken in the shop."""
        return ("en", "zh") if self.language == "both" else (self.language,)

    @property
    def changes_on(self) -> int:
        """Day from which on the second regime holds; in all worlds but ``drift`` there is none within the period."""
        return (self.days + 1) // 2 if self.world == "drift" else self.days

    @property
    def end(self) -> datetime:
        """First moment after the period."""
        return START + timedelta(days=self.days)

    def rng(self, purpose: str | None = None, number: int = 0) -> np.random.Generator:
        """Return a generator for one purpose, so that no part of the simulator disturbs the draws of another.

        Without a purpose it is the one that items are drawn with; users, days and events do not change it.
        """
        key = [self.seed, self.items, list(WORLDS).index(self.world), list(LANGUAGES).index(self.language)]
        if purpose is not None:
            key += [zlib.crc32(purpose.encode()), number]
        return np.random.default_rng(key)

    def origin(self) -> str:
        """Return the settings as the shop's manifest keeps them."""
        return "simulate(" + ", ".join(f"{name}={value}" for name, value in vars(self).items()) + ")"

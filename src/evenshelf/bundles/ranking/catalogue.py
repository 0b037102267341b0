"""The items of a bundle: ids, what they are called, how often each was taken, and histories in their codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError, SettingError, near
from evenshelf.remedies import Prior
from evenshelf.tasks.histories import Codes, Histories


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Items by code.

    Attributes
    ----------
    ids
        Each once.
    counts
        ``[I]`` how often each was taken in what was fitted.
    titles
        ``""`` where there is none; ``None`` where there are none at all.
    categories, category
        Names, and ``[I]`` their places, -1 where unknown; ``None`` where there are none at all.
    """

    ids: tuple[str, ...]
    counts: Codes
    titles: tuple[str, ...] | None = None
    categories: tuple[str, ...] = ()
    category: Codes | None = None

    @cached_property
    def code(self) -> dict[str, int]:
        """Code by id."""
        return {item: code for code, item in enumerate(self.ids)}

    @cached_property
    def prior(self) -> Prior:
        """How often each item was taken, as remedies see it."""
        return Prior(self.counts)

    def title(self, code: int) -> str:
        """What an item is called."""
        return "" if self.titles is None else self.titles[code]

    def category_of(self, code: int) -> str | None:
        """Name of the category of an item."""
        if self.category is None or self.category[code] < 0:
            return None
        return self.categories[int(self.category[code])]

    def may(
        self, allowed: Iterable[str] | None, exclude: Iterable[str], category: str | None
    ) -> NDArray[np.bool_] | None:
        """``[I]`` what may be shown by these rules; ``None`` if all of it.

        Ids that are not among the items cannot be shown anyway.

        Raises
        ------
        SettingError
            If there is no such category.
        InputError
            If nothing is left.
        """
        left_out = set(exclude)
        if allowed is None and not left_out and category is None:
            return None
        found = np.ones(len(self.ids), bool)
        if allowed is not None:
            found[:] = False
            found[[self.code[item] for item in set(allowed) if item in self.code]] = True
        found[[self.code[item] for item in left_out if item in self.code]] = False
        if category is not None:
            if self.category is None or category not in self.categories:
                known = f"It is one of: {', '.join(self.categories[:20])}." if self.categories else "It knows none."
                raise SettingError(
                    f"The bundle knows no category {category!r}{near(category, self.categories)}.", hint=known
                )
            found &= self.category == self.categories.index(category)
        if not found.any():
            raise InputError("There is no item that may be shown.", hint="Allow more items, or exclude fewer.")
        return found

    def histories(
        self,
        sequences: Sequence[Sequence[str]],
        users: Sequence[str],
        *,
        strength: Sequence[Sequence[float]] | float | None = None,
    ) -> tuple[Histories, list[tuple[str, ...]]]:
        """Histories in codes, and of each the ids that are not among the items, which are left out.

        Parameters
        ----------
        sequences
            Of each user, ids in order of time.
        users
            What to call them.
        strength
            Of each step, or of all; ``None`` where all say the same.

        Raises
        ------
        InputError
            If a history is one text and not several.
        """
        strange = [one for one in sequences if isinstance(one, str)]
        if strange:
            raise InputError(
                f"The history {strange[0]!r} is one text.", hint="Give a list of ids, such as ['i1', 'i2']."
            )
        known = [[n for n, item in enumerate(one) if item in self.code] for one in sequences]
        unknown = [tuple(dict.fromkeys(item for item in one if item not in self.code)) for one in sequences]
        item = [self.code[one[n]] for one, kept in zip(sequences, known, strict=True) for n in kept]
        start = np.concatenate([[0], np.cumsum([len(kept) for kept in known])]).astype(np.int64)
        said = None
        if isinstance(strength, int | float):
            said = np.full(len(item), strength, np.float32)
        elif strength is not None:
            told = [own[n] for own, kept in zip(strength, known, strict=True) for n in kept]
            said = np.array(told, np.float32)
        made = Histories(self.ids, tuple(users), start, np.array(item, np.int64), None, said)
        return made, unknown


def named_once(known: Collection[str], user: str) -> None:
    """Raise an :class:`InputError` if a user is not among the known ones."""
    if user not in known:
        raise InputError(
            f"There is no history of a user {user!r}{near(user, known) if len(known) < 10_000 else ''}.",
            hint="Check the id, or give the items of the user with --items.",
        )

"""What users did in order: the histories that recommendations are learned from, and the targets they are judged by."""

from __future__ import annotations

import gzip
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from evenshelf.errors import InputError

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Histories:
    """Items by user, in order of time.

    Attributes
    ----------
    items
        Ids by code. Codes are drawn at random: files number items by their first appearance, so that a code which is
        not drawn tells of time, and a tie broken by it of the target.
    users
        Ids by code.
    start
        ``[U + 1]`` where each user's steps begin, and the number of all.
    item
        ``[N]`` codes of items, users one after another.
    time
        ``[N]`` seconds since 1970, or ``None`` where only the order is known.
    strength
        ``[N]`` float32 > 0, how much each step says: a purchase more than a look. ``None`` where all say the same.
    basket
        ``[N]`` non-decreasing numbers, equal ones are of one basket of one user: what was taken together, in no order.
        ``None``: equal times, or each step by itself where there are no times; see
        :attr:`baskets`.
    """

    items: tuple[str, ...]
    users: tuple[str, ...]
    start: Codes
    item: Codes
    time: Codes | None = None
    strength: NDArray[np.float32] | None = None
    basket: Codes | None = None

    @classmethod
    def of(
        cls, sequences: Sequence[Sequence[Hashable]], users: Sequence[Hashable] | None = None, *, seed: int = 0
    ) -> Histories:
        """Histories from ids.

        Parameters
        ----------
        sequences
            Of each user, ids of items in order of time; an id may come again.
        users
            Ids of the users; by default their numbers.
        seed
            Of the draw of codes.

        Raises
        ------
        InputError
            If there is no step at all, or there are not as many users as sequences.
        """
        named = [str(n) for n in range(len(sequences))] if users is None else [str(user) for user in users]
        if len(named) != len(sequences):
            raise InputError(
                f"There are {len(sequences)} sequences but {len(named)} users.", hint="Give one sequence a user."
            )
        steps = [str(item) for sequence in sequences for item in sequence]
        return cls.of_steps(named, [len(sequence) for sequence in sequences], steps, seed=seed)

    @classmethod
    def of_steps(
        cls,
        users: Sequence[str],
        lengths: Sequence[int] | Codes,
        steps: Sequence[str] | NDArray[Any],
        *,
        items: Sequence[str] | NDArray[Any] = (),
        time: Codes | None = None,
        strength: NDArray[np.float32] | None = None,
        basket: Codes | None = None,
        seed: int = 0,
    ) -> Histories:
        """Histories from columns.

        Parameters
        ----------
        users, lengths
            Ids of the users, and how many steps each has.
        steps
            ``[N]`` ids of the items that were taken, users one after another, each in order of time.
        items
            Ids of items that may not have been taken by anybody.
        time, strength, basket
            ``[N]`` as attributes.
        seed
            Of the draw of codes.

        Raises
        ------
        InputError
            If there is no step at all.
        """
        if not len(steps):
            raise InputError("No user has done anything.", hint="Give at least one item to one user.")
        every = np.concatenate([np.asarray(steps, dtype=object), np.asarray(items, dtype=object)]).astype(np.str_)
        known, codes = np.unique(every, return_inverse=True)
        drawn = np.random.default_rng(seed).permutation(len(known))
        ids = np.empty(len(known), object)
        ids[drawn] = known
        item = drawn[codes.reshape(-1)[: len(steps)]].astype(np.int64)
        start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(tuple(map(str, ids)), tuple(users), start, item, time, strength, basket)

    @classmethod
    def read(cls, file: Path, *, seed: int = 0) -> Histories:
        """Read a file with a user and its items in a line, with blanks between them; ``.gz`` is unpacked.

        Raises
        ------
        InputError
            If it cannot be read, or a line has no item.
        """
        sequences, users = [], []
        try:
            with gzip.open(file, "rt") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, start=1):
                    user, *items = line.split() or [""]
                    if not items:
                        raise InputError(f"{file}, line {number}: there is no item.", hint="USER ITEM ITEM ... a line.")
                    users.append(user)
                    sequences.append(items)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file} cannot be read: {error}.", hint="USER ITEM ITEM ... a line, in UTF-8.") from error
        return cls.of(sequences, users, seed=seed)

    @property
    def lengths(self) -> Codes:
        """``[U]`` steps of each user."""
        return np.diff(self.start)

    @property
    def user(self) -> Codes:
        """``[N]`` user of each step."""
        return np.repeat(np.arange(len(self.users)), self.lengths)

    @property
    def ago(self) -> Codes:
        """``[N]`` how many steps of the same user come after each."""
        return self.start[self.user + 1] - 1 - np.arange(len(self.item))

    @property
    def baskets(self) -> Codes:
        """``[N]`` non-decreasing numbers, equal for steps of one basket of one user.

        Baskets are those that are named; or else steps at one moment; or else, without times, single steps.
        """
        if self.basket is not None:
            return self.basket
        return np.arange(len(self.item)) if self.time is None else numbered(self.user, self.time)

    @property
    def baskets_ago(self) -> Codes:
        """``[N]`` how many baskets of the same user come after that of each step."""
        rank = numbered(self.baskets)  # gaps in the numbers are no baskets
        return rank[self.start[1:][self.user] - 1] - rank

    @property
    def counts(self) -> Codes:
        """``[I]`` how often each item was taken."""
        return np.bincount(self.item, minlength=len(self.items)).astype(np.int64)

    def without_last(self, steps: int) -> Histories:
        """Without each user's last `steps`; who has fewer keeps none."""
        return self.kept(self.ago >= steps)

    def kept(self, steps: NDArray[np.bool_]) -> Histories:
        """Only some of the steps, ``[N]``; all users stay, some perhaps with none."""
        lengths = np.bincount(self.user[steps], minlength=len(self.users))
        return replace(
            self,
            start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            item=self.item[steps],
            time=None if self.time is None else self.time[steps],
            strength=None if self.strength is None else self.strength[steps],
            basket=None if self.basket is None else self.basket[steps],
        )

    def of_users(self, users: NDArray[np.integer]) -> Histories:
        """Histories of some users, by their codes, in that order."""
        lengths = self.start[users + 1] - self.start[users]  # of these alone: there may be millions of others
        start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        step = np.arange(start[-1]) + np.repeat(self.start[users] - start[:-1], lengths)
        return replace(
            self,
            users=tuple(self.users[user] for user in users),
            start=start,
            item=self.item[step],
            time=None if self.time is None else self.time[step],
            strength=None if self.strength is None else self.strength[step],
            # users may come in any order, and one several times
            basket=None
            if self.basket is None
            else numbered(np.repeat(np.arange(len(users)), lengths), self.basket[step]),
        )

    def blocks(self, size: int, users: NDArray[np.integer] | None = None) -> Iterator[tuple[Codes, Histories]]:
        """Some users (all if ``None``) and their histories, at most `size` at a time."""
        every = np.arange(len(self.users)) if users is None else np.asarray(users, np.int64)
        for first in range(0, len(every), size):
            block = every[first : first + size]
            yield block, self.of_users(block)

    def last(self, steps: int) -> Codes:
        """``[U]`` the item `steps` from the end, 1 for the last one; -1 where there is none."""
        there = self.lengths >= steps
        found = np.full(len(self.users), -1, np.int64)
        found[there] = self.item[(self.start[1:] - steps)[there]]
        return found

    def weights(self, decay: float = 1.0) -> sparse.csr_array:
        """``[U, I]`` float32 weight of each item in each history; of an item that comes again the latest step counts.

        A step weighs its strength times ``decay ** baskets ago``: within a basket there is no order.

        Parameters
        ----------
        decay
            In (0, 1]; at 1 all weigh 1.
        """
        # steps of a user come in order of time: of an item that comes again the last one overwrites the others
        user = self.user
        _, latest = np.unique((user * len(self.items) + self.item)[::-1], return_index=True)
        rows = len(user) - 1 - latest
        if decay == 1.0:
            value = np.ones(len(rows), np.float32)
        else:
            value = (decay ** self.baskets_ago[rows].astype(np.float64)).astype(np.float32)
        if self.strength is not None:
            value *= self.strength[rows]
        # a product has the wider indices of both factors, and converts the other factor for it: as narrow as can be
        kind = np.int32 if max(len(self.items), len(rows)) <= np.iinfo(np.int32).max else np.int64
        start = np.concatenate([[0], np.cumsum(np.bincount(user[rows], minlength=len(self.users)))]).astype(kind)
        # rows are in order of user and item, so nothing is left to be sorted
        shape = (len(self.users), len(self.items))
        return sparse.csr_array((value, self.item[rows].astype(kind), start), shape=shape)


def numbered(*columns: NDArray[np.integer]) -> Codes:
    """``[N]`` numbers from 0 that rise by one where any of some columns ``[N]`` is another than before."""
    new = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return np.cumsum(new)

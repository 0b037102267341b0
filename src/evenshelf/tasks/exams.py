"""How recommendations are tried out: what may be learned from, and what users then wanted.

Settings are chosen by a first exam and the models that are compared are judged by a second one, which comes later: on
what users wanted after the first, with all before it to learn from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError, SettingError, near
from evenshelf.tasks.histories import Codes, Histories
from evenshelf.tasks.offers import Offer

SPLITS = {
    "last": "the last basket of each user is the test, the one before it chooses settings",
    "time": "all that happens after a moment is the test, the time before it chooses settings",
    "users": "users that no model has seen are tested by their last basket, in folds of users",
}
"""Ways to hold out what users wanted, by name."""
SHARES = (0.8, 0.9)
"""Of the steps, those before the moment that settings are chosen by, and those before the test."""


@dataclass(frozen=True, eq=False)
class Exam:
    """One time of asking.

    Attributes
    ----------
    known
        What may be learned from.
    asked
        Histories, at that moment, of the users who are asked.
    user
        ``[m]`` places in `asked` of who wanted something.
    item
        ``[m]`` what was wanted.
    group
        ``[U]`` codes in the task of those asked.
    allowed
        ``[I]`` items that may be shown; all if ``None``.
    """

    known: Histories
    asked: Histories
    user: Codes
    item: Codes
    group: Codes
    allowed: NDArray[np.bool_] | None = None

    def drawn(self, users: int, seed: int) -> Exam:
        """The same with at most so many of the users, drawn at random."""
        if len(self.group) <= users:
            return self
        picked = np.sort(np.random.default_rng([seed, 0x6578616D]).permutation(len(self.group))[:users])
        place = np.full(len(self.group), -1, np.int64)
        place[picked] = np.arange(users)
        rows = place[self.user] >= 0
        return Exam(
            self.known,
            self.asked.of_users(picked),
            place[self.user[rows]],
            self.item[rows],
            self.group[picked],
            self.allowed,
        )


@dataclass(frozen=True, eq=False)
class Sitting:
    """The two exams of one fold: settings are chosen by the first, and the second judges."""

    fold: int
    choosing: Exam
    judging: Exam


@dataclass(frozen=True)
class _Rules:
    """What may be wanted: whether what a user had may, and of which items."""

    repeats: bool
    offer: Offer | None


def sittings(
    histories: Histories, split: str, *, repeats: bool, folds: int, seed: int, offer: Offer | None = None
) -> Iterator[Sitting]:
    """The exams of a split, one after another.

    Parameters
    ----------
    histories
        All there is.
    split
        One of :data:`SPLITS`.
    repeats
        Whether what a user had may be wanted again; if not, it is no wanted item.
    folds, seed
        Of users, where the split is by user.
    offer
        Which items may be shown and wanted; all if ``None``.

    Raises
    ------
    SettingError
        If there is no such split, or times are needed and not known; or if stock is looked at without a moment.
    InputError
        If nobody is left to be asked.
    """
    if split not in SPLITS:
        raise SettingError(f"There is no split {split!r}{near(split, SPLITS)}.", hint=f"One of: {', '.join(SPLITS)}.")
    rules = _Rules(repeats, offer)
    if split == "time":
        yield _by_time(histories, rules)
        return
    back = histories.baskets_ago
    if split == "last":
        yield Sitting(0, _by_basket(histories, back, 1, rules), _by_basket(histories, back, 0, rules))
        return
    fold = np.random.default_rng(seed).permutation(np.arange(len(histories.users)) % folds)
    for number in range(folds):
        after = (number + 1) % folds
        choosing = _by_user(histories, back, np.isin(fold, (number, after)), fold == after, rules)
        judging = _by_user(histories, back, fold == number, fold == number, rules)
        yield Sitting(number, choosing, judging)


def _by_basket(histories: Histories, back: Codes, held: int, rules: _Rules) -> Exam:
    """What a user wanted in the basket with `held` others after it; all before it may be learned from."""
    return _exam(histories.kept(back > held), histories, back == held, rules)


def _by_time(histories: Histories, rules: _Rules) -> Sitting:
    if histories.time is None:
        raise SettingError("There are no times to split by.", hint="Split by the last basket: --split last.")
    early, late = (int(moment) for moment in np.quantile(histories.time, SHARES, method="lower"))
    if late <= early and (histories.time > early).any():  # of few moments, one still has to lie between
        late = int(histories.time[histories.time > early].min())
    before = histories.time < late
    between = before & (histories.time >= early)
    choosing = _exam(histories.kept(histories.time < early), histories, between, rules, moment=early)
    return Sitting(0, choosing, _exam(histories.kept(before), histories, ~before, rules, moment=late))


def _by_user(histories: Histories, back: Codes, out: NDArray[np.bool_], held: NDArray[np.bool_], rules: _Rules) -> Exam:
    user = histories.user
    found = _exam(histories.kept(back > 0), histories, (back == 0) & held[user], rules)
    return replace(found, known=histories.kept(~out[user]))


def _exam(
    known: Histories, histories: Histories, wanted: NDArray[np.bool_], rules: _Rules, *, moment: int | None = None
) -> Exam:
    """Ask for steps; where all are asked at one moment, also those of users without a history."""
    size = len(histories.items)
    allowed = None if rules.offer is None else rules.offer.at(moment, size)
    pair = np.unique(histories.user[wanted] * size + histories.item[wanted])
    user, item = pair // size, pair % size
    asked = known.lengths[user] > 0 if moment is None else np.ones(len(pair), bool)
    if allowed is not None:
        asked &= allowed[item]
    if not rules.repeats:
        asked &= ~np.isin(pair, np.unique(known.user * size + known.item))
    user, item = user[asked], item[asked]
    if not len(user):
        raise InputError(
            "Nobody is left to be asked: no user wants anything new after what is learned from"
            f"{'' if allowed is None else ' that may be shown'}.",
            hint="Give users with longer histories, or split by another way (--split).",
        )
    group, place = np.unique(user, return_inverse=True)
    return Exam(known, known.of_users(group), place.reshape(-1).astype(np.int64), item, group, allowed)

"""Baskets: what a user took at one moment, in no order. A basket is learned from and asked for as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evenshelf.tasks.histories import Codes, Histories


@dataclass(frozen=True, eq=False)
class Held:
    """The last basket of each user, apart from what came before.

    Attributes
    ----------
    earlier
        Histories without it.
    user, item
        ``[m]`` what is in it, each item once a user, in the order of their codes.
    """

    earlier: Histories
    user: Codes
    item: Codes


def baskets_of(histories: Histories) -> Codes:
    """``[N]`` non-decreasing numbers, equal for steps of one user at one moment; without times none are."""
    if not len(histories.item):
        return np.zeros(0, np.int64)
    if histories.time is None:
        return np.arange(len(histories.item))
    user = histories.user
    new = np.ones(len(user), np.int64)
    new[1:] = (user[1:] != user[:-1]) | (histories.time[1:] != histories.time[:-1])
    return np.cumsum(new)


def baskets_ago(histories: Histories) -> Codes:
    """``[N]`` how many baskets of the same user come after that of each step; without times, steps."""
    basket = baskets_of(histories)
    new = np.concatenate([[0], np.cumsum(np.diff(basket) != 0)]) if len(basket) else basket
    return new[histories.start[1:][histories.user] - 1] - new


def last_held(histories: Histories) -> Held:
    """Hold the last basket of each user back; who has but one keeps nothing."""
    basket = baskets_of(histories)
    last = basket == basket[histories.start[1:][histories.user] - 1]
    size = len(histories.items)
    pair = np.unique(histories.user[last] * size + histories.item[last])
    return Held(histories.kept(~last), pair // size, pair % size)

"""Baskets: what a user took together, in no order. A basket is learned from and asked for as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evenshelf.tasks.histories import Codes, Histories, numbered


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
    """``[N]`` non-decreasing numbers, equal for steps of one basket of one user.

    Baskets are those that histories name; or else steps at one moment; or else, without times, single steps.
    """
    if histories.basket is not None:
        return histories.basket
    if histories.time is None:
        return np.arange(len(histories.item))
    return numbered(histories.user, histories.time)


def baskets_ago(histories: Histories) -> Codes:
    """``[N]`` how many baskets of the same user come after that of each step."""
    rank = numbered(baskets_of(histories))  # gaps in the numbers are no baskets
    return rank[histories.start[1:][histories.user] - 1] - rank


def last_held(histories: Histories) -> Held:
    """Hold the last basket of each user back; who has but one keeps nothing."""
    basket = baskets_of(histories)
    last = basket == basket[histories.start[1:][histories.user] - 1]
    size = len(histories.items)
    pair = np.unique(histories.user[last] * size + histories.item[last])
    return Held(histories.kept(~last), pair // size, pair % size)

"""Baskets: what a user took together, in no order. A basket is learned from and asked for as a whole."""

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


def last_held(histories: Histories) -> Held:
    """Hold the last basket of each user back; who has but one keeps nothing."""
    basket = histories.baskets
    last = basket == basket[histories.start[1:][histories.user] - 1]
    size = len(histories.items)
    pair = np.unique(histories.user[last] * size + histories.item[last])
    return Held(histories.kept(~last), pair // size, pair % size)

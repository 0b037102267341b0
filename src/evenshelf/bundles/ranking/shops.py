"""What a shop says that a bundle does not hold: the history of a user, and what is in stock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from evenshelf.bundles.ranking.catalogue import named_once
from evenshelf.bundles.ranking.recommender import Recommender, recoded
from evenshelf.shop import Shop
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.offers import stock_of
from evenshelf.tasks.recommend import RecommendTask


def history_in(shop: Shop, bundle: Recommender, user: str) -> tuple[Histories, tuple[str, ...]]:
    """The history of a user as the bundle would have been fitted on it, and ids that the bundle does not know.

    Of a user whom the shop knows it may be empty: by the table of users, or by events that do not count.

    Raises
    ------
    InputError
        If the shop has no such user.
    """
    manifest = bundle.manifest
    task = RecommendTask.from_shop(shop, manifest.target, repeats=manifest.repeats, seed=manifest.seed)
    if user in task.histories.users:
        own = task.histories.of_users(np.array([task.histories.users.index(user)]))
    else:
        if not _knows(shop, user):
            named_once(set(task.histories.users), user)
        nothing = task.histories.kept(np.zeros(len(task.histories.item), bool))
        own = replace(nothing.of_users(np.zeros(1, np.int64)), users=(user,))
    found, unknown = recoded(own, bundle.catalogue)
    return found, unknown


def _knows(shop: Shop, user: str) -> bool:
    """Whether a user stands in the table of users, or has done anything."""
    tables = [table for table in ("users", "events") if table in shop.tables]
    return any(shop.scan(table).filter(pl.col("user_id") == user).head(1).collect().height for table in tables)


def in_stock(shop: Shop) -> frozenset[str]:
    """Ids of the items of which the shop last had some; one of which it says nothing is not among them.

    Raises
    ------
    InputError
        If the shop has no table of its stock.
    """
    ids = shop.items()["item_id"].to_list()
    there = stock_of(shop, ids).at(np.iinfo(np.int64).max, len(ids))
    return frozenset(ids[code] for code in np.flatnonzero(there))

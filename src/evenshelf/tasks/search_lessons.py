"""A task of search that is learned from clicks: what was shown for queries, clicked, and probably looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.clicks import log_of_shop
from evenshelf.clicks.evidence import Pairs
from evenshelf.clicks.models.position_based import PositionBased
from evenshelf.clicks.sums import sums
from evenshelf.errors import InputError
from evenshelf.tasks.search import CLICKS, JUDGEMENTS, Lessons, SearchTask

if TYPE_CHECKING:
    from evenshelf.shop import Shop


def taught_by_clicks(shop: Shop) -> SearchTask:
    """Return what clicks teach, and what says how well it was learned.

    That is what people judged, where a shop has judgements, so that a ranking that has learned the faults of clicks is
    found out; or else the attraction of items by the position-based model. Queries that nobody judged are learned from
    alone.

    Parameters
    ----------
    shop
        With events of lists that were shown for queries.

    Raises
    ------
    InputError
        If it has none.
    """
    judged = SearchTask.from_shop(shop, JUDGEMENTS if shop.rows("judgements") else CLICKS)
    log = log_of_shop(shop)
    pairs = Pairs.of(log)
    row = pairs.find(log)
    looked = PositionBased.fit(log).looked_at(log)
    shown, clicks, looks = (sums(row, values, len(pairs)) for values in (np.ones(len(log)), log.clicked, looked))
    task = judged.with_queries(log.queries, shop)
    query = {text: code for code, text in enumerate(task.queries)}
    item = {name: code for code, name in enumerate(task.items)}
    of_query = np.array([query[text] for text in log.queries], np.int64)[pairs.query]
    of_item = np.array([item.get(name, -1) for name in log.items], np.int64)[pairs.item]
    kept = of_item >= 0
    if not clicks[kept].any():
        raise InputError(
            "No item of the shop was clicked on in a list that was shown for a query, so clicks teach nothing.",
            hint="Learn from judgements, or ingest the events of items that the shop has.",
        )
    return replace(
        task,
        target=CLICKS,
        tested_by=judged.target,
        lessons=Lessons(of_query[kept], of_item[kept], shown[kept], clicks[kept], looks[kept]),
        dropped=dict(log.left_out),
    )

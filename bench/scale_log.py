"""A made-up shop of any size: Zipf's law over items, users of very different activity who mostly keep to one kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.shop import Shop

CHUNK = 500_000
BEGIN = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp() * 1_000_000)
YEAR = 365 * 86_400 * 1_000_000
KINDS = ("view", "click", "cart", "purchase")
KIND_SHARES = (0.62, 0.22, 0.08, 0.08)
FAITH = 0.7
"""Share of events in which a user keeps to the own kind of items."""
ZIPF = 0.9
ACTIVITY = 1.0
"""Standard deviation of the logarithm of how active users are."""
KIND_SIZE = 500
"""Items of a kind, about."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """How large a log is.

    Attributes
    ----------
    events, users, items
        Events that are written; users and items who may occur.
    """

    events: int
    users: int
    items: int


def chunks(size: Size, seed: int) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    """User, item and microsecond of events, some at a time, in order of time."""
    rng = np.random.default_rng([seed, 1])
    activity = np.cumsum(rng.lognormal(0.0, ACTIVITY, size.users))
    groups = max(1, size.items // KIND_SIZE)
    own = rng.integers(groups, size=size.users)
    rank = rng.permutation(size.items)
    for begin in range(0, size.events, CHUNK):
        many = min(CHUNK, size.events - begin)
        user = np.searchsorted(activity, rng.random(many) * activity[-1], side="right")
        # a kind is every so-manieth item, so each has frequent and rare ones
        within = _zipf(size.items // groups, many, rng) * groups + own[user]
        item = rank[np.where(rng.random(many) < FAITH, within, _zipf(size.items, many, rng))]
        span = YEAR * many // size.events
        time = BEGIN + YEAR * begin // size.events + np.sort(rng.integers(span, size=many))
        yield user.astype(np.int64), item.astype(np.int64), time


def write_shop(folder: Path, size: Size, seed: int) -> Shop:
    """A shop with these items and events, in a new folder."""
    rng = np.random.default_rng([seed, 2])
    shop = Shop.new(folder, origin="made up")
    with shop.writing() as writer:
        ids = [f"i{number}" for number in range(size.items)]
        writer.append("items", pl.DataFrame({"item_id": ids, "title": ids}))
        for user, item, time in chunks(size, seed):
            kind = rng.choice(len(KINDS), len(user), p=KIND_SHARES)
            frame = pl.DataFrame(
                {
                    "time": pl.Series(time).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
                    "user_id": _named("u", user),
                    "item_id": _named("i", item),
                    "kind": pl.Series(list(KINDS)).gather(kind),
                }
            )
            writer.append("events", frame)
    return shop


def _named(letter: str, numbers: Numbers) -> pl.Series:
    return pl.Series(numbers).cast(pl.String).str.replace("^", letter)


def _zipf(items: int, many: int, rng: np.random.Generator) -> Numbers:
    """Numbers below `items`, the n-th about as often as ``n ** -ZIPF``, by the inverse of the integral of that."""
    top = (items + 1.0) ** (1.0 - ZIPF)
    drawn = (1.0 + rng.random(many) * (top - 1.0)) ** (1.0 / (1.0 - ZIPF))
    return np.minimum(drawn.astype(np.int64) - 1, items - 1)

"""A made-up event log as CSV: long tails, a few bots, a few dirty rows, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

EVENTS, ITEMS = "events.csv", "items.csv"
CHUNK = 250_000
BEGIN = 1_672_531_200_000_000
"""Microseconds since 1970 at the start of 2023; the log takes a year from there."""
YEAR = 365 * 86_400 * 1_000_000
KINDS = ("view", "click", "cart", "purchase", "return")
KIND_SHARES = (0.62, 0.2, 0.09, 0.085, 0.005)
SHARES = {"malformed": 0.0005, "unparsable time": 0.0005, "impossible price": 0.0005, "sent twice": 0.0005}
"""Share of rows that are dirty, by what is wrong with them."""
BOT_SHARE = 0.002
LEAST_BOT = 200
"""Fewer views in a chunk would not be more than a person's in any minute."""
BOT_GAP = 400_000
"""Microseconds between two views of a bot: 150 a minute."""
NOTES = ("", "", "", "mail, spring", 'search "red shoes"', "app", "ad, search", "shelf 3")

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """How large a log is; users and items grow with it more slowly than rows do."""

    rows: int

    @property
    def users(self) -> int:
        """Number of users who may come."""
        return max(100, self.rows // 10)

    @property
    def items(self) -> int:
        """Number of items that may be looked at."""
        return max(50, min(50_000, self.rows // 50))


def write_items(file: Path, size: Size, seed: int) -> None:
    """Write the items as CSV: item_id, title, category, price."""
    rng = np.random.default_rng([seed, 1])
    number = np.arange(size.items)
    words = np.array(["wool", "steel", "oak", "linen", "glass", "clay", "blue", "round", "small", "tall"])
    goods = np.array(["cup", "shirt", "lamp", "chair", "bag", "clock", "pan", "rug"])
    kind = rng.integers(len(goods), size=size.items)
    first, second = rng.integers(len(words), size=(2, size.items))
    drawn = first, second, kind, number
    pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in number],
            "title": [f"{words[a]} {words[b]} {goods[k]} no. {n}" for a, b, k, n in zip(*drawn, strict=True)],
            "category": goods[kind],
            "price": _base_prices(number),
        }
    ).write_csv(file)


def write_events(file: Path, size: Size, seed: int) -> dict[str, int]:
    """Write the events as CSV.

    Quotes are always in pairs, so that readers without a way to deal with stray ones read the same lines.

    Parameters
    ----------
    file
        Is overwritten.
    size, seed
        Of the log.

    Returns
    -------
    Number of lines by what they are: ``rows`` in all, ``bot``, and each kind of dirt of :data:`SHARES`.
    """
    counts = dict.fromkeys(("rows", "bot", *SHARES), 0)
    with file.open("wb") as stream:
        for frame, malformed in _chunks(size, seed, counts):
            frame.write_csv(stream, include_header=counts["rows"] == 0)
            stream.write(b"".join(malformed))
            counts["rows"] += frame.height + len(malformed)
    return counts


def _chunks(size: Size, seed: int, counts: dict[str, int]) -> Iterator[tuple[pl.DataFrame, list[bytes]]]:
    for begin in range(0, size.rows, CHUNK):
        rows = min(CHUNK, size.rows - begin)
        rng = np.random.default_rng([seed, 2, begin])
        bad = round(rows * SHARES["malformed"])
        frame = _chunk(size, begin, rows - bad, rng, counts)
        # One field too few, and one too many.
        lines = [b"2023-06-01 10:00:00,u1,i1\n", b"2023-06-01 10:00:00,u1,i1,view,1.00,1,e0,app,more\n"]
        counts["malformed"] += bad
        yield frame, [lines[n % 2] for n in range(bad)]


def _chunk(size: Size, begin: int, rows: int, rng: np.random.Generator, counts: dict[str, int]) -> pl.DataFrame:
    user = _long_tail(size.users, rows, rng)
    item = _long_tail(size.items, rows, rng)
    kind = rng.choice(len(KINDS), rows, p=KIND_SHARES)
    # Chunks follow each other in time, rows of a chunk as well.
    span = YEAR * rows // size.rows
    time = BEGIN + YEAR * begin // size.rows + np.sort(rng.integers(span, size=rows))
    names = np.char.add("u", user.astype(str)).astype(object)
    bots = max(LEAST_BOT, round(rows * BOT_SHARE))
    again = round(rows * SHARES["sent twice"])
    at = slice(0, bots)
    names[at] = "crawler"
    kind[at] = 0
    time[at] = time[0] + np.arange(bots) * BOT_GAP
    counts["bot"] += bots
    price = _base_prices(item) * rng.choice([1.0, 0.9, 0.8], rows)
    dirty = bots + rng.permutation(rows - bots - again)
    wrong = dirty[: round(rows * SHARES["impossible price"])]
    price[wrong] = -price[wrong]
    counts["impossible price"] += len(wrong)
    pieces = np.where(kind >= 2, 1 + rng.poisson(0.4, rows), 1)
    frame = pl.DataFrame(
        {
            "time": pl.Series(time // 1_000_000 * 1_000_000).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S"),
            "user_id": pl.Series(names, dtype=pl.String),
            "item_id": pl.select(pl.format("i{}", pl.Series(item))).to_series(),
            "kind": np.array(KINDS)[kind],
            "price": pl.Series(price).round(2),
            "quantity": pieces,
            "event_id": pl.select(pl.format("e{}", pl.Series(begin + np.arange(rows)))).to_series(),
            "note": np.array(NOTES)[rng.integers(len(NOTES), size=rows)],
        }
    )
    unread = dirty[len(wrong) :][: round(rows * SHARES["unparsable time"])]
    hit = np.zeros(rows, bool)
    hit[unread] = True
    counts["unparsable time"] += len(unread)
    frame = frame.with_columns(time=pl.when(pl.Series(hit)).then(pl.lit("soon")).otherwise("time"))
    clean = np.sort(dirty[len(wrong) + len(unread) :][:again])
    counts["sent twice"] += len(clean)
    # In the place of the last rows, so that the number of rows stays what was asked for.
    return pl.concat([frame[: rows - len(clean)], frame[clean]])


def _long_tail(names: int, rows: int, rng: np.random.Generator) -> Numbers:
    """Numbers below `names`, the chance of each about one by its rank."""
    rank: NDArray[np.float64] = np.exp(rng.random(rows) * np.log(names + 1)) - 1
    return np.asarray(rank.astype(np.int64).clip(0, names - 1))


def _base_prices(item: Numbers) -> NDArray[np.float64]:
    return np.asarray(np.round(np.exp(1 + item % 97 / 24), 2), np.float64)

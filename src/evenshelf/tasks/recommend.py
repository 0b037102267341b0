"""The task ``recommend``: what a user takes next, by what users took before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import buckets
from evenshelf.tasks.exams import Sitting, sittings
from evenshelf.tasks.histories import Codes, Histories, numbered
from evenshelf.tasks.nouns import Nouns
from evenshelf.tasks.offers import Offer, offer_of
from evenshelf.tasks.ranking_metrics import cut_by_items
from evenshelf.tasks.shop_steps import ALL, as_steps, numbered_baskets, wanted_events, wanted_kinds

if TYPE_CHECKING:
    from evenshelf.shop import Shop

REPEATED = 0.2
"""From this share of re-taken items on (:func:`retaken`), what a user had may be shown again."""
CUTS = ("examples", "items")
ATTRIBUTES = ("category", "brand", "tags")
"""Columns of items that are read beside the title, each value as a word."""
NOUNS = Nouns(
    thing="user",
    things="users",
    text="history",
    texts="histories",
    label="item",
    labels="items",
    examples="wanted items",
    parts="",
    advice="Give users longer histories",
    elsewhere="compare other learners",
    clusters="users",
    row="event",
    rows="events",
    learned="users",
)


@dataclass(frozen=True, eq=False)
class RecommendTask:
    """Histories of users, and what is known of the items.

    Attributes
    ----------
    histories
        With all items of the shop, also those that nobody took.
    repeats
        Whether what a user had may be shown again.
    texts
        ``[I]`` title of each item; "" where there is none.
    attributes
        ``[I]`` further words on each item, such as ``brand=acme``.
    category
        ``[I]`` codes, -1 where unknown.
    cut
        What head, torso and tail are shares of: ``examples`` (half and the last tenth of the steps) or ``items`` (the
        first fifth, the last half).
    dropped
        Events left out, by reason.
    offer
        Which items may be shown and wanted; all if ``None``.
    nouns
        What things are called.
    """

    histories: Histories
    repeats: bool = False
    texts: tuple[str, ...] | None = None
    attributes: tuple[tuple[str, ...], ...] | None = None
    category: Codes | None = None
    cut: str = "examples"
    dropped: Mapping[str, int] = field(default_factory=dict)
    offer: Offer | None = None
    nouns: Nouns = NOUNS

    name = "recommend"

    def __post_init__(self) -> None:
        if self.cut not in CUTS:
            raise SettingError(f"Items cannot be cut by {self.cut!r}.", hint=f"By one of: {', '.join(CUTS)}.")

    @classmethod
    def of(
        cls,
        histories: Histories,
        *,
        texts: Sequence[str] | None = None,
        repeats: bool | None = None,
        cut: str = "examples",
    ) -> RecommendTask:
        """Build the task from histories.

        Parameters
        ----------
        texts
            Title of each item, in the order of their codes.
        repeats
            Whether what a user had may be shown again; ``None`` looks at how often that happens.
        cut
            See the class.

        Raises
        ------
        InputError
            If there is not one text an item.
        """
        if texts is not None and len(texts) != len(histories.items):
            raise InputError(
                f"There are {len(texts)} texts but {len(histories.items)} items.", hint="Give one an item, by its code."
            )
        again = retaken(histories) >= REPEATED if repeats is None else repeats
        known = histories if again else histories.kept(first_time(histories))
        return cls(known, again, None if texts is None else tuple(texts), cut=cut)

    @classmethod
    def from_shop(
        cls,
        shop: Shop,
        target: str = ALL,
        *,
        repeats: bool | None = None,
        seed: int = 0,
        category: str | None = None,
        in_stock: bool = False,
    ) -> RecommendTask:
        """Ask what users of a shop take next.

        Events of one user at one moment are of one basket, as are those of one session that the source names; within a
        basket their order is drawn at random, so that nothing can read the order of a file. What was sent back, and
        ratings below the middle of the scale, are left out.

        Parameters
        ----------
        shop
            With events.
        target
            Kinds of events with commas between them, or ``all``.
        repeats
            See :meth:`of`.
        seed
            Of draws.
        category, in_stock
            What may be shown and wanted; see :func:`evenshelf.tasks.offers.offer_of`.

        Raises
        ------
        SettingError
            If a kind is none, or there is no such category.
        InputError
            If there are no such events, or they have no users or times; or nothing is known of the stock.
        """
        events, dropped = wanted_events(shop, wanted_kinds(target))
        rng = np.random.default_rng(seed)
        events = as_steps(events.with_columns(_drawn=pl.Series(rng.permutation(events.height))))
        items = shop.items()
        users = events.group_by("user_id", maintain_order=True).len()
        histories = Histories.of_steps(
            users["user_id"].to_list(),
            users["len"].to_numpy().astype(np.int64),
            events["item_id"].to_numpy(),
            items=items["item_id"].to_numpy(),
            time=events["time"].dt.epoch("s").to_numpy().astype(np.int64),
            strength=events["_strength"].to_numpy().astype(np.float32),
            basket=numbered_baskets(events),
            seed=seed,
        )
        made = cls.of(histories, repeats=repeats)
        offer = offer_of(shop, histories.items, category=category, in_stock=in_stock)
        return replace(made, dropped=dropped, offer=offer, **_facts(items, histories.items))

    @property
    def counts(self) -> NDArray[np.int64]:
        """``[I]`` how often each item was taken."""
        return self.histories.counts

    @property
    def classes(self) -> tuple[str, ...]:
        """Ids of the items."""
        return self.histories.items

    def bucket(self, counts: NDArray[np.integer]) -> NDArray[np.str_]:
        """``[I]`` head, torso or tail by how often items were taken; cold where they were not."""
        if self.cut == "items":
            return cut_by_items(counts)
        found = buckets(np.asarray(counts, np.int64)).astype("<U5")
        return np.where(np.asarray(counts) > 0, found, "cold")

    def sittings(self, split: str, *, folds: int, seed: int) -> Iterator[Sitting]:
        """See :func:`evenshelf.tasks.exams.sittings`."""
        return sittings(self.histories, split, repeats=self.repeats, folds=folds, seed=seed, offer=self.offer)

    def sampled(self, users: int, seed: int) -> RecommendTask:
        """The task of so many users, drawn at random; all items stay."""
        if users >= len(self.histories.users):
            return self
        picked = np.sort(np.random.default_rng(seed).permutation(len(self.histories.users))[:users])
        kept = self.histories.of_users(picked)
        gone = len(self.histories.item) - len(kept.item)
        left = {f"of users not in the sample of {users:,} drawn with seed {seed}": gone}
        return replace(self, histories=kept, dropped={**self.dropped, **left})

    def describe(self) -> dict[str, Any]:
        """JSON-able facts for a study's record."""
        content = blake2b(digest_size=8)
        for part in (self.histories.start, self.histories.item, self.histories.baskets):
            content.update(np.ascontiguousarray(part).data)
        content.update(repr((self.histories.items, self.texts, self.attributes)).encode())
        return {
            "task": self.name,
            "users": len(self.histories.users),
            "steps": len(self.histories.item),
            "items": len(self.histories.items),
            "repeats": self.repeats,
            "cut": self.cut,
            "dropped": dict(self.dropped),
            "content": content.hexdigest(),
            **({} if self.offer is None else self.offer.describe()),
            "nouns": self.nouns.to_dict(),
        }


def retaken(histories: Histories) -> float:
    """Share of what users took in baskets between their first and their last that they had before; 0 if there are none.

    Last baskets are not looked at: they may be a test.
    """
    user, basket = histories.user, numbered(histories.user, histories.baskets)
    pair = user * len(histories.items) + histories.item
    _, first, place = np.unique(pair, return_index=True, return_inverse=True)
    begun = basket[histories.start[:-1][user]] < basket
    between = begun & (histories.baskets_ago > 0)
    return float((basket[first[place.reshape(-1)]] < basket)[between].mean()) if between.any() else 0.0


def first_time(histories: Histories) -> NDArray[np.bool_]:
    """``[N]`` whether the user takes the item for the first time."""
    _, first = np.unique(histories.user * len(histories.items) + histories.item, return_index=True)
    found = np.zeros(len(histories.item), bool)
    found[first] = True
    return found


def _facts(items: pl.DataFrame, ids: tuple[str, ...]) -> dict[str, Any]:
    """What a shop's table of items says of those with these ids, in their order."""
    order = pl.DataFrame({"item_id": list(ids)}).join(items, on="item_id", how="left", maintain_order="left")
    titles = order["title"].fill_null("").str.strip_chars().to_list()
    found: dict[str, Any] = {"texts": tuple(titles)}
    there = [column for column in ATTRIBUTES if column in order.columns and order[column].null_count() < order.height]
    if there:
        words: list[list[str]] = [[] for _ in ids]
        for column in there:
            for place, cell in enumerate(order[column].cast(pl.String).to_list()):
                words[place] += [f"{column}={part.strip()}" for part in (cell or "").split("|") if part.strip()]
        found["attributes"] = tuple(map(tuple, words))
    if "category" in order.columns:
        found["category"] = coded(order["category"])[1]
    return found


def coded(cells: pl.Series) -> tuple[tuple[str, ...], Codes]:
    """Names in the order of their letters, and ``[n]`` codes into them, -1 where a cell is empty."""
    texts = cells.cast(pl.String)
    names = tuple(sorted(texts.drop_nulls().unique().to_list()))
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([-1 if text is None else place[text] for text in texts.to_list()], np.int64)

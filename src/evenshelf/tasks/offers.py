"""Which items may be shown at all: those of a category, and those of which a shop has some at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError, SettingError, near
from evenshelf.tasks.histories import Codes

if TYPE_CHECKING:
    from evenshelf.shop import Shop


@dataclass(frozen=True, eq=False)
class Stock:
    """How much there was of items.

    Attributes
    ----------
    time
        ``[n]`` seconds since 1970, ascending: from when on it is known.
    item
        ``[n]`` codes.
    some
        ``[n]`` whether there was any.
    """

    time: Codes
    item: Codes
    some: NDArray[np.bool_]

    def at(self, moment: int, items: int) -> NDArray[np.bool_]:
        """``[items]`` of which there was some before a moment; none of which nothing was known."""
        known = int(np.searchsorted(self.time, moment))
        found = np.zeros(items, bool)
        found[self.item[:known]] = self.some[:known]  # of several the last one is kept
        return found


@dataclass(frozen=True, eq=False)
class Offer:
    """What may be shown.

    Attributes
    ----------
    category
        Name of the one that all is of; ``None`` for all.
    within
        ``[I]`` whether items are of it; ``None`` for all.
    stock
        ``None`` where it is not looked at.
    """

    category: str | None = None
    within: NDArray[np.bool_] | None = None
    stock: Stock | None = None

    def at(self, moment: int | None, items: int) -> NDArray[np.bool_] | None:
        """``[items]`` what may be shown at a moment, ``None`` for all.

        Raises
        ------
        SettingError
            If stock is looked at and there is no one moment.
        """
        if self.stock is None:
            return self.within
        if moment is None:
            raise SettingError(
                "What is in stock is known of a moment, and users are asked at moments of their own here.",
                hint="Split at one moment: --split time.",
            )
        there = self.stock.at(moment, items)
        return there if self.within is None else there & self.within

    def describe(self) -> dict[str, Any]:
        """JSON-able facts for a study's record."""
        found: dict[str, Any] = {} if self.category is None else {"only_category": self.category}
        return found if self.stock is None else {**found, "in_stock": True}


def offer_of(shop: Shop, ids: Sequence[str], *, category: str | None = None, in_stock: bool = False) -> Offer | None:
    """What may be shown of the items of a shop; ``None`` for all.

    Parameters
    ----------
    ids
        ``[I]`` of the items, by their codes.
    category
        That all that is shown has to be of.
    in_stock
        Whether only what there is some of may be shown.

    Raises
    ------
    SettingError
        If there is no such category.
    InputError
        If the shop does not say what is in stock.
    """
    within = None
    if category is not None:
        items = shop.items()
        cells = items["category"].cast(pl.String) if "category" in items.columns else pl.Series([], dtype=pl.String)
        if category not in (known := set(cells.drop_nulls())):
            raise SettingError(
                f"No item is of the category {category!r}{near(category, known)}.",
                hint=f"See: evenshelf profile {shop.path}",
            )
        of_it = set(items.filter(cells == category)["item_id"])
        within = np.array([item in of_it for item in ids])
    if within is None and not in_stock:
        return None
    return Offer(category, within, stock_of(shop, ids) if in_stock else None)


def stock_of(shop: Shop, ids: Sequence[str]) -> Stock:
    """What a shop knows of its stock.

    Raises
    ------
    InputError
        If it knows nothing of it.
    """
    if "stock" not in shop.tables:
        raise InputError(
            f"The shop {shop.path} does not say what is in stock.",
            hint="Ingest it with: evenshelf ingest SHOP FILE --table stock - or leave --in-stock away.",
        )
    code = pl.DataFrame({"item_id": list(ids), "code": np.arange(len(ids))}, schema_overrides={"item_id": pl.String})
    rows = shop.scan("stock").join(code.lazy(), on="item_id").sort("time", maintain_order=True).collect()
    time = rows["time"].dt.epoch("s").to_numpy().astype(np.int64)
    return Stock(time, rows["code"].to_numpy().astype(np.int64), (rows["stock"] > 0).fill_null(value=False).to_numpy())

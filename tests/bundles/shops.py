"""A small shop with categories and tags."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evenshelf.shop import Shop
from tests.catalogues import catalogue


def make_shop(folder: Path) -> Shop:
    titles, labels = catalogue()
    tags = [f"{label}|{'dear' if n % 3 else 'cheap'}" for n, label in enumerate(labels)]
    made = Shop.create(folder)
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    made.commit({"items": items.with_columns(pl.Series("category", labels), pl.Series("tags", tags))})
    return made

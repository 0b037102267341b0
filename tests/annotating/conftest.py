"""A shop with a long tail, part of it labelled."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from evenshelf.shop import Shop
from tests.catalogues import catalogue


@pytest.fixture(autouse=True)
def _cache(cache_folder: Path) -> None:
    """Vectors go to a folder of the tests."""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """121 made-up items; every third has a label, the truth is in the column `truth`."""
    titles, labels = catalogue()
    made = Shop.create(tmp_path / "shop")
    frame = pl.DataFrame({"item_id": [f"0{i:03d}" for i in range(len(titles))], "title": titles, "truth": labels})
    known = pl.when(pl.int_range(pl.len()) % 3 == 0).then("truth").alias("category")
    made.commit({"items": frame.with_columns(known)})
    return made

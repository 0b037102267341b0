"""A small shop whose bundle every module reads."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from evenshelf.shop import Shop
from evenshelf.study.train import Wanted, train
from tests.catalogues import catalogue

REMEDY = "balanced + tau_norm + vector_scaling"


def make_shop(folder: Path) -> Shop:
    titles, labels = catalogue()
    tags = [f"{label}|{'dear' if n % 3 else 'cheap'}" for n, label in enumerate(labels)]
    made = Shop.create(folder)
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    made.commit({"items": items.with_columns(pl.Series("category", labels), pl.Series("tags", tags))})
    return made


@pytest.fixture(scope="package")
def shop(tmp_path_factory) -> Shop:
    return make_shop(tmp_path_factory.mktemp("bundles") / "shop")


@pytest.fixture(scope="package")
def trained(shop, tmp_path_factory):
    """The bundle in memory, and its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENSHELF_CACHE", str(tmp_path_factory.mktemp("cache")))
        return train(shop, Wanted(remedy=REMEDY, penalty=1e-4, encoder="tfidf"))

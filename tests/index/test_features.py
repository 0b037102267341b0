"""Features of candidates: places are among those of which the number is known."""

from __future__ import annotations

import polars as pl

from evenshelf.index import SearchEngine
from evenshelf.index.features import FEATURES


def test_places_of_prices_are_among_the_prices_that_are_known(tmp_path):
    prices = {"a": 30.0, "b": None, "c": 10.0, "d": None, "e": 20.0}
    items = pl.DataFrame({"item_id": list(prices), "title": ["red lamp"] * 5, "price": list(prices.values())})
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine:
        pool = engine.pool("lamp", [])
    place = dict(zip(pool.ids, pool.features[:, FEATURES.index("price_place")].tolist(), strict=True))
    assert place == {"a": 1.0, "b": 0.5, "c": 0.0, "d": 0.5, "e": 0.5}

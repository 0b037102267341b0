"""Features of candidates: places are among what a search finds and of which the number is known."""

from __future__ import annotations

import numpy as np
import polars as pl

from evenshelf.index import Ranking, SearchEngine
from evenshelf.index.features import FEATURES


def test_places_of_prices_are_among_the_prices_that_are_known(tmp_path):
    prices = {"a": 30.0, "b": None, "c": 10.0, "d": None, "e": 20.0}
    items = pl.DataFrame({"item_id": list(prices), "title": ["red lamp"] * 5, "price": list(prices.values())})
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine:
        pool = engine.pool("lamp", [])
    place = dict(zip(pool.ids, pool.features[:, FEATURES.index("price_place")].tolist(), strict=True))
    assert place == {"a": 1.0, "b": 0.5, "c": 0.0, "d": 0.5, "e": 0.5}


def test_what_was_found_looks_the_same_whatever_else_is_asked_about(tmp_path):
    """Judged items come along to be learned from; how a search ranks must not tell that they were judged."""
    rng = np.random.default_rng(0)
    words = ("red", "blue", "lamp", "chair", "table", "shelf", "oak", "steel")
    titles = [" ".join(rng.choice(words, 3, replace=False).tolist()) for _ in range(60)]
    items = pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(60)],
            "title": titles,
            "price": rng.uniform(1, 99, 60).tolist(),
            "popularity": (10.0 ** rng.uniform(0, 4, 60)).tolist(),
        }
    )
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine:
        for fusion in ("convex", "rrf"):
            ranking = Ranking(fusion=fusion, depth=5)
            for query in ("red lamp", "oak", "steel shelf", "chair"):
                alone = engine.pool(query, [], ranking=ranking)
                beside = engine.pool(query, items["item_id"].to_list(), ranking=ranking)
                assert len(alone.ids) < len(beside.ids)
                found = [name for name, own in zip(beside.ids, beside.found.tolist(), strict=True) if own]
                assert found == alone.ids
                np.testing.assert_array_equal(beside.features[beside.found], alone.features)
                hits = engine.search(query, limit=len(alone.ids), ranking=ranking).hits
                assert [hit.item_id for hit in hits] == alone.ids

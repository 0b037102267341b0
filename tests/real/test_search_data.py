"""The data of the benchmark of search, by count, and that its traps are caught."""

from __future__ import annotations

import polars as pl
import pytest
from bench.search_data import search_data
from bench.search_zh import ATTRIBUTES, FEWEST, SHARE, chinese_categories

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("chorus", (19406, 74, 65)),
        ("esci_us", (1723, 1699, 1458)),
        ("esci_es", (428, 412, 327)),
        ("esci_jp", (516, 506, 412)),
        ("zh_instruct", (500, 167, 167)),
    ],
)
def test_counts(real_data, monkeypatch, name, counts):
    monkeypatch.setenv("EVENSHELF_DATA", str(real_data))
    data = search_data(name)
    assert (data.items.height, len(data.queries), len(data.answerable())) == counts
    assert data.items["title"].str.len_chars().min() > 0


def test_chinese_queries_are_the_same_again_and_their_answers_of_one_leaf(chinese_shop):
    shop, _ = chinese_shop
    data = chinese_categories(queries=60, seed=1, shop=shop)
    again = chinese_categories(queries=60, seed=1, shop=shop)
    assert data.queries == again.queries
    assert data.judgements.equals(again.judgements)
    leaf = data.items.select("item_id", leaf=pl.col("category").str.split("|").list.last())
    sizes = dict(leaf.group_by("leaf").len().iter_rows())
    judged = data.judgements.join(leaf, on="item_id").group_by("query").agg(pl.col("leaf").unique(), pl.len())
    for query, leaves, count in judged.iter_rows():
        assert len(leaves) == 1, query
        assert FEWEST <= count <= SHARE * sizes[leaves[0]]
    assert sum(query.startswith(ATTRIBUTES) for query in data.queries) >= 30
    # Swapped rows would have the path, and with it the answer, for a title.
    assert not data.items["title"].str.contains(r"\w+ ?[>＞] ?\w+ ?[>＞] ?\w+").any()

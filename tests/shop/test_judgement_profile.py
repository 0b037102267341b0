"""Judgements whose figures can be counted by hand."""

from __future__ import annotations

import json

import pytest

from evenshelf.errors import InputError
from evenshelf.shop import Shop, ingest, profile
from evenshelf.shop.profiling.advice import advice
from evenshelf.shop.profiling.judgement_profile import profile_judgements

ITEMS = "id,title,category\n1,Red shoe,Shoes\n2,Blue shoe,Shoes\n3,Hat,Hats\n4,Cap,Hats\n"
JUDGED = """query,item_id,grade
shoe,1,3
shoe,2,2
shoe,3,0
hat,3,1
hat,4,1
tent,9,0
tent,1,
shoe,1,2
"""


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    (tmp_path / "judged.csv").write_text(JUDGED, encoding="utf-8")
    ingest(tmp_path / "shop", [tmp_path / "items.csv"])
    return Shop.open(tmp_path / "shop")


def test_figures(shop, tmp_path):
    ingest(shop.path, [tmp_path / "judged.csv"], table="judgements")
    found = profile_judgements(Shop.open(shop.path))
    assert (found.rows, found.rows_in) == (6, 8)
    assert found.quarantine == {"duplicate_key": 1, "missing_value": 1}
    assert (found.queries, found.items, found.catalogue, found.unknown_items) == (3, 5, 4, 1)
    assert found.grades == {"0": 2, "1": 2, "2": 1, "3": 1}
    assert (found.fewest, found.median, found.most) == (1, 2, 3)
    assert (found.without_relevant, found.of_one_grade) == (1, 2)


def test_they_are_part_of_the_profile_and_its_advice(shop, tmp_path):
    assert profile(shop).judgements is None
    ingest(shop.path, [tmp_path / "judged.csv"], table="judgements")
    found = profile(Shop.open(shop.path))
    assert json.loads(json.dumps(found.to_dict()))["judgements"]["without_relevant"] == 1
    told = " ".join(advice(found))
    assert "2 of 4 items are judged for a query" in told
    assert "1 of 3 queries have no relevant item" in told
    assert "1 of 6 judgements are of items that the shop does not have" in told


def test_a_shop_without_judgements_says_so(shop):
    with pytest.raises(InputError, match="has no judgements"):
        profile_judgements(shop)

"""A shop that an earlier version wrote opens, is understood, and is written in the new form by the next change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evenshelf.shop import Shop, ingest, profile
from evenshelf.shop.reviewing.difference import difference
from evenshelf.shop.reviewing.review import Selection, restore

FIXTURE = Path(__file__).parent / "fixtures" / "schema1"


@pytest.fixture
def old(tmp_path):
    """Made by schema version 1 out of two files; the first of them lies beside the tables."""
    shutil.copytree(FIXTURE, tmp_path / "shop")
    return tmp_path / "shop"


def test_a_shop_of_schema_1_opens_without_being_changed(old):
    before = {file.name: file.read_bytes() for file in old.iterdir()}
    shop = Shop.open(old)
    shop.verify()
    assert shop.manifest.schema_version == 2
    assert shop.items()["item_id"].to_list() == ["1", "3", "4", "6"]
    assert shop.items()["minority_label"].to_list() == [False, True, False, False]
    assert shop.quarantine()["table"].to_list() == ["items"] * 3
    assert shop.manifest.sources[0].table == "items"
    assert profile(shop).rows_in == 7
    assert {file.name: file.read_bytes() for file in old.iterdir()} == before


def test_its_sources_are_still_known(old):
    first = old / "first.csv"
    assert not ingest(old, [first]).changed
    (old.parent / "third.csv").write_text("id,title,category,colour\n3,Hat,Hats,green\n7,Glove,Gloves,red\n")
    report = ingest(old, [old.parent / "third.csv"])
    assert (report.sources[0].rows_kept, report.sources[0].rows_known) == (2, 1)
    shop = Shop.open(old)
    assert shop.items()["item_id"].to_list() == ["1", "3", "4", "6", "7"]
    assert "schema_version = 2" in (old / "shop.toml").read_text()
    found = difference(Shop.open(old, revision=-1), shop)
    assert found.tables["items"].added == 1


def test_its_quarantine_can_be_restored(old):
    assert restore(old, Selection(reason="empty_title")).restored == {"empty_title": 1}
    shop = Shop.open(old)
    assert shop.items().filter(item_id="2")["colour"].to_list() == ["blue"]
    assert shop.quarantine()["reason"].to_list() == ["wrong_field_count", "duplicate_item_id"]

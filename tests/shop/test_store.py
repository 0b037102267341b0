"""The shop on disk: what is written is read, and damage is told."""

from __future__ import annotations

import tomllib

import polars as pl
import pytest

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop
from evenshelf.shop.schema import TABLES


@pytest.fixture
def shop(tmp_path):
    made = Shop.create(tmp_path / "shop")
    made.commit({"items": items("a", "b")})
    return made


def items(*ids):
    return pl.DataFrame({"item_id": ids, "title": [f"title {i}" for i in ids], "extra": [[1]] * len(ids)})


def test_what_is_committed_is_read(shop):
    opened = Shop.open(shop.path)
    assert opened.items().equals(items("a", "b"))
    assert opened.scan("items").filter(pl.col("item_id") == "b").collect().height == 1
    assert opened.quarantine().height == 0
    assert opened.tables == ("items", "quarantine")
    opened.verify()


def test_equal_content_has_an_equal_fingerprint(shop, tmp_path):
    other = Shop.create(tmp_path / "other")
    other.commit({"items": items("a", "b")})
    assert other.fingerprint() == shop.fingerprint()
    other.commit({"items": items("a", "c")})
    assert other.fingerprint() != shop.fingerprint()


def test_a_reader_of_the_last_revision_still_finds_its_file(shop):
    reader = Shop.open(shop.path)
    shop.commit({"items": items("c")})
    assert reader.items()["item_id"].to_list() == ["a", "b"]
    shop.commit({"items": items("d")})
    with pytest.raises(InputError, match="cannot be read"):
        reader.items()
    assert len(list(shop.path.glob("items-*.parquet"))) == 2


def test_two_writers_do_not_overwrite_each_other(shop):
    late = Shop.open(shop.path)
    shop.commit({"items": items("c")})
    with pytest.raises(SettingError, match="another process"):
        late.commit({"items": items("x")})
    assert Shop.open(shop.path).items()["item_id"].to_list() == ["c"]


def test_the_schema_is_held(shop):
    with pytest.raises(InputError, match=r"'title'.*is missing"):
        shop.commit({"items": pl.DataFrame({"item_id": ["a"]})})
    with pytest.raises(InputError, match="1 values of 'item_id' repeat"):
        shop.commit({"items": items("a", "a")})
    with pytest.raises(InputError, match=r"'price' is String, but must be Float64"):
        shop.commit({"items": items("a").with_columns(price=pl.lit("x"))})
    with pytest.raises(SettingError, match="no table 'itms'"):
        shop.commit({"itms": items("a")})
    assert Shop.open(shop.path).items()["item_id"].to_list() == ["a", "b"]


def test_damage_is_told(shop):
    entry = shop.manifest.tables["items"]
    items("a", "x").write_parquet(shop.path / entry.file)
    with pytest.raises(InputError, match="was changed"):
        shop.verify()
    (shop.path / entry.file).unlink()
    with pytest.raises(InputError, match="is missing"):
        shop.verify()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema_version = 1", "schema_version = 99", "schema version 99"),
        ("rows = 2", "rows = -2", r"tables\.items\.rows"),
        ("rows = 2", 'rows = "many"', r"tables\.items\.rows"),
        ('file = "items', 'file = "../items', r"tables\.items\.file"),
        ("rows = 2", "rows == 2", "no valid manifest"),
        ("rows = 2", "rows = 2\nrow = 3", r"tables\.items\.row"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(shop, old, new, message):
    file = shop.path / "shop.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        Shop.open(shop.path)


def test_no_shop_and_no_empty_folder(tmp_path):
    with pytest.raises(InputError, match="no shop at"):
        Shop.open(tmp_path / "none")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    with pytest.raises(SettingError, match="not empty"):
        Shop.create(tmp_path / "full")
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingError, match="not empty"):
        Shop.create(tmp_path / "file")


def test_a_creation_that_died_can_be_repeated(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "items.parquet.4711").write_bytes(b"half")
    (tmp_path / "shop" / "shop.toml.4711").write_bytes(b"half")
    shop = Shop.create(tmp_path / "shop")
    assert shop.items().height == 0
    assert not (tmp_path / "shop" / "items.parquet.4711").exists()


def test_the_manifest_is_plain_toml(shop):
    values = tomllib.loads((shop.path / "shop.toml").read_text(encoding="utf-8"))
    assert values["tables"]["items"]["rows"] == 2
    assert values["schema_version"] == 1


def test_every_table_has_a_schema_of_its_own_name():
    assert all(name == table.name for name, table in TABLES.items())

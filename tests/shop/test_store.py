"""The shop on disk: what is written is read, and damage is told."""

from __future__ import annotations

import tomllib

import polars as pl
import pytest

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop, store
from evenshelf.shop.schema import TABLES, TIME
from evenshelf.shop.store import KEPT_REVISIONS


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


def test_readers_of_earlier_revisions_still_find_their_files(shop):
    reader = Shop.open(shop.path)
    for name in "cdefg":
        shop.commit({"items": items(name)})
    assert reader.items()["item_id"].to_list() == ["a", "b"]
    assert Shop.open(shop.path, revision=-2).items()["item_id"].to_list() == ["e"]
    assert Shop.open(shop.path, revision=reader.manifest.revision).items().equals(reader.items())
    shop.commit({"items": items("h")})
    with pytest.raises(InputError, match="cannot be read"):
        reader.items()
    with pytest.raises(SettingError, match=r"revision 2 of .* is not kept"):
        Shop.open(shop.path, revision=2)
    assert len(list(shop.path.glob("items-*.parquet"))) == 1 + KEPT_REVISIONS
    assert len(list(shop.path.glob("history/*"))) == KEPT_REVISIONS


def events(*lines, **more):
    frame = {"item_id": ["a"] * len(lines), "kind": ["view"] * len(lines), "source_line": list(lines)}
    return pl.DataFrame(frame | {name: [value] * len(lines) for name, value in more.items()})


def test_a_table_grows_part_by_part(shop):
    for lines in ((1, 2), (3,)):
        with shop.writing() as writer:
            for line in lines:
                writer.append("events", events(line))
            assert writer.rows("events") == max(lines)
            assert writer.scan("events").select(pl.len()).collect().item() == max(lines)
    with shop.writing() as writer:
        writer.append("events", events(4, extra="x"))
        writer.append("events", events(5, extra=1))
    assert len(shop.manifest.tables["events"].parts) == 3
    got = Shop.open(shop.path).read("events")
    assert got["source_line"].to_list() == [1, 2, 3, 4, 5]
    assert got["extra"].to_list() == [None, None, None, "x", "1"]
    parts = [part.file for part in shop.manifest.tables["events"].parts]
    with shop.writing() as writer:
        writer.rewrite("events", lambda part: part.filter(pl.col("source_line") != 3))
    assert [part.file for part in shop.manifest.tables["events"].parts] == [parts[0], parts[2]]
    shop.verify()


def test_parts_hold_many_small_frames_and_not_too_many(shop, monkeypatch):
    monkeypatch.setattr("evenshelf.shop.store.PART_ROWS", 10)
    with shop.writing() as writer:
        for line in range(25):
            writer.append("events", events(line))
    assert [part.rows for part in shop.manifest.tables["events"].parts] == [10, 10, 5]


def test_an_error_in_the_middle_leaves_everything_as_it_was(shop):
    before = {file.name: file.read_bytes() for file in shop.path.iterdir() if file.is_file()}

    def half_way():
        with shop.writing() as writer:
            writer.append("events", events(1))
            writer.scan("events")
            writer.replace("items", items("z"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_way()
    assert {file.name: file.read_bytes() for file in shop.path.iterdir() if file.is_file()} == before
    with shop.writing() as writer:
        writer.append("events", events(1))
    assert Shop.open(shop.path).rows("events") == 1


def test_a_ctrl_c_after_the_manifest_is_written_keeps_what_it_names(shop, monkeypatch):
    written = store.write_manifest

    def interrupted(*args, **options):
        written(*args, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "write_manifest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shop.commit({"items": items("c", "d", "e")})
    after = Shop.open(shop.path)
    after.verify()
    assert after.items()["item_id"].to_list() == ["c", "d", "e"]


def test_keys_do_not_repeat_across_parts(shop):
    def queries(*texts):
        return pl.DataFrame({"query": texts})

    with shop.writing() as writer:
        writer.append("queries", queries("shoe", "hat"))
    with pytest.raises(InputError, match="1 values of query repeat"), shop.writing() as writer:
        writer.append("queries", queries("shoe"))
    assert Shop.open(shop.path).read("queries")["query"].to_list() == ["shoe", "hat"]


def test_a_table_that_is_not_there_is_empty(shop):
    assert shop.rows("stock") == 0
    assert shop.read("stock").schema == {"item_id": pl.String, "time": TIME, "stock": pl.Float64}
    assert shop.scan("stock").collect().height == 0
    with pytest.raises(SettingError, match="no table 'stok'"):
        shop.read("stok")


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
    (entry,) = shop.manifest.tables["items"].parts
    items("a", "x").write_parquet(shop.path / entry.file)
    with pytest.raises(InputError, match="was changed"):
        shop.verify()
    (shop.path / entry.file).unlink()
    with pytest.raises(InputError, match="is missing"):
        shop.verify()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema_version = 2", "schema_version = 99", "schema version 99"),
        ("rows = 2", "rows = -2", r"tables\.items\.parts\.0\.rows"),
        ("rows = 2", 'rows = "many"', r"tables\.items\.parts\.0\.rows"),
        ('file = "items', 'file = "../items', r"tables\.items\.parts\.0\.file"),
        ("rows = 2", "rows == 2", "no valid manifest"),
        ("rows = 2", "rows = 2\nrow = 3", r"tables\.items\.parts\.0\.row"),
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
    assert values["tables"]["items"]["parts"][0]["rows"] == 2
    assert values["schema_version"] == 2


def test_every_table_has_a_schema_of_its_own_name():
    assert all(name == table.name for name, table in TABLES.items())

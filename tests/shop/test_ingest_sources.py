"""What several files and databases have in common: columns that are missing, lists, names of rows, reading anew."""

from __future__ import annotations

import json
import sqlite3

import polars as pl
import pytest

from evenshelf.cli import main
from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest
from evenshelf.shop.frames import together
from evenshelf.shop.reviewing.review import Selection, refused, restore
from evenshelf.shop.store import Writer

HEAD = "time,user_id,item_id,kind\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_all_files_whose_columns_do_not_fit_are_named_at_once(tmp_path):
    good = write(tmp_path / "good.csv", HEAD + "2024-01-01,u,a,view\n")
    ingest(tmp_path / "s", [good], table="events")
    before = (tmp_path / "s" / "shop.toml").read_bytes()
    more = write(tmp_path / "more.csv", HEAD + "2024-01-02,u,a,view\n")
    bad = write(tmp_path / "bad.csv", "time,user_id,item_id\n2024-01-01,u,a\n")
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder" / "fine.csv", HEAD + "2024-01-02,u,a,view\n")
    write(tmp_path / "folder" / "worse.csv", "time,who\n2024-01-01,u\n")
    with pytest.raises(SettingError) as caught:
        ingest(tmp_path / "s", [good, more, bad, tmp_path / "folder"], table="events")
    said = str(caught.value)
    assert "2 files" in said
    assert "bad.csv: no column says what kind" in said
    assert "folder: worse.csv: no column is known to hold the item_id" in said
    assert "No file was read into the shop." in said
    assert "fine.csv" not in said
    assert "more.csv" not in said
    assert (tmp_path / "s" / "shop.toml").read_bytes() == before
    ingest(tmp_path / "s", [good, more, tmp_path / "folder"], table="events", exclude=["worse.csv"])


def test_sources_that_rest_on_each_other_are_read_anew_together(tmp_path):
    head, first = "time,user_id,item_id,kind,price\n", "2024-01-01,u,a,purchase,0\n2024-01-01,u,b,purchase,1\n"
    one = write(tmp_path / "1.csv", head + first)
    two = write(tmp_path / "2.csv", head + first + "2024-01-03,u,b,purchase,0\n")
    ingest(tmp_path / "s", [one, two], table="events")
    assert Shop.open(tmp_path / "s").rows("events") == 1
    with pytest.raises(SettingError, match=r"1\.csv cannot be read in another way: rows of 2\.csv were left out"):
        ingest(tmp_path / "s", [one], table="events", off=["impossible_price"])
    report = ingest(tmp_path / "s", [two, one], table="events", off=["impossible_price"])
    assert [source.status for source in report.sources] == ["again", "again"]
    assert [source.rows_known for source in report.sources] == [0, 2]
    assert Shop.open(tmp_path / "s").rows("events") == 3


@pytest.mark.parametrize("first", ["parquet", "csv"])
def test_lists_are_the_same_from_whatever_file(tmp_path, first):
    rows = {"item_id": ["1", "2"], "title": ["Hat", "Cap"], "sizes": [["S", "M"], ["L"]], "weights": [[1.5, 2.0], []]}
    pl.DataFrame(rows).write_parquet(tmp_path / "i.parquet")
    write(tmp_path / "i.csv", "item_id,title,sizes,weights\n1,Hat,S|M,1.5|2.0\n2,Cap,L,\n3,Bag,XL,\n")
    order = ["i.parquet", "i.csv"] if first == "parquet" else ["i.csv", "i.parquet"]
    for name in order:
        (source,) = ingest(tmp_path / "s", [tmp_path / name]).sources
    assert source.rows_known >= 1
    assert source.rows_known + source.quarantined.get("duplicate_item_id", 0) == 2
    items = Shop.open(tmp_path / "s").items().sort("item_id")
    assert items["sizes"].to_list() == ["S|M", "L", "XL"]


def test_lists_of_events_are_the_same_from_whatever_file(tmp_path):
    rows = {"time": ["2024-01-01"], "user_id": ["u"], "item_id": ["a"], "kind": ["view"], "shown": [["x", "y"]]}
    pl.DataFrame(rows).write_parquet(tmp_path / "e.parquet")
    csv = write(tmp_path / "e.csv", "time,user_id,item_id,kind,shown\n2024-01-01,u,a,view,x|y\n2024-01-01,u,a,view,z\n")
    ingest(tmp_path / "s", [tmp_path / "e.parquet"], table="events")
    (source,) = ingest(tmp_path / "s", [csv], table="events").sources
    assert source.rows_known == 1
    assert Shop.open(tmp_path / "s").read("events")["shown"].to_list() == ["x|y", "z"]


def test_structs_beside_text_are_json():
    frames = [pl.DataFrame({"x": [{"a": 1}]}), pl.DataFrame({"x": ["t"]})]
    assert together(frames)["x"].to_list() == ['{"a":1}', "t"]


def test_items_that_repeat_an_id_on_purpose_are_not_doubled_when_their_file_grows(tmp_path):
    rows = "item_id,title\n1,Hat\n1,Hat\n1,Cap\n2,Bag\n"
    ingest(tmp_path / "s", [write(tmp_path / "1.csv", rows)], off=["duplicate_item_id"])
    grown = write(tmp_path / "2.csv", rows + "1,Hat\n3,Sock\n")
    (source,) = ingest(tmp_path / "s", [grown], off=["duplicate_item_id"]).sources
    assert source.rows_known == 4
    items = Shop.open(tmp_path / "s").items()
    assert items.select("item_id", "title").rows() == [
        ("1", "Hat"),
        ("1#2", "Hat"),
        ("1#3", "Cap"),
        ("2", "Bag"),
        ("1#4", "Hat"),
        ("3", "Sock"),
    ]


def test_a_price_that_is_none_does_not_hide_the_rows_that_are_known(tmp_path):
    rows = "item_id,title,price\n1,Hat,3\n2,Cap,4\n"
    ingest(tmp_path / "s", [write(tmp_path / "1.csv", rows)])
    (source,) = ingest(tmp_path / "s", [write(tmp_path / "2.csv", rows + "3,Bag,ask us\n")]).sources
    assert (source.rows_known, source.quarantined) == (2, {})


@pytest.fixture
def database(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE log (time TEXT, user_id TEXT, item_id TEXT, kind TEXT, price REAL)")
        rows = [("2024-01-01", "u", "a", "purchase", price) for price in (1, 0, 2)]
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", rows)
    return f"sqlite:///{tmp_path / 'shop.db'}"


def test_rows_of_a_database_are_named_by_table_and_row(tmp_path, database, capsys):
    ingest(tmp_path / "s", [database], table="events", query="log")
    (row,) = Shop.open(tmp_path / "s").quarantine().to_dicts()
    assert (row["source_file"], row["source_line"]) == (f"{database}: log", 2)
    with pytest.raises(SystemExit):
        main(["shop", "quarantine", str(tmp_path / "s")])
    assert "log, row 2" in capsys.readouterr().out.replace("\n", " ")
    restore(tmp_path / "s", Selection(source=f"{database}: log"))
    assert Shop.open(tmp_path / "s").rows("events") == 3
    with pytest.raises(SettingError, match=r"shop\.db: SELECT time FROM log: no column is known"):
        ingest(tmp_path / "s", [database], table="events", query="SELECT time FROM log")
    assert not list((tmp_path / "s").glob("[0-9a-f]" * 16 + ".parquet")), "what it answered is not kept"


def test_the_quarantine_is_counted_whole_and_read_in_part(tmp_path, monkeypatch):
    rows = "item_id,title\n" + "".join(f"{n},\n" for n in range(50)) + "x,Hat\x07\n"
    ingest(tmp_path / "s", [write(tmp_path / "i.csv", rows)])
    monkeypatch.setattr(Selection, "of", lambda *_: pytest.fail("all of it was read"))
    found = refused(Shop.open(tmp_path / "s"), Selection(), 3)
    assert [(one.reason, one.rows, one.first["source_line"].to_list()) for one in found] == [
        ("empty_title", 50, [2, 3, 4]),
        ("control_characters_title", 1, [52]),
    ]
    assert [one.first.height for one in refused(Shop.open(tmp_path / "s"), Selection(), 0)] == [0, 0]


def test_the_quarantine_as_json(tmp_path, capsys):
    ingest(tmp_path / "s", [write(tmp_path / "i.csv", "item_id,title\n1,\n2,\n3,x,y\n")])
    with pytest.raises(SystemExit):
        main(["shop", "quarantine", str(tmp_path / "s"), "--json", "--limit", "1"])
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 3
    assert {name: (one["rows"], len(one["first"])) for name, one in found["reasons"].items()} == {
        "empty_title": (2, 1),
        "wrong_field_count": (1, 1),
    }


@pytest.mark.parametrize("derived", [False, True])
def test_items_that_are_lost_while_events_are_read_are_noticed(tmp_path, monkeypatch, derived):
    ingest(tmp_path / "s", [write(tmp_path / "i.csv", "item_id,title\n1,Hat\n")])
    if derived:
        old = write(tmp_path / "old.csv", "time,user_id,title,kind\n2024-01-01,u,Sock,view\n")
        ingest(tmp_path / "s", [old], table="events")
    replace = Writer.replace

    def lose(self, table, frame):
        replace(
            self, table, frame.filter(pl.col("title") != ("Sock" if derived else "Hat")) if table == "items" else frame
        )

    monkeypatch.setattr(Writer, "replace", lose)
    log = write(tmp_path / "l.csv", "time,user_id,title,kind\n2024-01-01,u,Cap,view\n")
    with pytest.raises(RuntimeError, match=r"^items: "):
        ingest(tmp_path / "s", [log], table="events")

"""Files of one source that name their columns otherwise, or have the same name: each is read by its own columns."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from functools import partial

import pytest

from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest
from evenshelf.shop.ingesting.mapping import further_names
from evenshelf.shop.reviewing.review import Selection, restore
from evenshelf.shop.sources.read import read_batches


@pytest.fixture
def packed(tmp_path):
    def make(**files):
        path = tmp_path / "logs.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(f"{name}.csv", text)
        return path

    return make


def events(shop, *columns):
    return Shop.open(shop).read("events").sort("source_file", "source_line").select(columns).rows()


def test_rows_of_each_file_come_back_by_its_own_columns(tmp_path, packed):
    source = packed(
        a="InvoiceDate,user_id,item_id,kind,unitprice\n2024-01-01,u,1,purchase,-1\n",
        b="date,user_id,item_id,kind,price\n2024-01-02,u,1,purchase,-2\n2024-01-03,u,1,purchase,3\n",
    )
    report = ingest(tmp_path / "s", [source], table="events")
    assert report.sources[0].mappings == {
        "b.csv": {"time": "date", "user_id": "user_id", "item_id": "item_id", "kind": "kind", "price": "price"}
    }
    (note,) = report.sources[0].notes
    assert note == "not all files have the same columns; in b.csv time is 'date', price is 'price'"
    restore(tmp_path / "s", Selection())
    found = [(time.day, price) for time, price in events(tmp_path / "s", "time", "price")]
    assert found == [(1, -1.0), (2, -2.0), (3, 3.0)]


def test_items_come_back_by_the_columns_of_their_file(tmp_path, packed):
    source = packed(a="sku,name,price\n7,Bad\x01,1\n", b="item_id,title,price\n8,Good,1\n")
    ingest(tmp_path / "s", [source])
    restore(tmp_path / "s", Selection())
    assert Shop.open(tmp_path / "s").items().sort("item_id")["item_id"].to_list() == ["7", "8"]


@pytest.mark.parametrize("items_first", [True, False])
def test_only_events_that_tell_titles_follow_the_items_that_have_them(tmp_path, packed, items_first):
    logs = packed(
        a="time,user_id,item_id,kind\n2024-01-01,u,1,view\n",
        b="time,user_id,title,kind\n2024-01-02,u,Red shirt,view\n",
    )
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("item_id,title\n1,Red shirt\n", encoding="utf-8")
    two.write_text("item_id,title\n2,red shirt\n", encoding="utf-8")
    steps = [({"table": "events"}, logs), ({}, one)]
    for settings, source in reversed(steps) if items_first else steps:
        ingest(tmp_path / "s", [source], **settings)
    assert events(tmp_path / "s", "source_file", "item_id") == [("a.csv", "1"), ("b.csv", "1")]
    # Now two items have the title, so it names neither; who told an id still means it.
    ingest(tmp_path / "s", [two])
    (by_id, by_title) = events(tmp_path / "s", "source_file", "item_id")
    assert by_id == ("a.csv", "1")
    assert by_title[1] not in {"1", "2"}


def test_a_column_plays_one_role_in_all_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("evenshelf.shop.ingesting.reading.read_batches", partial(read_batches, block=24))
    rows = [{"sku": "1", "name": "Hat"}, {"sku": "2", "name": "Cap", "title": "A cap"}]
    path = tmp_path / "i.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ingest(tmp_path / "s", [path])
    items = Shop.open(tmp_path / "s").items()
    assert items["title"].to_list() == ["Hat", "Cap"]
    assert items["title_source"].to_list() == [None, "A cap"]


def tar_of(path, *files):
    with tarfile.open(path, "w") as archive:
        for name, text in files:
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def test_members_of_one_name_are_told_apart(tmp_path):
    head = "time,user_id,item_id,kind,value\n"
    source = tar_of(
        tmp_path / "y.tar",
        ("e.csv", head + "2024-01-01,u,1,purchase,2\n2024-01-02,u,1,return,1\n"),
        ("./e.csv", head + "2024-01-03,v,3,purchase,5\n2024-01-02,u,1,view,\n"),
        ("e#2.csv", head + "2024-01-04,v,3,view,\n"),
    )
    report = ingest(tmp_path / "s", [source], table="events")
    assert "e.csv is called e#2.csv here, as an earlier file has its name" in report.sources[0].notes[0]
    found = events(tmp_path / "s", "source_file", "source_line", "kind", "returned")
    assert found == [
        ("e#2#2.csv", 2, "view", None),
        ("e#2.csv", 2, "purchase", None),
        ("e#2.csv", 3, "view", None),
        ("e.csv", 2, "purchase", 1.0),
        ("e.csv", 3, "return", None),
    ]
    assert ingest(tmp_path / "s", [source], table="events").changed is False


def test_members_of_one_name_are_restored_one_by_one(tmp_path):
    rows = "item_id,title\n{},Good\n{},Bad\x01\n"
    source = tar_of(tmp_path / "x.tar", ("i.csv", rows.format(1, 2)), ("i.csv", rows.format(3, 4)))
    ingest(tmp_path / "s", [source])
    restore(tmp_path / "s", Selection(source="i#2.csv"))
    assert sorted(Shop.open(tmp_path / "s").items()["item_id"]) == ["1", "3", "4"]


def test_all_files_that_cannot_be_understood_are_told_at_once(tmp_path):
    (tmp_path / "logs").mkdir()
    for name, text in {
        "a": "time,user_id,item_id,kind\n03/04/2024,u,1,view\n",
        "b": "x\n1\n",
        "c": "time,user_id,item_id,kind\n2024-01-01,u,1,view\n",
        "d": "y\n",
    }.items():
        (tmp_path / "logs" / f"{name}.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SettingError) as error:
        ingest(tmp_path / "s", [tmp_path / "logs"], table="events")
    told = error.value.message.splitlines()
    assert told[0] == "3 files cannot be read as they are:"
    assert [line.split(":")[1].strip()[:1] for line in told[1:4]] == ["'", "b", "d"]
    assert "03/04/2024" in told[1]
    assert "--time-format" in error.value.hint
    assert "--map" in error.value.hint
    assert not (tmp_path / "s").exists()


def test_columns_that_the_shop_has_itself_get_a_free_name(tmp_path):
    path = tmp_path / "i.csv"
    path.write_text("item_id,title,derived,derived_source,given_id\n1,Hat,a,b,c\n", encoding="utf-8")
    ingest(tmp_path / "s", [path])
    row = Shop.open(tmp_path / "s").items().row(0, named=True)
    assert (row["derived_source_source"], row["derived_source"], row["given_id_source"]) == ("a", "b", "c")


def test_free_names_are_each_one():
    names = further_names(["a", "a_source", "b"], {"a", "a_source_source"})
    assert names == {"a": "a_source_source_source", "a_source": "a_source", "b": "b"}


def test_what_names_the_items_does_not_change_within_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("evenshelf.shop.ingesting.reading.read_batches", partial(read_batches, block=90))
    rows = [{"time": "2024-01-01", "user_id": "u", "kind": "view", "title": "Hat"}] * 4
    rows += [rows[0] | {"item_id": "3"}, *rows]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (source,) = ingest(tmp_path / "s", [path], table="events").sources
    assert source.quarantined == {}
    assert "log.jsonl: column 'item_id' is no item_id, as the first rows do not have it" in source.notes
    items = tmp_path / "i.csv"
    items.write_text("item_id,title\n3,Hat\n", encoding="utf-8")
    ingest(tmp_path / "s", [items])
    assert Shop.open(tmp_path / "s").read("events")["item_id"].unique().to_list() == ["3"]


def test_the_column_that_is_read_is_the_one_that_is_judged(tmp_path, monkeypatch):
    for module in ("reading", "whole_ids"):
        monkeypatch.setattr(f"evenshelf.shop.ingesting.{module}.read_batches", partial(read_batches, block=30))
    rows = [{"sku": "1.0", "title": "Hat"}, {"sku": "A2", "title": "Cap", "item_id": "2.0"}]
    path = tmp_path / "i.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (source,) = ingest(tmp_path / "s", [path]).sources
    assert Shop.open(tmp_path / "s").items()["item_id"].to_list() == ["1.0", "A2"]
    assert source.fixed == {}


def test_a_member_can_be_left_out_by_the_name_that_it_got(tmp_path):
    source = tar_of(tmp_path / "x.tar", ("i.csv", "item_id,title\n1,Hat\n"), ("i.csv", "no,columns\n3,4\n"))
    with pytest.raises(SettingError, match=r"x\.tar: i#2\.csv"):
        ingest(tmp_path / "s", [source])
    (report,) = ingest(tmp_path / "s", [source], exclude=["i#2.csv"]).sources
    assert report.skipped == {"i#2.csv": "excluded"}
    assert Shop.open(tmp_path / "s").rows("items") == 1


def test_files_of_one_name_are_both_told(tmp_path):
    for folder, text in (("a", "x\n1\n"), ("b", "y\n1\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "i.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SettingError, match=r"2 files .*\n.*columns are: x\.\n.*columns are: y\."):
        ingest(tmp_path / "s", [tmp_path / "a" / "i.csv", tmp_path / "b" / "i.csv"])

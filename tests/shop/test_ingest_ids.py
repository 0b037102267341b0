"""Ids as they are meant: whole numbers written as fractions, in whole columns of a file."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest
from evenshelf.shop.ingesting.whole_ids import WholeIds
from evenshelf.shop.reviewing.review import Selection, restore
from evenshelf.shop.sources.read import read_batches

HEAD = "time,user_id,item_id,kind,price\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def users(shop):
    return Shop.open(shop).read("events").sort("time")["user_id"].to_list()


def test_a_column_of_fractions_names_whole_numbers(tmp_path):
    rows = "2024-01-01,,7.5,view,\n2024-01-02,14156.0,8.0,view,\n2024-01-03,7.0,8.0,purchase,0\n"
    (source,) = ingest(tmp_path / "s", [write(tmp_path / "a.csv", HEAD + rows)], table="events").sources
    assert users(tmp_path / "s") == [None, "14156"]
    assert source.fixed == {"fractional_ids": 2}
    assert [note for note in source.notes if "14156.0" in note and "'user_id'" in note]
    restore(tmp_path / "s", Selection())
    assert users(tmp_path / "s") == [None, "14156", "7"]
    assert Shop.open(tmp_path / "s").read("events").sort("time")["item_id"].to_list() == ["7.5", "8.0", "8.0"]
    grown = HEAD + rows.replace("14156.0", "14156") + "2024-01-04,14156,9,view,\n"
    (source,) = ingest(tmp_path / "s", [write(tmp_path / "b.csv", grown)], table="events").sources
    assert source.rows_known == 2, "another program wrote the same customers"


def test_it_can_be_turned_off(tmp_path):
    log = write(tmp_path / "a.csv", HEAD + "2024-01-02,14156.0,a,view,\n")
    (source,) = ingest(tmp_path / "s", [log], table="events", off=["fractional_ids"]).sources
    assert users(tmp_path / "s") == ["14156.0"]
    assert source.fixed == {}
    with pytest.raises(SettingError, match="no such rule: 'fractional_id'"):
        ingest(tmp_path / "s", [log], table="stock", off=["fractional_id"])


def test_each_file_of_a_folder_is_told_by_itself(tmp_path):
    (tmp_path / "logs").mkdir()
    write(tmp_path / "logs" / "1.csv", HEAD + "2024-01-01,7.0,a,view,\n")
    write(tmp_path / "logs" / "2.csv", HEAD + "2024-01-02,7,a,view,\n")
    write(tmp_path / "logs" / "3.csv", HEAD + "2024-01-03,7.0,a,view,\n2024-01-04,x,a,view,\n")
    ingest(tmp_path / "s", [tmp_path / "logs"], table="events")
    assert users(tmp_path / "s") == ["7", "7", "7.0", "x"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("last", [7.0, 7.5])
def test_it_does_not_depend_on_the_portions(tmp_path, monkeypatch, kind, last):
    ids = [None, None, 5.0, 6.0, None, 14156.0, last]
    frame = pl.DataFrame({"user_id": ids}, schema={"user_id": pl.Float64}).with_columns(
        item_id=pl.lit("a"), kind=pl.lit("view"), time=pl.format("2024-01-0{}", pl.int_range(1, 8))
    )
    file = tmp_path / f"log.{kind}"
    frame.write_csv(file) if kind == "csv" else frame.write_parquet(file)
    found = []
    for rows in (100, 2):
        monkeypatch.setattr("evenshelf.shop.sources.read.PARQUET_ROWS", rows)
        monkeypatch.setitem(read_batches.__kwdefaults__, "block", rows * 30)
        ingest(tmp_path / str(rows), [file], table="events")
        found.append(users(tmp_path / str(rows)))
    whole = [None if value is None else f"{value:.0f}" for value in ids]
    as_they_are = [None if value is None else str(value) for value in ids]
    assert found[0] == found[1] == (whole if last == 7.0 else as_they_are)


def test_items_and_events_meet(tmp_path):
    ingest(tmp_path / "s", [write(tmp_path / "i.csv", "item_id,title\n12.0,Hat\n13.0,Cap\n")])
    (source,) = ingest(
        tmp_path / "s", [write(tmp_path / "e.csv", HEAD + "2024-01-01,u,12,view,\n")], table="events"
    ).sources
    assert source.quarantined == {}
    assert Shop.open(tmp_path / "s").items()["item_id"].to_list() == ["12", "13"]


@given(st.lists(st.sampled_from(["1.0", "22.0", "", " 3.0 ", "4", "5.00", "-6.0", "x"]), max_size=8))
@settings(deadline=None, max_examples=15)
def test_only_whole_columns_count(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("ids")
    rows = "".join(f"2024-01-01,{cell},a,view,\n" for cell in cells)
    ingest(path / "s", [write(path / "log.csv", HEAD + rows)], table="events")
    filled = [cell.strip() for cell in cells if cell]
    whole = all(cell.endswith(".0") and cell[:-2].isdecimal() for cell in filled)
    want = sorted(cell.removesuffix(".0") if whole else cell for cell in filled)
    got = Shop.open(path / "s").read("events")
    assert sorted(got["user_id"].drop_nulls() if "user_id" in got.columns else []) == want


def test_nothing_is_read_ahead_where_the_first_id_is_no_fraction(monkeypatch):
    monkeypatch.setattr("evenshelf.shop.ingesting.whole_ids._look_ahead", lambda *_: pytest.fail("read ahead"))
    ids = WholeIds(None, SimpleNamespace(off=frozenset()))
    assert ids.of("f", {"user_id": pl.Series([None, "7"])}) == frozenset()
    assert ids.of("f", {"user_id": pl.Series(["7.0"])}) == frozenset()

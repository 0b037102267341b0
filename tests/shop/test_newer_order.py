"""Newer sources read again, restored in part, in folders: which row is the newest never depends on how it came."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest
from evenshelf.shop.reviewing.review import Selection, restore
from evenshelf.shop.schema import PROVENANCE

PRICES = "item_id,time,price\n"
KINDS = {
    "items": ("item_id,title,price\n", "{},Hat,{}\n", "item_id", "duplicate_item_id"),
    "prices": (PRICES, "{},2024-01-01,{}\n", "item_id", "duplicate_key"),
}


@pytest.fixture
def shop(tmp_path):
    return tmp_path / "s"


def write(folder, name, text):
    path = Path(folder) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def balanced(shop):
    opened = Shop.open(shop)
    for source in opened.manifest.sources:
        assert source.rows_in == source.rows_kept + sum(source.quarantined.values())
    return opened


def price(shop, table="prices"):
    return dict(balanced(shop).read(table).select("item_id", "price").iter_rows())


def test_what_was_read_plainly_does_not_become_newer_than_what_came_after(tmp_path, shop):
    one, two = (write(tmp_path, f"{n}.csv", f"{PRICES}k,2024-01-01,{n}\n") for n in (1, 2))
    ingest(shop, [one], table="prices")
    ingest(shop, [two], table="prices", newer=True)
    ingest(shop, [one, two], table="prices", newer=True)
    assert price(shop) == {"k": 2.0}
    ingest(shop, [two, one], table="prices", newer=True, off=["fractional_ids"])
    assert price(shop) == {"k": 1.0}, "the order of the command counts where all are read again"


def test_an_older_export_is_not_read_again_alone(tmp_path, shop):
    files = [write(tmp_path, f"{n}.csv", f"{PRICES}k,2024-01-01,{n}\n") for n in (1, 2, 3)]
    ingest(shop, files, table="prices", newer=True)
    with pytest.raises(SettingError, match=r"1\.csv cannot be read again as newer than 2\.csv, 3\.csv") as caught:
        ingest(shop, files[:1], table="prices", newer=True, off=["fractional_ids"])
    assert "Name 2.csv, 3.csv in the same command" in caught.value.hint
    assert price(shop) == {"k": 3.0}


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 2)), min_size=1, max_size=4), min_size=2, max_size=3
    ),
)
def test_of_a_key_in_one_newer_file_the_first_row_counts(kind, sources):
    head, line, _, reason = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        table: dict[str, float] = {}
        for number, rows in enumerate(sources):
            text = head + "".join(line.format(key, value) for key, value in rows)
            path = write(folder, f"{number}.csv", text + line.format(f"only{number}", 1))
            ingest(Path(folder) / "s", [path], table=kind, newer=True)
            first = dict(reversed(rows))
            table |= {**first, f"only{number}": 1}
            entry = balanced(Path(folder) / "s").manifest.sources[-1]
            assert entry.quarantined.get(reason, 0) == len(rows) - len(first)
        assert price(Path(folder) / "s", kind) == table


def test_the_items_of_a_shop_can_be_exported_and_read_back(tmp_path, shop):
    log = write(tmp_path, "log.csv", "time,user_id,title,kind\n2024-01-01,u,Bag,view\n")
    ingest(shop, [log], table="events")
    (made,) = Shop.open(shop).items()["item_id"]
    export = write(tmp_path, "x.csv", f"item_id,title,price\n{made},Bag,5\n")
    (source,) = ingest(shop, [export], newer=True).sources
    assert source.quarantined == {"duplicate_item_id": 1}
    restore(shop, Selection())
    # The item that was made of the title has given way to the one that has it.
    assert balanced(shop).items()["item_id"].to_list() == [f"{made}#2"]
    assert Shop.open(shop).read("events")["item_id"].to_list() == [f"{made}#2"]
    ingest(shop, [export], newer=True, off=["fractional_ids"])
    assert balanced(shop).items()["item_id"].to_list() == [made], "nothing else has the id any more"
    assert Shop.open(shop).read("events")["item_id"].to_list() == [made]


@pytest.mark.parametrize("at_once", [True, False])
def test_equal_rows_of_one_source_come_back_once(tmp_path, shop, at_once):
    rows = write(tmp_path, "a.csv", f"{PRICES}k,2024-01-01,-5\nk,2024-01-01,-5\nm,2024-01-01,1\n")
    ingest(shop, [rows], table="prices")
    for lines in [(2, 3)] if at_once else [(2,), (3,)]:
        restore(shop, Selection(lines=lines))
    opened = balanced(shop)
    assert Counter(opened.quarantine()["reason"]) == {"duplicate_key": 1}
    assert opened.rows("prices") == 2
    assert opened.manifest.sources[0].rows_known == 0


def test_restored_rows_of_a_newer_source_take_their_place(tmp_path, shop):
    for name, text in (("1", "k,2024-01-01,5\n"), ("2", "k,2024-01-01,0\nm,2024-01-01,0\n")):
        ingest(shop, [write(tmp_path, f"{name}.csv", PRICES + text)], table="prices", newer=True)
    assert price(shop) == {"k": 5.0}
    report = restore(shop, Selection())
    assert (sum(report.restored.values()), report.refused, report.replaced) == (2, {}, 1)
    assert price(shop) == {"k": 0.0, "m": 0.0}
    assert dict(balanced(shop).quarantine().select("reason", "source_file").iter_rows()) == {"replaced": "1.csv"}


def test_restored_items_of_a_newer_source_take_their_place(tmp_path, shop):
    for name, title in (("1", "Hat"), ("2", "")):
        ingest(shop, [write(tmp_path, f"{name}.csv", f"item_id,title,price\nk,{title},{name}\n")], newer=True)
    report = restore(shop, Selection(reason="empty_title"))
    assert (report.restored, report.replaced) == ({"empty_title": 1}, 1)
    assert price(shop, "items") == {"k": 2.0}
    assert restore(shop, Selection(reason="replaced")).replaced == 1
    assert price(shop, "items") == {"k": 1.0}


def test_a_folder_is_one_source_and_says_so(tmp_path, shop):
    for number in (1, 2):
        write(tmp_path / "f", f"{number}.csv", f"{PRICES}k,2024-01-01,{number}\n")
    (source,) = ingest(shop, [tmp_path / "f"], table="prices", newer=True).sources
    assert source.quarantined == {"duplicate_key": 1}
    assert any("one source" in note and "folder/*.csv" in note for note in source.notes)


def test_a_copy_of_a_file_is_called_as_it_was_when_it_was_read(tmp_path, shop):
    text = f"{PRICES}k,2024-01-01,1\n"
    for name, rows in (("1.csv", text), ("2.csv", text.replace(",1\n", ",2\n"))):
        ingest(shop, [write(tmp_path, name, rows)], table="prices", newer=True)
    (source,) = ingest(shop, [write(tmp_path, "copy.csv", text)], table="prices", newer=True).sources
    assert "--source 1.csv" in source.notes[-1]


def test_rows_of_many_files_come_back_in_one_part(tmp_path, shop):
    files = [write(tmp_path, f"{n}.csv", f"{PRICES}a{n},2024-01-01,1\nb{n},2024-01-01,-1\n") for n in range(12)]
    ingest(shop, files, table="prices")
    parts = len(Shop.open(shop).manifest.tables["prices"].parts)
    restore(shop, Selection())
    opened = balanced(shop)
    assert opened.rows("prices") == 24
    assert len(opened.manifest.tables["prices"].parts) <= parts + 1
    assert opened.read("prices").select(pl.struct(PROVENANCE).n_unique()).item() == 24


@pytest.mark.parametrize("lines", [("k,,1\n", "k,Hat,2\n"), ("k,Hat,2\n", "k,,1\n")])
def test_a_restored_row_does_not_take_the_place_of_one_of_its_own_source(tmp_path, shop, lines):
    ingest(shop, [write(tmp_path, "s.csv", "item_id,title,price\n" + "".join(lines))], newer=True)
    report = restore(shop, Selection(reason="empty_title"))
    assert (report.restored, report.refused) == ({}, {"duplicate_item_id": 1})
    assert price(shop, "items") == {"k": 2.0}


def test_a_newer_item_takes_the_place_of_the_one_with_its_id_not_of_one_with_a_number(tmp_path, shop):
    ingest(shop, [write(tmp_path, "a.csv", "item_id,title,price\nn,Bag,1\nn,Hat,2\n")])
    restore(shop, Selection())
    assert price(shop, "items") == {"n": 1.0, "n#2": 2.0}
    ingest(shop, [write(tmp_path, "b.csv", "item_id,title,price\nn,Hat,2\n")], newer=True)
    assert price(shop, "items") == {"n": 2.0, "n#2": 2.0}


def test_what_left_its_place_is_counted_once(tmp_path, shop):
    for number in (1, 2, -1):
        ingest(shop, [write(tmp_path, f"{number}.csv", f"{PRICES}k,2024-01-01,{number}\n")], table="prices", newer=True)
    report = restore(shop, Selection())
    assert (report.restored, report.refused) == ({"impossible_list_price": 1}, {"replaced": 1})
    assert report.replaced == 1
    assert price(shop) == {"k": -1.0}

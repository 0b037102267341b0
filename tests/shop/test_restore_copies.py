"""Rows that are equal, restored: as many as the source with most of them has, at once or one by one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest
from evenshelf.shop.reviewing.review import Selection, restore

HEAD = "time,user_id,item_id,kind,price\n"
# Refused by a rule over rows, by one over the log, and not at all.
LINES = {"row": "2024-01-01,u,a,purchase,0\n", "log": "2024-01-01,u,x,purchase,3\n", "none": "2024-01-02,u,a,view,\n"}
FILES = st.lists(st.lists(st.sampled_from(sorted(LINES)), max_size=4), min_size=1, max_size=3)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def balanced(shop):
    shop = Shop.open(shop)
    for source in shop.manifest.sources:
        assert source.rows_in == source.rows_kept + sum(source.quarantined.values())


@given(FILES, st.booleans(), st.permutations(range(12)))
@settings(max_examples=10, deadline=None)
def test_events_come_back_as_often_as_any_source_has_them(files, one_by_one, order):
    with tempfile.TemporaryDirectory() as folder:
        path, shop = Path(folder), Path(folder) / "s"
        ingest(shop, [write(path / "i.csv", "item_id,title\na,Hat\n")])
        for number, lines in enumerate(files):
            text = HEAD + "".join(LINES[line] for line in lines)
            ingest(shop, [write(path / f"{number}.csv", text)], table="events")
        if one_by_one:
            rows = Shop.open(shop).quarantine().select("source_file", "source_line").rows()
            for place in order:
                if place < len(rows):
                    restore(shop, Selection(source=rows[place][0], lines=(rows[place][1],)))
        elif Shop.open(shop).quarantine().height:
            restore(shop, Selection())
        balanced(shop)
        opened = Shop.open(shop)
        assert opened.quarantine().height == 0
        most = {line: max(lines.count(line) for lines in files) for line in LINES}
        assert opened.rows("events") == sum(most.values())


@pytest.mark.parametrize("line", ["row", "log"])
def test_equal_lines_come_back_one_by_one_beside_those_of_another_file(tmp_path, line):
    ingest(tmp_path / "s", [write(tmp_path / "i.csv", "item_id,title\na,Hat\n")])
    for name, count in (("1.csv", 1), ("3.csv", 3)):
        ingest(tmp_path / "s", [write(tmp_path / name, HEAD + count * LINES[line])], table="events")
    found = []
    while Shop.open(tmp_path / "s").quarantine().height:
        (row,) = Shop.open(tmp_path / "s").quarantine().head(1).select("source_file", "source_line").rows()
        restore(tmp_path / "s", Selection(source=row[0], lines=(row[1],)))
        found.append(Shop.open(tmp_path / "s").rows("events"))
    assert found == ([1, 1, 2, 3] if line == "row" else [1, 2, 3])
    balanced(tmp_path / "s")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=3), st.booleans())
@settings(max_examples=10, deadline=None)
def test_items_without_ids_come_back_as_often_as_any_source_has_them(counts, one_by_one):
    with tempfile.TemporaryDirectory() as folder:
        path, shop = Path(folder), Path(folder) / "s"
        for number, count in enumerate(counts):
            ingest(shop, [write(path / f"{number}.csv", "title,brand\n" + count * ",x\n" + f"T{number},y\n")])
        lines = Shop.open(shop).quarantine().select("source_file", "source_line").rows()
        if one_by_one:
            for file, line in reversed(lines):
                restore(shop, Selection(source=file, lines=(line,)))
        elif lines:
            restore(shop, Selection())
        balanced(shop)
        assert Shop.open(shop).rows("items") == len(counts) + max(counts)


def test_ids_that_one_file_repeats_are_no_copies(tmp_path):
    ingest(tmp_path / "s", [write(tmp_path / "i.csv", "item_id,title\n1,\n1,\n")])
    restore(tmp_path / "s", Selection(lines=(2,)))
    report = restore(tmp_path / "s", Selection(lines=(3,)))
    assert report.refused == {"duplicate_item_id": 1}
    balanced(tmp_path / "s")


@pytest.mark.parametrize("at_once", [True, False])
def test_repeated_ids_of_a_file_that_grew_get_one_number(tmp_path, at_once):
    rows = "item_id,title\n1,Hat\n1,Cap\n"
    ingest(tmp_path / "s", [write(tmp_path / "1.csv", rows)])
    ingest(tmp_path / "s", [write(tmp_path / "2.csv", rows + "2,Bag\n")])
    for selection in [Selection()] if at_once else [Selection(source="1.csv"), Selection(source="2.csv")]:
        restore(tmp_path / "s", selection)
    assert sorted(Shop.open(tmp_path / "s").items()["item_id"]) == ["1", "1#2", "2"]
    balanced(tmp_path / "s")


@given(FILES, st.lists(st.tuples(st.sampled_from(["restore", "again"]), st.integers(0, 11)), max_size=8))
@settings(max_examples=10, deadline=None)
def test_whatever_is_restored_and_read_again_in_between_no_row_is_lost_or_doubled(files, steps):
    with tempfile.TemporaryDirectory() as folder:
        path, shop = Path(folder), Path(folder) / "s"
        ingest(shop, [write(path / "i.csv", "item_id,title\na,Hat\n")])
        logs = [write(path / f"{n}.csv", HEAD + "".join(map(LINES.get, lines))) for n, lines in enumerate(files)]
        ingest(shop, logs, table="events")
        for number, (step, place) in enumerate(steps):
            waiting = Shop.open(shop).quarantine().select("source_file", "source_line").rows()
            if step == "restore" and waiting:
                file, line = waiting[place % len(waiting)]
                restore(shop, Selection(source=file, lines=(line,)))
            elif step == "again":  # in another order, with a switch that changes nothing for these rows
                turned = logs[place % len(logs) :] + logs[: place % len(logs)]
                ingest(shop, turned, table="events", off=["bot"] if number % 2 else ["future_time"])
            balanced(shop)
        if Shop.open(shop).quarantine().height:
            restore(shop, Selection())
        opened = Shop.open(shop)
        assert opened.quarantine().height == 0
        assert opened.rows("events") == sum(max(lines.count(line) for lines in files) for line in LINES)


@pytest.mark.parametrize("table", ["events", "items"])
def test_a_source_whose_rows_others_stand_for_is_not_read_in_another_way_alone(tmp_path, table):
    head, bad = {
        "events": ("time,user_id,item_id,kind,price,cost\n", "2024-01-01,u,1,purchase,-1,7\n"),
        "items": ("item_id,title,cost,price\n", "1,Bad\x01,7,7\n"),
    }[table]
    one, two = (write(tmp_path / f"{name}.csv", head + bad) for name in ("1", "2"))
    two.write_text(two.read_text(encoding="utf-8") + bad.replace("1,", "2,", 1), encoding="utf-8")
    ingest(tmp_path / "s", [one, two], table=table)
    for name in ("2.csv", "1.csv"):
        restore(tmp_path / "s", Selection(source=name))
    before = Shop.open(tmp_path / "s").rows(table)
    # The first file's row is in the shop as the second's, though it came first.
    with pytest.raises(SettingError, match=r"2\.csv cannot be read in another way: rows of 1\.csv were left out"):
        ingest(tmp_path / "s", [two], table=table, mapping={"price": "cost"})
    ingest(tmp_path / "s", [two, one], table=table, mapping={"price": "cost"})
    assert Shop.open(tmp_path / "s").rows(table) == before
    balanced(tmp_path / "s")


def test_an_id_that_looks_numbered_is_no_copy(tmp_path):
    ingest(tmp_path / "s", [write(tmp_path / "1.csv", "item_id,title\nA#2,Red shirt\n")])
    (source,) = ingest(tmp_path / "s", [write(tmp_path / "2.csv", "item_id,title\nA,Red shirt\n")]).sources
    assert source.rows_known == 0
    assert sorted(Shop.open(tmp_path / "s").items()["item_id"]) == ["A", "A#2"]


def test_a_repeated_id_that_was_restored_stays_when_its_file_is_read_again(tmp_path):
    source = write(tmp_path / "1.csv", "item_id,title\n4,Red\n4,Blue\n4,Green\n")
    ingest(tmp_path / "s", [source])
    restore(tmp_path / "s", Selection(lines=(4,)))
    ingest(tmp_path / "s", [source], off=["swapped_columns"])
    items = Shop.open(tmp_path / "s").items()
    assert items.select("item_id", "title", "given_id").rows() == [("4", "Red", None), ("4#2", "Green", "4")]
    assert Shop.open(tmp_path / "s").manifest.quarantine == {"duplicate_item_id": 1}


def test_rows_that_were_known_when_their_file_came_are_no_copies_twice(tmp_path):
    one = write(tmp_path / "1.csv", "item_id,title\n1,Red\n7,\n")
    two = write(tmp_path / "2.csv", "item_id,title\n1,Red\n7,\n7,\n2,Blue\n")
    ingest(tmp_path / "s", [one])
    restore(tmp_path / "s", Selection())
    (source,) = ingest(tmp_path / "s", [two]).sources
    assert source.rows_known == 2
    restore(tmp_path / "s", Selection())
    restore(tmp_path / "s", Selection())  # it repeats an id by now
    assert sorted(Shop.open(tmp_path / "s").items()["item_id"]) == ["1", "2", "7", "7#2"]
    balanced(tmp_path / "s")


def test_rows_without_titles_come_back_as_often_as_any_source_has_them(tmp_path):
    one = write(tmp_path / "1.csv", "item_id,title\n3,\n3,\n")
    two = write(tmp_path / "2.csv", "item_id,title\n3,\n1,Red\n3,\n")
    ingest(tmp_path / "s", [one, two])
    while Shop.open(tmp_path / "s").quarantine().height:
        restore(tmp_path / "s", Selection())
    assert sorted(Shop.open(tmp_path / "s").items()["item_id"]) == ["1", "3", "3#2"]
    balanced(tmp_path / "s")


def test_files_that_rest_on_each_other_are_read_again_if_both_are_named(tmp_path):
    one = write(tmp_path / "1.csv", HEAD + "2024-01-01,u,a,view,\n")
    two = write(tmp_path / "2.csv", HEAD + "2024-01-01,u,a,view,\n2024-01-02,u,a,view,\n")
    ingest(tmp_path / "s", [one], table="events")
    ingest(tmp_path / "s", [two], table="events", off=["future_time"])
    report = ingest(tmp_path / "s", [one, two], table="events", off=["future_time"])
    assert [source.status for source in report.sources] == ["again", "again"]
    assert Shop.open(tmp_path / "s").rows("events") == 2


ITEM_LINES = ("1,Red\n", "2,\n", "3,\n", "1,Blue\n")


@given(
    st.lists(st.lists(st.sampled_from(ITEM_LINES), min_size=1, max_size=4), min_size=2, max_size=3),
    st.lists(st.tuples(st.sampled_from(["restore", "again"]), st.integers(0, 11)), max_size=4),
)
@settings(max_examples=15, deadline=None)
def test_items_are_there_as_often_as_any_source_has_them_whatever_happened_before(files, steps):
    with tempfile.TemporaryDirectory() as folder:
        path, shop = Path(folder), Path(folder) / "s"
        sources = [
            write(path / f"{n}.csv", "item_id,title\n" + "".join(lines) + n * "\n") for n, lines in enumerate(files)
        ]
        for source in sources:
            ingest(shop, [source])
        for step, place in steps:
            waiting = Shop.open(shop).quarantine().select("source_file", "source_line").rows()
            if step == "restore" and waiting:
                file, line = waiting[place % len(waiting)]
                restore(shop, Selection(source=file, lines=(line,)))
            elif step == "again":
                turned = sources[place % len(sources) :] + sources[: place % len(sources)]
                ingest(shop, turned, off=["empty_title"] if place % 2 else [])
            balanced(shop)
        for _ in range(3):  # an empty title may be a repeated id as well
            if Shop.open(shop).quarantine().height:
                restore(shop, Selection())
        items = Shop.open(shop).items()
        given_id = pl.coalesce("given_id", "item_id") if "given_id" in items.columns else pl.col("item_id")
        there = items.select(pl.format("{},{}\n", given_id, "title")).to_series().to_list()
        for line in ITEM_LINES:
            assert there.count(line) == max(lines.count(line) for lines in files)

"""Newer exports: their rows take the place of older ones, which wait in the quarantine and can change places again."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.cli import main
from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest, simulate
from evenshelf.shop.reviewing.review import Selection, restore

EXPORTS = st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), max_size=4), min_size=1, max_size=4)
TABLES = {
    "items": ("item_id,title,price\n", "{key},{key},{value}\n", "item_id", "price"),
    "users": ("user_id,tags\n", "{key},{value}\n", "user_id", "tags"),
    "prices": ("item_id,time,price\n", "{key},2024-01-01,{value}\n", "item_id", "price"),
}


@pytest.fixture
def write(tmp_path):
    def make(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return make


def rows_of(shop, table):
    key, value = TABLES[table][2:]
    return {k: int(float(v)) for k, v in Shop.open(shop).read(table).select(key, value).iter_rows()}


def balanced(shop):
    opened = Shop.open(shop)
    for source in opened.manifest.sources:
        assert source.rows_in == source.rows_kept + sum(source.quarantined.values())
    return opened


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(TABLES)), EXPORTS, st.booleans())
def test_the_newest_export_counts_and_nothing_is_lost(table, exports, at_once):
    head, line, *_ = TABLES[table]
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, export in enumerate(exports):
            path = Path(folder) / f"{number}.csv"
            text = head + "".join(line.format(key=key, value=value) for key, value in export.items())
            path.write_text(text + line.format(key=f"only{number}", value=number + 1), encoding="utf-8")
            files.append(path)
        shop = Path(folder) / "s"
        for part in [files] if at_once else [[file] for file in files]:
            ingest(shop, part, table=table, newer=True)
        expected: dict[str, int] = {}
        for number, export in enumerate(exports):
            expected |= export | {f"only{number}": number + 1}
        assert rows_of(shop, table) == expected
        opened = balanced(shop)
        assert opened.rows("quarantine") + opened.rows(table) == sum(
            source.rows_in - source.rows_known for source in opened.manifest.sources
        )
        # Without the newest file, what it replaced is there again: it is read as if it were no newer one.
        if len(files) > 1:
            ingest(shop, [files[-1]], table=table)
            before: dict[str, int] = {}
            for number, export in enumerate(exports[:-1]):
                before |= export | {f"only{number}": number + 1}
            assert rows_of(shop, table) == exports[-1] | before | {f"only{len(files) - 1}": len(files)}
            balanced(shop)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_rows_change_places_when_older_ones_are_restored(write, tmp_path, table):
    head, line, *_ = TABLES[table]
    for number, value in (("1", 5), ("2", 6), ("3", 7)):
        ingest(
            tmp_path / "s", [write(f"{number}.csv", head + line.format(key="a", value=value))], table=table, newer=True
        )
    assert rows_of(tmp_path / "s", table) == {"a": 7}
    report = restore(tmp_path / "s", Selection(reason="replaced"))
    assert (report.restored, report.refused, report.replaced) == ({"replaced": 1}, {"replaced": 1}, 1)
    assert rows_of(tmp_path / "s", table) == {"a": 6}
    report = restore(tmp_path / "s", Selection(source="1.csv"))
    assert rows_of(tmp_path / "s", table) == {"a": 5}
    assert sorted(balanced(tmp_path / "s").quarantine()["source_file"]) == ["2.csv", "3.csv"]
    (source,) = ingest(tmp_path / "s", [tmp_path / "3.csv"], table=table, newer=True).sources
    assert source.status == "unchanged"
    assert "restore SHOP --reason replaced --source 3.csv" in source.notes[0]


def test_rows_come_back_with_the_types_that_they_had(tmp_path):
    old = {
        "item_id": ["1", "2"],
        "title": ["Hat", "Cap"],
        "price": [1.5, None],
        "launched": [datetime(2024, 1, 1, tzinfo=UTC), None],
        "vegan": [True, None],
        "pieces": [3, 4],
        "made": [date(2023, 5, 1), None],
        "opens": [time(9, 30), None],
        "seen": [datetime(2024, 1, 1, 3, 4, 5, 678000), None],
        "sizes": [["S", "M"], []],
    }
    pl.DataFrame(old).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"item_id": ["1", "2"], "title": ["New hat", "New cap"]}).write_parquet(tmp_path / "2.parquet")
    ingest(tmp_path / "s", [tmp_path / "1.parquet"])
    before = Shop.open(tmp_path / "s").items().sort("item_id")
    ingest(tmp_path / "s", [tmp_path / "2.parquet"], newer=True)
    restore(tmp_path / "s", Selection(reason="replaced"))
    after = Shop.open(tmp_path / "s").items().sort("item_id").select(before.columns)
    assert after.drop("sizes").equals(before.drop("sizes"))
    assert after["sizes"].to_list() == ["S|M", ""]


def test_events_that_tell_titles_follow_the_newer_items(write, tmp_path):
    ingest(tmp_path / "s", [write("i.csv", "item_id,title\n1,Hat\n")])
    ingest(tmp_path / "s", [write("e.csv", "time,user_id,title,kind\n2024-01-01,u,Hat,view\n")], table="events")
    ingest(tmp_path / "s", [write("j.csv", "item_id,title\n1,Bag\n2,Hat\n")], newer=True)
    assert Shop.open(tmp_path / "s").read("events")["item_id"].to_list() == ["2"]
    restore(tmp_path / "s", Selection(reason="replaced"))  # now both are hats
    assert Shop.open(tmp_path / "s").read("events")["item_id"].to_list() not in (["1"], ["2"])


def test_a_row_that_a_rule_refuses_replaces_nothing(write, tmp_path):
    ingest(tmp_path / "s", [write("1.csv", "item_id,title\n1,Hat\n")])
    ingest(tmp_path / "s", [write("2.csv", "item_id,title\n1,\n2,Cap\n2,Bag\n")], newer=True)
    shop = balanced(tmp_path / "s")
    assert shop.items().sort("item_id")["title"].to_list() == ["Hat", "Cap"]
    assert shop.manifest.quarantine == {"duplicate_item_id": 1, "empty_title": 1}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"table": "events"}, "events of a newer file do not replace older ones"),
        ({"off": ["duplicate_item_id"]}, "an id has to name one item"),
    ],
)
def test_what_cannot_be_newer_is_told(write, tmp_path, settings, message):
    with pytest.raises(SettingError, match=message):
        ingest(tmp_path / "s", [write("1.csv", "item_id,title\n1,Hat\n")], newer=True, **settings)
    assert not (tmp_path / "s").exists()


def test_simulated_items_are_not_replaced(write, tmp_path):
    simulate(tmp_path / "s", items=200, events=500, seed=1)
    with pytest.raises(SettingError, match="are simulated"):
        ingest(tmp_path / "s", [write("1.csv", "item_id,title\n1,Hat\n")], newer=True)


def test_the_command_tells_what_was_replaced(write, tmp_path, capsys):
    def run(*args):
        with pytest.raises(SystemExit) as ended:
            main(list(map(str, args)))
        assert ended.value.code == 0
        return " ".join(capsys.readouterr().out.split())

    run("ingest", tmp_path / "s", write("1.csv", "item_id,title\n1,Hat\n"))
    told = run("ingest", tmp_path / "s", write("2.csv", "item_id,title\n1,Cap\n"), "--newer")
    assert "1 of its rows took the place of older ones" in told
    told = run("shop", "restore", tmp_path / "s", "--reason", "replaced")
    assert "1 row went into the quarantine in their place" in told

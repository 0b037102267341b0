"""Quarantine, restore and diff: what was refused can be seen, comes back, and nothing else changes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from evenshelf.cli import main
from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest
from evenshelf.shop.reviewing.difference import difference
from evenshelf.shop.reviewing.review import Selection, restore

ITEMS = """id,title,category,size
1,Red shoe,Shoes,37
2,,Shoes,38
3,Hat\x07,Hats,39
4,Cap,Hats,40
4,Cap again,Hats,41
5,too,few
"""
EVENTS = """time,user,item_id,kind,quantity,price
2024-01-01 10:00,u1,1,purchase,1,10
2024-01-01 10:01,u1,4,purchase,1,0
2024-01-01 10:02,u1,99,view,,
2024-01-01 10:03,u2,1,purchase,0,10
2024-01-01 10:04,u2,1,purchase,x,10
"""


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    (tmp_path / "events.csv").write_text(EVENTS, encoding="utf-8")
    ingest(tmp_path / "shop", [tmp_path / "items.csv"])
    ingest(tmp_path / "shop", [tmp_path / "events.csv"], table="events")
    return Shop.open(tmp_path / "shop")


def reasons(path: Path) -> dict[str, int]:
    return dict(Shop.open(path).quarantine()["reason"].value_counts().iter_rows())


def balanced(path: Path) -> bool:
    shop = Shop.open(path)
    for source in shop.manifest.sources:
        assert source.rows_in == source.rows_kept + sum(source.quarantined.values())
    rows = {table: sum(s.rows_kept for s in shop.manifest.sources if s.table == table) for table in ("items", "events")}
    refused = sum(sum(s.quarantined.values()) for s in shop.manifest.sources)
    assert shop.manifest.quarantine == reasons(path)
    return rows == {t: shop.rows(t) for t in rows} and refused == shop.quarantine().height


def test_what_was_refused(shop):
    assert reasons(shop.path) == {
        "empty_title": 1,
        "control_characters_title": 1,
        "duplicate_item_id": 1,
        "wrong_field_count": 1,
        "impossible_price": 1,
        "impossible_quantity": 1,
        "unknown_item": 1,
        "unreadable_value": 1,
    }
    assert balanced(shop.path)
    assert Selection(table="events").of(shop).height == 4
    assert Selection(source="items.csv", lines=(3, 4)).of(shop).height == 2
    with pytest.raises(SettingError, match=r"the reason 'empty_titel' \(did you mean empty_title\?\)"):
        Selection(reason="empty_titel").of(shop)


def test_rows_come_back_and_stay_when_their_file_is_read_again(shop):
    report = restore(shop.path, Selection(reason="control_characters_title"))
    assert report.restored == {"control_characters_title": 1}
    after = Shop.open(shop.path)
    row = after.items().row(by_predicate=pl.col("item_id") == "3", named=True)
    assert (row["title"], row["category"], row["size"]) == ("Hat\x07", "Hats", "39")
    assert (row["source_file"], row["source_line"]) == ("items.csv", 4)
    assert balanced(shop.path)
    report = ingest(shop.path, [shop.path.parent / "items.csv"], mapping={"title": "title"})
    assert report.sources[0].status == "again"
    assert "control_characters_title" not in report.sources[0].quarantined
    assert "3" in Shop.open(shop.path).items()["item_id"].to_list()
    assert balanced(shop.path)


def test_repeated_ids_come_back_with_a_number(shop):
    restore(shop.path, Selection(reason="duplicate_item_id"))
    assert Shop.open(shop.path).items()["item_id"].to_list() == ["1", "4", "4#2"]


def test_events_come_back_and_rules_over_the_log_leave_them_alone(shop):
    report = restore(shop.path, Selection(table="events"))
    assert report.restored == {"impossible_price": 1, "impossible_quantity": 1, "unknown_item": 1}
    assert report.unreadable == {"unreadable_value": 1}
    events = Shop.open(shop.path).read("events").sort("source_line")
    assert events["source_line"].to_list() == [2, 3, 4, 5]
    assert events["price"].to_list() == [10, 0, None, 10]
    assert events["time"].dt.minute().to_list() == [0, 1, 2, 3]
    assert balanced(shop.path)
    (shop.path.parent / "more.csv").write_text("time,user,item_id,kind\n2024-01-03,u9,1,view\n")
    ingest(shop.path, [shop.path.parent / "more.csv"], table="events")
    assert Shop.open(shop.path).rows("events") == 5
    assert balanced(shop.path)


def test_a_row_with_two_faults_is_refused_for_the_other(tmp_path):
    (tmp_path / "a.csv").write_text("time,user,item_id,kind,quantity,price\n2024-01-01,u,a,purchase,0,-1\n")
    ingest(tmp_path / "shop", [tmp_path / "a.csv"], table="events")
    report = restore(tmp_path / "shop", Selection(reason="impossible_price"))
    assert report.restored == {}
    assert report.refused == {"impossible_quantity": 1}
    assert balanced(tmp_path / "shop")
    assert restore(tmp_path / "shop", Selection()).restored == {"impossible_quantity": 1}
    assert balanced(tmp_path / "shop")


def test_nothing_to_restore_changes_nothing(shop):
    before = (shop.path / "shop.toml").read_bytes()
    report = restore(shop.path, Selection(reason="wrong_field_count"))
    assert report.unreadable == {"wrong_field_count": 1}
    assert (shop.path / "shop.toml").read_bytes() == before


def test_differences_between_revisions(shop):
    restore(shop.path, Selection(table="events"))
    found = difference(Shop.open(shop.path, revision=-1), Shop.open(shop.path))
    assert (found.tables["events"].added, found.tables["events"].removed) == (3, 0)
    assert "items" not in found.tables
    assert found.quarantine == {"impossible_price": -1, "impossible_quantity": -1, "unknown_item": -1}
    (shop.path.parent / "items.csv").write_text(ITEMS.replace("Red shoe", "Blue shoe").replace("4,Cap,", "6,Cap,"))
    first = Shop.open(shop.path)
    ingest(shop.path, [shop.path.parent / "items.csv"])  # another file by the same name: 1 and 4 are taken
    found = difference(first, Shop.open(shop.path))
    assert found.sources == {"items.csv": "added"}
    assert found.tables["items"].examples["added"] == ["6"]
    assert difference(first, first).tables == {}


def test_changed_rows_are_counted_by_column(tmp_path):
    for name, price in (("one", 1), ("two", 2)):
        (tmp_path / f"{name}.csv").write_text(f"id,title,price\n1,Hat,{price}\n2,Cap,5\n3,{name},5\n")
        ingest(tmp_path / name, [tmp_path / f"{name}.csv"])
    found = difference(Shop.open(tmp_path / "one"), Shop.open(tmp_path / "two")).tables["items"]
    assert (found.added, found.removed, found.changed) == (0, 0, 2)
    assert found.columns["price"] == 1
    assert found.examples["changed"] == ["1", "3"]


def test_commands(shop, capsys):
    def run(*args):
        with pytest.raises(SystemExit) as caught:
            main(["shop", *map(str, args)])
        done = capsys.readouterr()
        return caught.value.code, done.out, done.err

    code, out, _ = run("quarantine", shop.path, "--json", "--limit", 9)
    assert code == 0
    listed = json.loads(out)
    assert listed["rows"] == 8
    assert listed["reasons"]["empty_title"]["first"][0]["source_line"] == 3
    assert not listed["reasons"]["wrong_field_count"]["can_be_restored"]
    code, out, _ = run("quarantine", shop.path, "--table", "events")
    assert "no item 99" in out
    assert "empty_title" not in out
    assert run("restore", shop.path)[0] == 2
    assert "3,7,10-12" in run("restore", shop.path, "--lines", "3-x")[2]
    code, out, _ = run("restore", shop.path, "--source", "events.csv", "--lines", "3,4", "--json")
    assert json.loads(out)["restored"] == {"impossible_price": 1, "unknown_item": 1}
    code, out, _ = run("diff", shop.path, "--json")
    assert json.loads(out)["tables"]["events"]["added"] == 2
    assert run("diff", shop.path, "~9")[0] == 2
    code, out, _ = run("diff", shop.path, shop.path)
    assert "Nothing differs" in out
    code, out, _ = run("schema", "events", "--json")
    assert {"name": "kind", "required": True}.items() <= json.loads(out)["events"]["columns"][3].items()
    assert "propensity" in run("schema")[1]


def test_rows_that_repeat_another_wholly_come_back_with_the_others(tmp_path):
    (tmp_path / "a.csv").write_text("id,title\n1,Hat\n1,Hat\n2,\n1,Cap\n", encoding="utf-8")
    ingest(tmp_path / "shop", [tmp_path / "a.csv"])
    report = restore(tmp_path / "shop", Selection())
    assert report.restored == {"duplicate_item_id": 2, "empty_title": 1}
    items = Shop.open(tmp_path / "shop").items()
    assert sorted(items.select("item_id", "title").rows()) == [("1", "Hat"), ("1#2", "Hat"), ("1#3", "Cap"), ("2", "")]
    assert balanced(tmp_path / "shop")


@pytest.mark.parametrize("reason", ["impossible_price", "unknown_item"])
def test_events_come_back_with_the_types_of_their_further_columns(tmp_path, reason):
    (tmp_path / "i.csv").write_text("item_id,title\na,Hat\n", encoding="utf-8")
    rows = {
        "time": [datetime(2024, 1, 1, tzinfo=UTC)] * 2,
        "user_id": ["u", "u"],
        "item_id": ["a", "x" if reason == "unknown_item" else "a"],
        "kind": ["purchase", "purchase"],
        "price": [3.0, 3.0 if reason == "unknown_item" else -3.0],
        "gift": [True, False],
        "day": [date(2024, 1, 1), date(2024, 1, 2)],
        "shipped": [datetime(2024, 1, 2, 3, 4, 5), datetime(2024, 1, 2)],
        "took": [timedelta(hours=1), timedelta(hours=2)],
    }
    pl.DataFrame(rows).write_parquet(tmp_path / "log.parquet")
    ingest(tmp_path / "s", [tmp_path / "i.csv"])
    ingest(tmp_path / "s", [tmp_path / "log.parquet"], table="events")
    restore(tmp_path / "s", Selection(reason=reason))
    found = Shop.open(tmp_path / "s").read("events").sort("source_line")
    for name in ("price", "gift", "day", "shipped"):
        assert found[name].to_list() == rows[name], name
    assert found["took"].dtype == pl.String, "what is no such thing any more stays as it is told"

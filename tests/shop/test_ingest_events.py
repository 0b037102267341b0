"""Events and the other tables: typed or refused with a reason, nothing lost, nothing twice."""

from __future__ import annotations

import csv
import io
import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop, ingest

NOW = datetime(2025, 1, 1, tzinfo=UTC)
TIMES = ["2024-01-02 03:04:05", "2024-01-02", "1704164645", "", "tomorrow", "2031-01-01", "1970-01-01"]
CELLS = {
    "time": st.sampled_from(TIMES),
    "user": st.sampled_from(["u1", "u2", ""]),
    "item_id": st.sampled_from(["a", "b", "c", ""]),
    "event": st.sampled_from(["view", "PV", "purchase", "加购", "return", "sneeze", ""]),
    "quantity": st.sampled_from(["1", "2", "-1", "0", "", "many"]),
    "price": st.sampled_from(["1.5", "$2,000.00", "-1", "0", "", "1,5"]),
}


@st.composite
def event_rows(draw, least=0, most=20):
    return draw(st.lists(st.fixed_dictionaries(CELLS), min_size=least, max_size=most))


def as_csv(rows, columns=tuple(CELLS)) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def content(shop: Shop) -> list[tuple]:
    columns = ["time", "user_id", "item_id", "kind", "value", "price"]
    return sorted(map(str, shop.read("events").select(columns).iter_rows())) if shop.rows("events") else []


def check_sums(shop: Shop) -> None:
    kept = sum(s.rows_kept - s.rows_known for s in shop.manifest.sources if s.table == "events")
    assert shop.rows("events") == kept
    assert shop.quarantine().height == sum(sum(s.quarantined.values()) for s in shop.manifest.sources)
    for source in shop.manifest.sources:
        assert source.rows_in == source.rows_kept + sum(source.quarantined.values())


@given(event_rows(), event_rows(least=1, most=8), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_each_row_is_kept_once_or_refused_once(old, new, shuffle):
    """Also if the log is sent again, longer, in another order, or in other portions."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        first = write(path / "first.csv", as_csv(old))
        (source,) = ingest(path / "shop", [first], table="events", now=NOW).sources
        assert source.rows_in == len(old) == source.rows_kept + sum(source.quarantined.values())
        shop = Shop.open(path / "shop")
        check_sums(shop)
        kept = content(shop)
        before = shop.manifest
        assert not ingest(path / "shop", [first], table="events", now=NOW).changed
        assert Shop.open(path / "shop").manifest == before

        grown = write(path / "grown.csv", as_csv(old + new))
        (source,) = ingest(path / "shop", [grown], table="events", now=NOW).sources
        assert source.rows_known == len(kept)
        both = Shop.open(path / "shop")
        check_sums(both)
        ingest(path / "once", [grown], table="events", now=NOW)
        assert content(both) == content(Shop.open(path / "once"))

        mixed = old + new
        shuffle.shuffle(mixed)
        again = write(path / "mixed.csv", as_csv(mixed, tuple(reversed(CELLS))))
        (source,) = ingest(path / "shop", [again], table="events", now=NOW).sources
        assert content(Shop.open(path / "shop")) == content(both)
        check_sums(Shop.open(path / "shop"))


EVENTS = """time,visitor,sku,behavior,qty,unit_price,rank,colour
2024-03-01 10:00:00,u1,a,view,,,3,red
2024-03-01T10:00:05Z,u1,a,ADD_TO_CART,2,9.50,,red
2024-03-01 10:01,u1,a,buy,2,"1,009.50",,
1709287300,,b,pv,,,1.5,
,u1,b,view,,,,
2024-03-01 10:02:00,u1,,view,,,,
2024-03-01 10:02:00,u1,a,sneeze,,,,
2024-03-01 10:02:00,u1,a,buy,two,9.50,,
31/31/2024,u1,a,view,,,,
2024-03-01 10:03:00,u1,a,buy,-1,9.50,,
"""


def test_events_are_typed_and_refused_with_what_is_wrong(tmp_path):
    (source,) = ingest(tmp_path / "shop", [write(tmp_path / "log.csv", EVENTS)], table="events").sources
    assert source.mapping["user_id"] == ("visitor", "by its name")
    shop = Shop.open(tmp_path / "shop")
    events = shop.read("events")
    assert events["kind"].to_list() == ["view", "cart", "purchase", "return"]
    assert events["value"].to_list() == [None, 2, 2, 1]
    assert events["price"].to_list() == [None, 9.5, 1009.5, 9.5]
    assert events["time"][1] == datetime(2024, 3, 1, 10, 0, 5, tzinfo=UTC)
    assert events["position"].to_list() == [3, None, None, None]
    assert events["colour"].to_list() == ["red", "red", "", ""]
    assert events["purchase_time"].to_list() == [None, None, None, datetime(2024, 3, 1, 10, 1, tzinfo=UTC)]
    assert events["returned"].to_list() == [None, None, 1, None]
    refused = shop.quarantine().sort("source_line")
    assert refused.select("source_line", "reason", "detail").rows() == [
        (5, "unreadable_value", "1.5 is no whole number (position)"),
        (6, "missing_value", "time is empty"),
        (7, "missing_value", "item_id is empty"),
        (8, "unknown_kind", "sneeze is no known kind of event"),
        (9, "unreadable_value", "two is no number (value)"),
        (10, "unparsable_time", "31/31/2024 is no time"),
    ]
    assert '"behavior":"sneeze"' in refused["raw"][3]
    assert any("became a return" in note for note in source.notes)


def test_dates_with_two_readings_are_asked_about(tmp_path):
    rows = "time,user,item_id,kind\n1/2/2024,u,a,view\n3/4/2024,u,b,view\n"
    log = write(tmp_path / "log.csv", rows)
    with pytest.raises(SettingError, match=r"log.csv, column 'time': '1/2/2024' can be read with the month or the day"):
        ingest(tmp_path / "shop", [log], table="events")
    ingest(tmp_path / "shop", [log], table="events", time_format="%d/%m/%Y", timezone="Asia/Shanghai")
    assert Shop.open(tmp_path / "shop").read("events")["time"][0] == datetime(2024, 1, 31, 16, tzinfo=UTC)
    clear = write(tmp_path / "clear.csv", rows + "1/25/2024 8:26,u,c,view\n")
    ingest(tmp_path / "other", [clear], table="events")
    assert Shop.open(tmp_path / "other").read("events")["time"].dt.month().to_list() == [1, 3, 1]


def test_what_all_rows_have_in_common_is_said_once(tmp_path):
    log = write(
        tmp_path / "orders.csv", "customer,date,description,quantity\n7,2024-01-01,Red Mug,2\n7,2024-01-01,red mug!,1\n"
    )
    with pytest.raises(SettingError, match="no column says what kind of event a row is"):
        ingest(tmp_path / "shop", [log], table="events")
    with pytest.raises(SettingError, match="no kind of event 'sneeze'"):
        ingest(tmp_path / "shop", [log], table="events", constants={"kind": "sneeze"})
    with pytest.raises(SettingError, match="no role 'knd'"):
        ingest(tmp_path / "shop", [log], table="events", constants={"kind": "buy", "knd": "x"})
    (source,) = ingest(tmp_path / "shop", [log], table="events", constants={"kind": "buy"}, session_gap=0).sources
    shop = Shop.open(tmp_path / "shop")
    assert source.items_derived == 1
    assert shop.items()["title"].to_list() == ["Red Mug"]
    events = shop.read("events")
    assert events["item_id"].unique().to_list() == shop.items()["item_id"].to_list()
    assert events["session_id"].n_unique() == 1
    assert events["kind"].to_list() == ["purchase"] * 2


def test_events_of_items_that_come_later_wait_for_them(tmp_path):
    items = write(tmp_path / "items.csv", "id,title\na,Hat\n")
    log = write(tmp_path / "log.csv", "time,user,item_id,kind\n2024-01-01,u,a,view\n2024-01-02,u,b,view\n")
    ingest(tmp_path / "shop", [items])
    (source,) = ingest(tmp_path / "shop", [log], table="events").sources
    assert source.quarantined == {"unknown_item": 1}
    ingest(tmp_path / "shop", [write(tmp_path / "more.csv", "id,title\nb,Cap\n")])
    shop = Shop.open(tmp_path / "shop")
    assert shop.read("events")["item_id"].to_list() == ["a", "b"]
    assert shop.quarantine().height == 0
    check_sums(shop)
    other = ingest(tmp_path / "free", [items])
    other = ingest(tmp_path / "free", [log], table="events", off=["unknown_item"])
    assert other.rows == 2
    ingest(tmp_path / "free", [write(tmp_path / "third.csv", "id,title\nc,Cap\n")])
    assert Shop.open(tmp_path / "free").rows("events") == 2


def test_other_settings_replace_the_rows_of_a_source(tmp_path):
    log = write(tmp_path / "log.csv", "time,user,item_id,kind,price\n2024-01-01,u,a,view,-1\n2024-01-02,u,b,view,2\n")
    keep = write(tmp_path / "keep.csv", "time,user,item_id,kind\n2024-01-03,u,a,view\n")
    ingest(tmp_path / "shop", [log, keep], table="events")
    (source,) = ingest(tmp_path / "shop", [log], table="events", off=["impossible_price"]).sources
    assert source.status == "again"
    shop = Shop.open(tmp_path / "shop")
    assert shop.rows("events") == 3
    assert shop.quarantine().height == 0
    check_sums(shop)


def test_tables_with_a_key_hold_each_once(tmp_path):
    judged = write(tmp_path / "j.csv", "query,product,rating\nshoe,a,3\nshoe,b,0\nshoe,a,3\nshoe,a,2\n")
    (source,) = ingest(tmp_path / "shop", [judged], table="judgements").sources
    assert source.quarantined == {"duplicate_key": 2}
    more = write(tmp_path / "k.csv", "query,product,rating\nshoe,a,3\nhat,a,1\nshoe,b,9\n")
    (source,) = ingest(tmp_path / "shop", [more], table="judgements").sources
    assert (source.rows_kept, source.rows_known, source.quarantined) == (2, 1, {"duplicate_key": 1})
    assert Shop.open(tmp_path / "shop").read("judgements").select("query", "item_id", "grade").rows() == [
        ("shoe", "a", 3),
        ("shoe", "b", 0),
        ("hat", "a", 1),
    ]


@pytest.mark.parametrize(
    ("table", "text", "expected"),
    [
        ("queries", "query,count\nshoe,3\nhat,\n", [("shoe", 3.0), ("hat", None)]),
        ("prices", "sku,time,price,promo\na,2024-01-01,5,yes\n", [("a", datetime(2024, 1, 1, tzinfo=UTC), 5.0, True)]),
        ("stock", "sku,time,on_hand\na,2024-01-01,0\n", [("a", datetime(2024, 1, 1, tzinfo=UTC), 0.0)]),
        ("users", "customer_id,segment\n7,loyal|b2b\n", [("7", "loyal|b2b")]),
    ],
)
def test_every_table_can_be_filled(tmp_path, table, text, expected):
    report = ingest(tmp_path / "shop", [write(tmp_path / "x.csv", text)], table=table)
    got = Shop.open(tmp_path / "shop").read(table)
    assert got.select(pl.exclude("source_id", "source_file", "source_line")).rows() == expected
    assert report.tables[table] == report.rows == len(expected)


def test_wrong_tables_and_rules_are_told(tmp_path):
    with pytest.raises(SettingError, match="cannot be added to a table 'evnts'"):
        ingest(tmp_path / "shop", [], table="evnts")
    with pytest.raises(SettingError, match=r"'empty_title'"):
        ingest(tmp_path / "shop", [], table="events", off=["empty_title"])
    with pytest.raises(SettingError, match="no time zone"):
        ingest(tmp_path / "shop", [], table="events", timezone="Mars/Phobos")
    bad = write(tmp_path / "a.csv", "time,user\n1,2\n")
    with pytest.raises(SettingError, match=r"no column is known to hold the item_id.*no column says what kind"):
        ingest(tmp_path / "shop", [bad], table="events")
    with pytest.raises(InputError, match="no file or folder"):
        ingest(tmp_path / "shop", [tmp_path / "b.csv"], table="events")
    assert not (tmp_path / "shop").exists()


def test_parquet_is_read_in_portions(tmp_path, monkeypatch):
    monkeypatch.setattr("evenshelf.shop.sources.read.PARQUET_ROWS", 7)
    rows = [(f"u{k % 3}", f"i{k}", "view", datetime(2024, 1, 1, k % 24)) for k in range(40)]
    frame = pl.DataFrame(rows, ["user_id", "item_id", "kind", "time"], orient="row")
    frame.with_columns(pl.col("kind").cast(pl.Categorical)).write_parquet(tmp_path / "log.parquet")
    ingest(tmp_path / "shop", [tmp_path / "log.parquet"], table="events")
    events = Shop.open(tmp_path / "shop").read("events")
    assert events["source_line"].to_list() == list(range(1, 41))
    assert events["item_id"].to_list() == frame["item_id"].to_list()


def test_random_portions_of_a_log_come_out_as_the_log(tmp_path):
    rng = random.Random(3)
    rows = [
        {"time": f"2024-01-{rng.randint(1, 28):02d}", "user": f"u{rng.randint(1, 4)}", "item_id": rng.choice("abc"),
         "event": "view", "quantity": "", "price": "1"}
        for _ in range(200)
    ]  # fmt: skip
    whole = write(tmp_path / "whole.csv", as_csv(rows))
    ingest(tmp_path / "one", [whole], table="events")
    (tmp_path / "parts").mkdir()
    for k in range(0, 200, 37):
        write(tmp_path / "parts" / f"{k:03}.csv", as_csv(rows[k : k + 37]))
    ingest(tmp_path / "two", [tmp_path / "parts"], table="events")
    assert content(Shop.open(tmp_path / "one")) == content(Shop.open(tmp_path / "two"))
    assert ingest(tmp_path / "one", [tmp_path / "parts"], table="events").sources[0].rows_known == 200


def test_ids_that_lost_their_zeros_are_told(tmp_path):
    (tmp_path / "items.csv").write_text("item_id,title\n0012,Hat\n7,Cap\n", encoding="utf-8")
    rows = "user_id,item_id,time,kind\nu,12,2024-01-01,view\nu,7,2024-01-01,view\nu,8,2024-01-01,view\n"
    (tmp_path / "log.csv").write_text(rows, encoding="utf-8")
    ingest(tmp_path / "shop", [tmp_path / "items.csv"])
    report = ingest(tmp_path / "shop", [tmp_path / "log.csv"], table="events")
    assert report.sources[0].quarantined == {"unknown_item": 2}
    assert report.warnings["lost_zeros"] == 1

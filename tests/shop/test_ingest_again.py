"""Sources that are read again, grow, overlap or share names: nothing is lost and nothing is there twice."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from evenshelf.cli.app import app
from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest, simulate
from evenshelf.shop.reviewing.review import Selection, restore

HEAD = "time,user_id,item_id,kind\n"


@pytest.fixture
def write(tmp_path):
    def made(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return made


@pytest.fixture
def shop(tmp_path):
    return tmp_path / "shop"


def events(shop):
    return Shop.open(shop).read("events")


def test_reading_events_in_another_way_leaves_the_items_of_the_file(write, shop):
    both = write("both.csv", "time,user_id,item_id,title,kind\n2024-01-01,u,a,Hat,view\n2024-01-02,u,b,Cap,view\n")
    ingest(shop, [both])
    ingest(shop, [both], table="events")
    ingest(shop, [both], table="events", off=["bot"])
    assert Shop.open(shop).items()["title"].to_list() == ["Hat", "Cap"]


def test_items_made_of_titles_give_way_to_those_that_have_them(write, shop):
    both = write("both.csv", "time,user_id,title,kind\n2024-01-01,u,Hat,view\n2024-01-02,u,Cap,view\n")
    ingest(shop, [both], table="events")
    ingest(shop, [both])
    ingest(shop, [both], off=["empty_title"])
    items = Shop.open(shop).items()
    assert items["title"].to_list() == ["Hat", "Cap"]
    assert items["derived"].to_list() == [None, None]
    assert events(shop)["item_id"].to_list() == items["item_id"].to_list()
    ingest(shop, [both], table="events", off=["bot"])
    assert Shop.open(shop).items().height == 2


def test_an_item_that_another_source_names_stays(write, shop):
    one = write("one.csv", "time,user_id,title,name2,kind\n2024-01-01,u,Hat,Cap,view\n")
    two = write("two.csv", "time,user_id,title,kind\n2024-01-02,v,Hat,view\n")
    ingest(shop, [one, two], table="events")
    ingest(shop, [one], table="events", mapping={"title": "name2"})
    assert events(shop).height == 2
    assert sorted(Shop.open(shop).items()["title"]) == ["Cap", "Hat"]


def test_refused_rows_of_a_log_that_grew_come_back_once(write, shop):
    lines = "2024-01-01,u,X,view\n2024-01-02,u,X,view\n"
    ingest(shop, [write("items.csv", "item_id,title\na,Hat\n")])
    ingest(shop, [write("l1.csv", HEAD + lines)], table="events")
    ingest(shop, [write("l2.csv", HEAD + lines + "2024-01-03,u,a,view\n")], table="events")
    ingest(shop, [write("more.csv", "item_id,title\nX,Cap\n")])
    assert events(shop).height == 3


def test_rows_restored_from_two_files_are_there_once(write, shop):
    head, line = "time,user_id,item_id,kind,price\n", "2024-01-01,u,a,purchase,0\n"
    ingest(shop, [write("f1.csv", head + line)], table="events")
    ingest(shop, [write("f2.csv", head + line + "2024-01-02,u,a,purchase,3\n")], table="events")
    restore(shop, Selection())
    assert sorted(events(shop)["price"].to_list()) == [0.0, 3.0]
    restore(shop, Selection())


def test_rows_that_one_file_repeats_are_all_restored(write, shop):
    line = "2024-01-01,u,a,purchase,0\n"
    ingest(shop, [write("f.csv", "time,user_id,item_id,kind,price\n" + 3 * line)], table="events")
    restore(shop, Selection(lines=(3,)))
    restore(shop, Selection())
    assert events(shop).height == 3


def test_files_that_each_count_their_events_from_one(write, shop):
    head = "event_id,time,user_id,item_id,kind\n"
    views = write("views.csv", head + "1,2024-01-01,u,a,view\n2,2024-01-02,u,b,view\n")
    orders = write("orders.csv", head + "1,2024-01-03,v,c,purchase\n2,2024-01-04,w,d,purchase\n")
    ingest(shop, [views, orders], table="events")
    assert events(shop).height == 4


def test_two_shops_of_a_chain_sell_the_same_at_the_same_time(write, shop):
    head = "date,item_id,kind,store\n"
    one, two = (write(f"{s}.csv", f"{head}2024-01-01,a,purchase,{s}\n") for s in "AB")
    ingest(shop, [one, two], table="events")
    assert events(shop)["store"].sort().to_list() == ["A", "B"]


def test_a_log_that_grew_is_known_with_or_without_sessions(write, shop):
    lines = "2024-01-01 10:00,u,a,view\n2024-01-01 10:01,u,b,view\n"
    ingest(shop, [write("g1.csv", HEAD + lines)], table="events", session_gap=30)
    ingest(shop, [write("g2.csv", HEAD + lines + "2024-01-01 10:02,u,a,view\n")], table="events")
    assert events(shop).height == 3


def test_a_source_that_others_rest_on_is_not_read_in_another_way(write, shop):
    lines = "2024-01-01,u,a,view\n"
    ingest(shop, [write("g1.csv", HEAD + lines)], table="events")
    ingest(shop, [write("g2.csv", HEAD + lines + "2024-01-02,u,a,view\n")], table="events")
    with pytest.raises(SettingError, match=r"g1\.csv cannot be read in another way: rows of g2\.csv were left out"):
        ingest(shop, [write("g1.csv", HEAD + lines)], table="events", off=["bot"])
    assert events(shop).height == 2


def test_columns_called_reason_and_detail_are_the_shop_s_own(write, shop):
    ingest(shop, [write("items.csv", "item_id,title\na,Hat\n")])
    head = "time,user_id,item_id,kind,reason,detail\n"
    rows = "2024-01-01,u,X,return,too small,box open\n2024-01-02,u,a,view,,\n"
    report = ingest(shop, [write("log.csv", head + rows)], table="events")
    assert report.sources[0].quarantined == {"unknown_item": 1}
    ingest(shop, [write("more.csv", "item_id,title\nX,Cap\n")])
    assert events(shop).sort("time")["reason"].to_list() == ["too small", ""]
    bad = write("bad.csv", "time,user_id,item_id,kind,price,reason\n2024-01-03,u,a,purchase,0,promo\n")
    ingest(shop, [bad], table="events")
    restore(shop, Selection(reason="impossible_price"))
    assert "promo" in events(shop)["reason"].to_list()
    rows = "".join(
        '{"time":"2024-01-01 10:00","user_id":"b","item_id":"a","kind":"view","detail":null}\n' for _ in range(70)
    )
    report = ingest(shop, [write("bots.jsonl", rows)], table="events")
    assert report.sources[0].quarantined == {"bot": 70}


@pytest.mark.parametrize("table", ["items", "users", "queries"])
def test_a_simulated_shop_takes_files(write, shop, table):
    simulate(shop, items=200, events=500, seed=1)
    rows = {"items": "item_id,title\nnew,Hat\n", "users": "user_id,tags\nnew,x\n", "queries": "query\nsoup\n"}[table]
    before = Shop.open(shop).rows(table)
    ingest(shop, [write("more.csv", rows)], table=table)
    assert Shop.open(shop).rows(table) == before + 1


def test_a_list_of_prices_without_dates_gets_one(write, shop):
    ingest(shop, [write("p.csv", "item_id,price\na,3\n")], table="prices", constants={"time": "2024-05-01"})
    assert Shop.open(shop).read("prices")["time"].dt.year().to_list() == [2024]


def test_items_tell_when_they_were_launched(write, shop):
    ingest(shop, [write("i.csv", "item_id,title,launch_date\na,Hat,2024-05-01\nb,Cap,soon\n")])
    items = Shop.open(shop).items()
    assert items["launched"].dt.year().to_list() == [2024, None]
    assert items["launched_text"].to_list() == [None, "soon"]


def test_years_of_two_digits_are_no_years(write, shop):
    rows = "item_id,time,price\na,3/14/24,3\nb,2024-05-01,3\n"
    report = ingest(shop, [write("p.csv", rows)], table="prices")
    assert report.sources[0].quarantined == {"unparsable_time": 1}


def test_events_with_ids_stay_where_others_have_titles_only(write, shop):
    ingest(shop, [write("a.csv", HEAD + "2024-01-01,u,a,view\n")], table="events")
    ingest(shop, [write("b.csv", "time,user_id,title,kind\n2024-01-01,u,Hat,view\n")], table="events")
    assert events(shop).height == 2


def test_dates_are_restored_in_the_order_that_was_decided(write, shop):
    rows = "time,user_id,item_id,kind,price\n3/4/2024 8:26,u,a,purchase,-1\n3/14/2024 9:00,u,a,purchase,2\n"
    ingest(shop, [write("amb.csv", rows)], table="events")
    restore(shop, Selection())
    assert events(shop)["time"].dt.month().to_list() == [3, 3]


def test_restoring_gives_the_same_items_each_time(write, tmp_path):
    rows = "".join(f"2024-01-01,u,Title {n},purchase,0\n" for n in range(300))
    log = write("log.csv", "time,user_id,title,kind,price\n" + rows)
    prints = set()
    for n in range(2):
        ingest(tmp_path / f"s{n}", [log], table="events")
        restore(tmp_path / f"s{n}", Selection())
        prints.add(Shop.open(tmp_path / f"s{n}").fingerprint())
    assert len(prints) == 1


@pytest.mark.parametrize("lines", ["9-7", ",", "", "1-999999999999", "x"])
def test_lines_that_mean_nothing_restore_nothing(write, shop, lines):
    ingest(shop, [write("a.csv", "item_id,title\na,\n")])
    done = CliRunner().invoke(app, ["shop", "restore", str(shop), "--reason", "empty_title", "--lines", lines])
    assert done.exit_code == 2
    assert "--lines takes" in done.output
    assert Shop.open(shop).quarantine().height == 1


def test_what_all_items_have_is_told_once(write, shop):
    ingest(shop, [write("i.csv", "item_id,title\na,Hat\n,\n")], constants={"brand": "Acme", "price": "3"})
    restore(shop, Selection())
    assert Shop.open(shop).items().select("brand", "price").rows() == [("Acme", 3.0), ("Acme", 3.0)]


def test_restoring_makes_no_marks_that_were_turned_off(write, shop):
    ingest(shop, [write("i.csv", "item_id,title\na,Hat\nb,\n")], off=["conflicting_labels", "title_groups"])
    restore(shop, Selection())
    assert not {"minority_label", "title_group"} & set(Shop.open(shop).items().columns)


def test_moments_without_seconds_that_tell_their_zone_are_read(write, shop):
    ingest(
        shop, [write("log.csv", HEAD + "2024-01-01T10:00Z,u,a,view\n2024-01-01 10:00+02:00,u,b,view\n")], table="events"
    )
    assert sorted(events(shop)["time"].dt.hour()) == [8, 10]


def test_events_that_tell_titles_find_the_items_that_have_them(write, shop):
    ingest(shop, [write("i.csv", "item_id,title\na,Red Hat\nb,Cap\nc,Cap\n")])
    rows = "2024-01-01,u,red hat!,purchase,1\n2024-01-02,u,Cap,purchase,1\n2024-01-03,u,Red hat,purchase,0\n"
    ingest(shop, [write("log.csv", "time,user_id,title,kind,price\n" + rows)], table="events")
    log = events(shop).sort("time")
    assert log["item_id"][0] == "a"
    assert log["item_id"][1] not in {"b", "c"}, "two items have this title"
    assert Shop.open(shop).items().height == 4
    restore(shop, Selection())
    assert events(shop).sort("time")["item_id"][2] == "a"


def test_marks_that_were_turned_off_for_the_items_do_not_come_back_with_a_log(write, shop):
    ingest(shop, [write("i.csv", "item_id,title\n1,Red\n2,red!\n")], off=["title_groups", "conflicting_labels"])
    ingest(shop, [write("e.csv", "time,user_id,title,kind\n2024-01-01,u,Foo,view\n")], table="events")
    assert not {"title_group", "minority_label"} & set(Shop.open(shop).items().columns)

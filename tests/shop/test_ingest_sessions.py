"""Sessions that are derived: the same ones whether the log comes at once or in pieces, in whatever order."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.shop import Shop, ingest
from evenshelf.shop.reviewing.review import Selection, restore

HEAD = "time,user_id,item_id,kind,price\n"
BEGIN = datetime(2024, 1, 1)
GAP = 30
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0, 20, 29, 31, 45, 62, 90, 125]),
        st.sampled_from("uv"),
        st.sampled_from(["view", "return"]),
        st.sampled_from(["3", "3", "-1"]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=12,
)


def as_line(number, event):
    minutes, user, kind, price, _ = event
    return f"{BEGIN + timedelta(minutes=minutes)},{user},i{number},{kind},{price}\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def partition(shop):
    events = Shop.open(shop).read("events")
    assert events["session_id"].null_count() == 0
    groups = events.group_by("session_id").agg(pl.col("item_id").sort())
    return sorted(map(tuple, groups["item_id"].to_list()))


@given(EVENTS, st.booleans())
@settings(max_examples=8, deadline=None)
def test_sessions_do_not_depend_on_how_the_log_came(events, grows):
    lines = [as_line(number, event) for number, event in enumerate(events)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        whole = write(path / "whole.csv", HEAD + "".join(lines))
        ingest(path / "once", [whole], table="events", session_gap=GAP)
        so_far = ""
        for piece in range(3):
            mine = "".join(line for line, event in zip(lines, events, strict=True) if event[-1] == piece)
            so_far = so_far + mine if grows else mine
            if so_far:
                # The pause is said once.
                gap = GAP if not (path / "pieces").exists() else None
                ingest(path / "pieces", [write(path / f"{piece}.csv", HEAD + so_far)], table="events", session_gap=gap)
        if Shop.open(path / "once").rows("events"):
            assert partition(path / "pieces") == partition(path / "once")
        restore(path / "once", Selection())
        restore(path / "pieces", Selection())
        free = ingest(path / "free", [whole], table="events", session_gap=GAP, off=["impossible_price"])
        assert free.rows == len(events)
        assert partition(path / "pieces") == partition(path / "once") == partition(path / "free")


def test_an_event_between_two_sessions_makes_them_one(tmp_path):
    early, late = "2024-01-01 10:00,u,a,view,\n", "2024-01-01 10:50,u,c,view,\n"
    ingest(tmp_path / "s", [write(tmp_path / "1.csv", HEAD + early + late)], table="events", session_gap=30)
    assert partition(tmp_path / "s") == [("a",), ("c",)]
    between = write(tmp_path / "2.csv", HEAD + "2024-01-01 10:25,u,b,view,\n")
    (source,) = ingest(tmp_path / "s", [between], table="events").sources
    assert source.notes == ["a session ends with a pause of 30 minutes, as in earlier files with these columns"]
    assert partition(tmp_path / "s") == [("a", "b", "c")]
    assert [entry.session_gap for entry in Shop.open(tmp_path / "s").manifest.sources] == [30, 30]


def test_events_that_waited_for_their_item_join_their_session(tmp_path):
    ingest(tmp_path / "s", [write(tmp_path / "i.csv", "item_id,title\na,Hat\nc,Cap\n")])
    rows = "2024-01-01 10:00,u,a,view,\n2024-01-01 10:25,u,b,view,\n2024-01-01 10:50,u,c,view,\n"
    ingest(tmp_path / "s", [write(tmp_path / "1.csv", HEAD + rows)], table="events", session_gap=30)
    assert partition(tmp_path / "s") == [("a",), ("c",)], "a refused event holds no session together"
    ingest(tmp_path / "s", [write(tmp_path / "j.csv", "item_id,title\nb,Bag\n")])
    assert partition(tmp_path / "s") == [("a", "b", "c")]


def test_the_pause_that_is_named_last_counts(tmp_path):
    one = write(tmp_path / "1.csv", HEAD + "2024-01-01 10:00,u,a,view,\n2024-01-01 10:50,u,b,view,\n")
    two = write(tmp_path / "2.csv", HEAD + "2024-01-01 11:40,u,c,view,\n")
    ingest(tmp_path / "s", [one], table="events")
    (source,) = ingest(tmp_path / "s", [two], table="events", session_gap=60).sources
    assert source.notes == ["sessions of 1.csv are derived with this pause as well"]
    assert partition(tmp_path / "s") == [("a", "b", "c")]
    report = ingest(tmp_path / "s", [one], table="events", session_gap=30)
    assert (report.sources[0].status, report.changed) == ("unchanged", True), "it is not read again for that"
    assert partition(tmp_path / "s") == [("a",), ("b",), ("c",)]
    assert not ingest(tmp_path / "s", [one, two], table="events").changed


def test_sessions_that_events_came_with_stay(tmp_path):
    head = "time,user_id,item_id,kind,session_id\n"
    rows = "2024-01-01 10:00,u,a,view,s\n2024-01-01 10:01,u,b,view,\n2024-01-01 10:02,u,c,view,\n"
    ingest(tmp_path / "s", [write(tmp_path / "1.csv", head + rows)], table="events", session_gap=30)
    assert partition(tmp_path / "s") == [("a",), ("b", "c")]
    grown = write(tmp_path / "2.csv", head + rows + "2024-01-01 10:03,u,a,view,\n2024-01-01 10:00,u,a,view,t\n")
    (source,) = ingest(tmp_path / "s", [grown], table="events", session_gap=30).sources
    assert source.rows_known == 3, "the same thing in another session is another"
    events = Shop.open(tmp_path / "s").read("events")
    assert events.filter(pl.col("session_derived").is_null())["session_id"].to_list() == ["s", "t"]
    assert partition(tmp_path / "s") == [("a",), ("a",), ("a", "b", "c")]


def test_other_logs_keep_their_own_pause(tmp_path):
    orders = write(
        tmp_path / "orders.csv", "date,customer,sku,quantity\n2024-01-01 10:00,u,a,1\n2024-01-01 10:01,u,b,1\n"
    )
    visits = write(tmp_path / "visits.csv", HEAD + "2024-01-01 09:58,u,a,view,\n2024-01-01 09:59,u,b,view,\n")
    ingest(tmp_path / "s", [orders], table="events", constants={"kind": "purchase"}, session_gap=0)
    (source,) = ingest(tmp_path / "s", [visits], table="events").sources
    assert any("no sessions are derived for its events" in note for note in source.notes)
    ingest(tmp_path / "s", [visits], table="events", session_gap=30)
    events = Shop.open(tmp_path / "s").read("events")
    assert events.group_by("kind").agg(pl.col("session_id").n_unique()).sort("kind").rows() == [
        ("purchase", 2),
        ("view", 1),
    ]


def test_sessions_without_times_are_an_error_of_who_asks(tmp_path):
    log = write(tmp_path / "log.csv", "user_id,item_id,kind\nu,a,view\n")
    with pytest.raises(InputError, match="no event has a time"):
        ingest(tmp_path / "s", [log], table="events", session_gap=30)
    assert not (tmp_path / "s").exists()


def test_a_log_that_is_read_in_another_way_keeps_its_pause(tmp_path):
    log = write(tmp_path / "log.csv", "time,user_id,item_id,kind,cost\n2024-01-01,u,a,view,1\n2024-01-01,u,b,view,2\n")
    ingest(tmp_path / "s", [log], table="events", session_gap=30)
    (source,) = ingest(tmp_path / "s", [log], table="events", mapping={"price": "cost"}).sources
    assert source.notes == ["a session ends with a pause of 30 minutes, as before"]
    assert partition(tmp_path / "s") == [("a", "b")]
    (source,) = ingest(tmp_path / "s", [log], table="events", session_gap=60, off=["bot"]).sources
    assert source.notes == [], "it is no other file"


def test_sessions_of_logs_with_different_pauses_are_different(tmp_path):
    views = write(tmp_path / "views.csv", "date,user_id,item_id\n2024-01-01,u,a\n")
    orders = write(tmp_path / "orders.csv", "date,user_id,item_id,quantity\n2024-01-01,u,b,1\n")
    ingest(tmp_path / "s", [views], table="events", session_gap=30, constants={"kind": "view"})
    ingest(tmp_path / "s", [orders], table="events", session_gap=0, constants={"kind": "purchase"})
    assert partition(tmp_path / "s") == [("a",), ("b",)]

"""Events that tell titles: it does not matter whether they come before the items or after."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.shop import Shop, ingest
from evenshelf.shop.reviewing.review import Selection, restore

TITLES = st.sampled_from(["Hat", "hat!", "Cap", "CAP", "Bag"])
NUMBERS = st.sampled_from(["1", "1", "0"])
HEAD = "time,user_id,title,kind,price\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def assigned(shop):
    """Item of each event, and the titles that items have."""
    opened = Shop.open(shop)
    items, events = opened.items(), opened.read("events")
    assert set(events["item_id"]) <= set(items["item_id"])
    derived = set(items.filter(items["derived"])["item_id"]) if "derived" in items.columns else set()
    return events.sort("source_line")["item_id"].to_list() if events.height else [], derived


@given(
    st.lists(TITLES, max_size=4),
    st.lists(st.tuples(TITLES, NUMBERS), min_size=1, max_size=6),
    st.lists(TITLES, max_size=3),
    st.permutations(["items", "events", "more"]),
)
@settings(max_examples=8, deadline=None)
def test_the_order_of_files_does_not_matter(first, bought, second, order):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        files = {
            "items": "item_id,title\n" + "".join(f"a{n},{title}\n" for n, title in enumerate(first)),
            "more": "item_id,title\n" + "".join(f"b{n},{title}\n" for n, title in enumerate(second)),
            "events": HEAD + "".join(f"2024-01-01 00:{n:02},u,{t},purchase,{p}\n" for n, (t, p) in enumerate(bought)),
        }
        for name, text in files.items():
            write(path / f"{name}.csv", text)
        for shop, names in (("usual", ["items", "more", "events"]), ("mixed", order)):
            for name in names:
                ingest(path / shop, [path / f"{name}.csv"], table="events" if name == "events" else "items")
        assert assigned(path / "mixed") == assigned(path / "usual")
        for shop in ("usual", "mixed"):
            restore(path / shop, Selection())
        assert assigned(path / "mixed") == assigned(path / "usual")
        for shop in ("usual", "mixed"):
            derived = assigned(path / shop)[1]
            assert sum(entry.items_derived for entry in Shop.open(path / shop).manifest.sources) == len(derived)


def test_what_rules_over_the_log_took_out_finds_its_item_as_well(tmp_path):
    rows = "".join(f"2024-01-01 00:00:{n % 60:02},u,Hat,view,\n" for n in range(70))
    ingest(tmp_path / "s", [write(tmp_path / "log.csv", HEAD + rows)], table="events")
    assert Shop.open(tmp_path / "s").manifest.quarantine == {"bot": 70}
    ingest(tmp_path / "s", [write(tmp_path / "items.csv", "item_id,title\na,Hat\n")])
    grown = write(tmp_path / "grown.csv", HEAD + rows + "2024-01-02,v,hat,view,\n")
    (source,) = ingest(tmp_path / "s", [grown], table="events").sources
    assert source.rows_known == 70
    restore(tmp_path / "s", Selection())
    shop = Shop.open(tmp_path / "s")
    assert shop.read("events")["item_id"].to_list() == ["a"] * 71
    assert shop.items()["item_id"].to_list() == ["a"]


def test_titles_go_back_to_an_item_of_their_own_when_two_items_have_them(tmp_path):
    ingest(tmp_path / "s", [write(tmp_path / "one.csv", "item_id,title\na,Hat\n")])
    ingest(tmp_path / "s", [write(tmp_path / "log.csv", HEAD + "2024-01-01,u,hat,view,\n")], table="events")
    assert assigned(tmp_path / "s") == (["a"], set())
    ingest(tmp_path / "s", [write(tmp_path / "two.csv", "item_id,title\nb,HAT\n")])
    (named,), derived = assigned(tmp_path / "s")
    assert derived == {named}
    # An item that is gone leaves the title to the one that is left.
    ingest(tmp_path / "s", [tmp_path / "two.csv"], mapping={"title": "item_id"})
    assert assigned(tmp_path / "s") == (["a"], set())


def test_an_item_that_only_refused_events_name_is_made_and_stays(tmp_path):
    bot = "".join(f"2024-01-01 00:00:{k % 60:02d},u,Red shirt,view\n" for k in range(100))
    log = write(tmp_path / "log.csv", "time,user_id,title,kind\n" + bot)
    ingest(tmp_path / "s", [write(tmp_path / "1.csv", "item_id,title\n1,Red shirt\n")])
    ingest(tmp_path / "s", [log], table="events")
    assert Shop.open(tmp_path / "s").rows("events") == 0
    ingest(tmp_path / "s", [write(tmp_path / "2.csv", "item_id,title\n2,Red shirt\n")])
    restore(tmp_path / "s", Selection(reason="bot"))
    shop = Shop.open(tmp_path / "s")
    (item_id,) = shop.read("events")["item_id"].unique()
    assert item_id in shop.items().filter(pl.col("derived").fill_null(value=False))["item_id"]


def test_what_refused_events_of_another_log_name_stays_when_a_log_is_read_again(tmp_path):
    ingest(tmp_path / "s", [write(tmp_path / "i.csv", "item_id,title\n1,Red\n")])
    one = write(tmp_path / "1.csv", "time,user_id,title,name2,kind\n2024-01-01,u,Foo,Bar,view\n")
    bot = "".join(f"2024-01-01 00:00:{k % 60:02d},bot,Foo,view\n" for k in range(100))
    ingest(tmp_path / "s", [one], table="events")
    ingest(tmp_path / "s", [write(tmp_path / "2.csv", "time,user_id,title,kind\n" + bot)], table="events")
    ingest(tmp_path / "s", [one], table="events", mapping={"title": "name2"})
    restore(tmp_path / "s", Selection(reason="bot"))
    shop = Shop.open(tmp_path / "s")
    assert set(shop.read("events")["item_id"]) <= set(shop.items()["item_id"])
    assert shop.manifest.quarantine == {}

"""Events that tell titles: it does not matter whether they come before the items or after."""

from __future__ import annotations

import tempfile
from pathlib import Path

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
@settings(max_examples=12, deadline=None)
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

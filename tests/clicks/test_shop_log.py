"""Click logs out of the events of a shop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from evenshelf.clicks import log_of_shop
from evenshelf.clicks.shop_log import NO_POSITION, NO_QUERY, NOBODY, NOT_SHOWN, TWICE, UNKNOWN
from evenshelf.errors import InputError
from evenshelf.shop import Shop, simulate
from evenshelf.shop.schema import TIME

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SCHEMA = {
    "time": TIME,
    "user_id": pl.String,
    "session_id": pl.String,
    "kind": pl.String,
    "query": pl.String,
    "position": pl.Int64,
    "item_id": pl.String,
    "value": pl.Float64,
}


def shop_of(path: Path, *events: tuple) -> Shop:
    """A shop with events: seconds after noon, user, session, kind, query, position, item, value."""
    rows = [(NOON + timedelta(seconds=seconds), *rest) for seconds, *rest in events]
    shop = Shop.create(path / "shop")
    shop.commit({"events": pl.DataFrame(rows, schema=SCHEMA, orient="row")})
    return Shop.open(path / "shop")


def lists(log) -> list[tuple[str, list[tuple[int, str, bool]]]]:
    found = []
    for number in range(log.lists):
        rows = range(log.start[number], log.start[number + 1])
        shown = [(int(log.rank[n]), log.items[log.item[n]], bool(log.clicked[n])) for n in rows]
        found.append((log.queries[log.query[log.start[number]]], shown))
    return sorted(found)


def test_values_and_click_events_both_say_what_was_clicked(tmp_path: Path) -> None:
    shop = shop_of(
        tmp_path,
        (0, "u", "s", "impression", "tv", 1, "a", 0.0),
        (0, "u", "s", "impression", "tv", 2, "b", 1.0),
        (5, "u", "s", "impression", "radio", 1, "a", None),
        (5, "u", "s", "impression", "radio", 2, "c", None),
        (9, "u", "s", "click", "radio", None, "c", None),
        (9, "u", "s", "click", "radio", None, "z", None),
        (9, "v", None, "impression", "tv", 1, "a", None),
    )
    log = log_of_shop(shop)
    assert lists(log) == [
        ("radio", [(1, "a", False), (2, "c", True)]),
        ("tv", [(1, "a", False)]),
        ("tv", [(1, "a", False), (2, "b", True)]),
    ]
    assert log.left_out == {NOT_SHOWN: 1}


def test_a_query_that_is_asked_again_in_a_session_begins_a_list_also_where_it_is_longer(tmp_path: Path) -> None:
    first = [(0, "u", "s", "impression", "tv", n, f"i{n}", None) for n in (1, 2)]
    again = [(60, "u", "s", "impression", "tv", n, f"i{n}", None) for n in (1, 2, 3)]
    click = [(90, "u", "s", "click", "tv", None, "i2", None)]
    log = log_of_shop(shop_of(tmp_path, *first, *again, *click))
    shown = [(1, "i1", False), (2, "i2", False)]
    assert lists(log) == [("tv", shown), ("tv", [shown[0], (2, "i2", True), (3, "i3", False)])]
    assert not log.left_out


def test_what_cannot_be_used_is_counted_with_its_reason(tmp_path: Path) -> None:
    shop = shop_of(
        tmp_path,
        (0, "u", "s", "impression", "tv", 1, "a", 1.0),
        (0, "u", "s", "impression", "tv", 1, "a", 1.0),
        (0, "u", "s", "impression", None, 1, "a", 1.0),
        (0, "u", "s", "impression", "tv", None, "a", 1.0),
        (0, "u", "s", "impression", "tv", 0, "a", 1.0),
        (0, None, None, "impression", "tv", 1, "a", 1.0),
        (0, "u", "s", "impression", "tv", 2, "b", None),
        (0, "u", "s", "purchase", "tv", 2, "b", 1.0),
    )
    log = log_of_shop(shop)
    assert lists(log) == [("tv", [(1, "a", True)])]
    assert log.left_out == {NO_QUERY: 1, NO_POSITION: 2, NOBODY: 1, UNKNOWN: 1, TWICE: 1}
    assert len(log) + sum(log.left_out.values()) == 7, "no impression is lost"


def test_shops_without_usable_impressions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no events of the kind 'impression'"):
        log_of_shop(shop_of(tmp_path / "1", (0, "u", "s", "view", None, None, "a", None)))
    with pytest.raises(InputError, match=r"No impression .* 1 because they have no query"):
        log_of_shop(shop_of(tmp_path / "2", (0, "u", "s", "impression", None, 1, "a", 1.0)))


@pytest.mark.parametrize("world", ["language", "noisy"])
def test_of_a_simulated_shop_all_search_results_are_used(tmp_path: Path, world) -> None:
    shop = simulate(tmp_path / "shop", 100, 3, world, events=4000, pictures=0)
    events = shop.read("events").filter(pl.col("kind") == "impression")
    searched = events.filter(pl.col("query").is_not_null())
    log = log_of_shop(shop)
    assert len(log) == searched["event_id"].n_unique()
    twice = {TWICE: searched.height - len(log)} if world == "noisy" else {}
    assert log.left_out == {NO_QUERY: events.height - searched.height, **twice}
    single = searched.unique("event_id")
    assert log.clicked.sum() == single["value"].sum()
    assert log.lists == single.filter(pl.col("position") == 1).height

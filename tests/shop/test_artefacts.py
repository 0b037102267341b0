"""Artefacts: found where they were planted, silent where everything is in random order."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.shop.profiling import chance
from evenshelf.shop.profiling.event_artefacts import DRIFT, EVENT_DETECTORS, boiled_down, event_artefacts
from evenshelf.shop.profiling.item_artefacts import ITEM_DETECTORS, item_artefacts
from evenshelf.shop.profiling.order_statistics import nth_smallest
from evenshelf.shop.schema import TIME

START = datetime(2024, 1, 1, tzinfo=UTC)
PLACES = {"source_id": pl.lit("s" * 12), "source_file": pl.lit("f")}


def names(found):
    return {artefact.name: artefact for artefact in found}


def plain_log(seed, users=300, items=60, rows=4000, days=20):
    """Make a log with ties and a long tail in which nothing has an order."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, items + 1)
    item = rng.permutation(items)[rng.choice(items, rows, p=share / share.sum())]
    user = rng.integers(0, users, rows) * rng.integers(1, 3, rows) // 2
    return pl.DataFrame(
        {
            "time": pl.Series([START + timedelta(days=int(d)) for d in rng.integers(0, days, rows)], dtype=TIME),
            "user_id": [f"u{u:04d}" for u in user],
            "item_id": [f"i{i:04d}" for i in item],
        }
    )


def placed(frame):
    return frame.with_columns(source_line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64), **PLACES).lazy()


@pytest.mark.parametrize("timed", [True, False])
def test_a_log_in_random_order_raises_no_alarm(timed):
    for seed in range(20):
        frame = plain_log(seed)
        if not timed:
            frame = frame.with_columns(time=pl.lit(None, TIME))
        assert event_artefacts(placed(frame), seed=seed) == ()


def ids_of(frame, name, key):
    """Rename ids so that their order is that of `key`."""
    order = frame.group_by(name).agg(key=key).sort("key", name)
    new = dict(zip(order[name], (f"{name[0]}{k:05d}" for k in range(order.height)), strict=True))
    return frame.with_columns(pl.col(name).replace_strict(new))


PLANTED = {
    "ties_follow_item_ids": lambda f: f.sort("time", "item_id", maintain_order=True),
    "last_step_follows_item_ids": lambda f: f.sort("time", "item_id", maintain_order=True),
    "ties_follow_user_ids": lambda f: f.sort("time", "user_id"),
    "file_order_follows_user_ids": lambda f: f.sort("user_id"),
    "file_order_follows_item_ids": lambda f: f.sort("item_id"),
    "file_order_follows_activity": lambda f: f.with_columns(n=pl.len().over("user_id")).sort("n", "user_id").drop("n"),
    "item_ids_follow_popularity": lambda f: ids_of(f, "item_id", -pl.len().cast(pl.Int64)),
    "popularity_drift": lambda f: f.with_columns(
        time=pl.when(pl.col("item_id") < "i0030").then(pl.col("time") + timedelta(days=9)).otherwise("time")
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_was_planted_is_found(name):
    frame = PLANTED[name](plain_log(1, users=150, days=10))
    found = names(event_artefacts(placed(frame)))
    assert name in found
    assert abs(found[name].figure - found[name].expected) >= 0.03
    assert found[name].sigmas >= chance.SIGMAS


def test_every_detector_is_tried():
    assert set(PLANTED) == {detector.name for detector, _ in EVENT_DETECTORS} | {DRIFT.name}


def test_ties_in_descending_order_are_found_as_well_and_order_between_times_is_none():
    frame = plain_log(2)
    down = names(event_artefacts(placed(frame.sort("time", "item_id", descending=[False, True]))))
    assert down["ties_follow_item_ids"].figure < 0.1
    spread = frame.sort("item_id").with_columns(
        time=pl.Series([START + timedelta(minutes=k) for k in range(frame.height)], dtype=TIME)
    )
    assert "ties_follow_item_ids" not in names(event_artefacts(placed(spread)))


def test_events_of_one_line_keep_the_order_of_rows():
    rng = np.random.default_rng(0)
    baskets = [sorted(rng.choice(100, 5, replace=False)) for _ in range(200)]
    frame = pl.DataFrame(
        {
            "time": pl.Series([None] * 1000, dtype=TIME),
            "user_id": [f"u{k}" for k in range(200) for _ in range(5)],
            "item_id": [f"i{i:03d}" for basket in baskets for i in basket],
            "source_line": [k + 1 for k in range(200) for _ in range(5)],
        }
    ).with_columns(**PLACES)
    assert names(event_artefacts(frame.lazy()))["ties_follow_item_ids"].figure == 1


def test_the_same_seed_gives_the_same_artefacts_and_json_can_hold_them():
    frame = placed(PLANTED["popularity_drift"](plain_log(3)))
    first = event_artefacts(frame, seed=5)
    assert first == event_artefacts(frame, seed=5)
    assert json.loads(json.dumps([asdict(a) for a in first], allow_nan=False))


def test_a_log_without_rows_or_users_has_no_artefacts():
    frame = plain_log(0).with_columns(pl.lit(None, pl.String).alias("user_id"))
    assert event_artefacts(placed(frame)) == ()
    assert event_artefacts(placed(frame.clear())) == ()
    assert event_artefacts(placed(frame.head(1))) == ()


def test_the_halves_are_those_of_the_median_however_many_events_share_it():
    """Counted by hand: with equal times in the middle, none of them is of the earlier half."""
    for minutes, early in (([1, 2, 3, 4], 2), ([1, 2, 3, 4, 5], 2), ([1, 3, 3, 3, 4], 1), ([None, 5, 1, None, 9], 1)):
        times = [None if m is None else START + timedelta(minutes=m) for m in minutes]
        frame = pl.DataFrame(
            {"time": pl.Series(times, dtype=TIME), "user_id": ["u"] * len(times), "item_id": ["i"] * len(times)}
        )
        log = boiled_down(placed(frame), np.random.default_rng(0))
        assert log.items["first"].to_list() == [early]
    timeless = frame.with_columns(time=pl.lit(None, TIME))
    assert boiled_down(placed(timeless), np.random.default_rng(0)).items["first"].to_list() == [3]


def test_events_without_a_time_are_of_neither_half():
    """Here only some items have events without one: that is no drift of what is popular."""
    rng = np.random.default_rng(3)
    frame = plain_log(5).with_columns(
        time=pl.when((pl.col("item_id") < "i0020") & pl.Series(rng.random(4000) < 0.8)).then(None).otherwise("time")
    )
    log = boiled_down(placed(frame), np.random.default_rng(0))
    timed = frame.filter(pl.col("time").is_not_null())
    assert log.items["timed"].sum() == timed.height
    assert dict(log.items.select("id", "n").iter_rows()) == dict(frame["item_id"].value_counts().iter_rows())
    middle = timed["time"].sort()[timed.height // 2]
    assert log.items["first"].sum() == (timed["time"] < middle).sum()
    assert "popularity_drift" not in names(event_artefacts(placed(frame)))


def test_events_that_came_from_no_file_stand_in_the_order_of_their_table():
    frame = PLANTED["file_order_follows_item_ids"](plain_log(4))
    bare = frame.with_columns(source_line=pl.lit(None, pl.Int64), source_id=pl.lit(None, pl.String))
    assert event_artefacts(frame.lazy()) == event_artefacts(bare.lazy()) == event_artefacts(placed(frame))
    assert "file_order_follows_item_ids" in names(event_artefacts(frame.lazy()))


def test_users_with_more_events_than_the_sample_holds_are_left_out_of_it(monkeypatch):
    monkeypatch.setattr("evenshelf.shop.profiling.event_artefacts.SAMPLE", 1_000)
    frame = plain_log(5, users=100, rows=3_000)
    guests = frame.with_columns(user_id=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("a")).otherwise("user_id"))
    for seed in range(20):
        log = boiled_down(placed(guests), np.random.default_rng(seed))
        guest = log.users.filter(pl.col("n") > 1_000)["rank"].item()
        assert guest not in log.steps["user"]
        assert 500 < log.steps.height < 1_200


@given(
    st.lists(st.one_of(st.none(), st.integers(-(2**61), 2**61), st.integers(-3, 3), st.integers(0, 10**6)), min_size=1)
)
def test_the_nth_smallest_is_that_of_the_sorted_numbers(numbers):
    known = sorted(n for n in numbers if n is not None)
    column = pl.LazyFrame({"n": pl.Series(numbers, dtype=pl.Int64)})
    for rank in {0, len(known) // 2, len(known) - 1} if known else ():
        assert nth_smallest(column, rank) == known[rank]


def plain_items(seed, rows=1000):
    rng = np.random.default_rng(seed)
    labels = np.array(["Shoe", "Shirt", "Watch", "Sock", "Bag"])[rng.choice(5, rows, p=[0.5, 0.2, 0.15, 0.1, 0.05])]
    words = np.array([f"word{chr(97 + a)}{chr(97 + b)}" for a in range(26) for b in range(26)])
    titles = [" ".join(rng.choice(words, 6)) for _ in range(rows)]
    return pl.DataFrame(
        {"item_id": [f"{i}" for i in rng.permutation(rows)], "title": titles, "category": labels}
    ).with_columns(source_line=pl.int_range(1, rows + 1, dtype=pl.Int64), **PLACES)


def test_items_in_random_order_raise_no_alarm():
    for seed in range(20):
        assert item_artefacts(plain_items(seed), seed=seed) == ()


def relined(frame):
    return frame.with_columns(source_line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))


ITEM_PLANTED = {
    "labels_in_file_order": lambda f: relined(f.sort("category")),
    "labels_in_item_ids": lambda f: f.with_columns(
        item_id=pl.format("{}-{}", pl.col("category").str.head(2), "item_id")
    ),
    "items_in_order_of_ids": lambda f: relined(f.sort(pl.col("item_id").cast(pl.Int64))),
    "label_words_in_titles": lambda f: f.with_columns(title=pl.format("{} {}s", "title", "category")),
    "near_duplicates_across_splits": lambda f: f.with_columns(
        title=pl.when(pl.col("source_line") % 20 == 0).then(pl.col("title").shift()).otherwise("title")
    ),
}


@pytest.mark.parametrize("name", ITEM_PLANTED)
def test_what_was_planted_among_items_is_found(name):
    assert set(names(item_artefacts(ITEM_PLANTED[name](plain_items(1))))) == {name}


def test_every_item_detector_is_tried():
    assert set(ITEM_PLANTED) == {detector.name for detector in ITEM_DETECTORS}


def test_the_leak_of_a_random_split_is_what_random_splits_leak():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 400, 1000)
    items = plain_items(0, 1000).with_columns(title_group=pl.Series(groups))
    expected = names(item_artefacts(items))["near_duplicates_across_splits"].figure
    leaks = []
    for _ in range(200):
        test = rng.random(1000) < 0.2
        leaks.append(np.isin(groups[test], groups[~test]).mean())
    assert np.mean(leaks) == pytest.approx(expected, abs=0.005)


def test_items_without_labels_are_looked_at_without_them():
    items = plain_items(0).drop("category")
    assert item_artefacts(items) == ()
    with pytest.raises(SettingError, match="'title' is no label"):
        item_artefacts(items, "title")


@given(st.lists(st.integers(0, 3), min_size=4, max_size=7).filter(lambda x: 1 < len(set(x)) < len(x)))
def test_the_moments_of_equal_neighbours_are_those_of_all_orders(labels):
    got = chance.same_as_neighbour(np.array(labels))
    orders = np.array(list(itertools.permutations(labels)))
    shares = (orders[:, 1:] == orders[:, :-1]).mean(axis=1)
    assert got.expected == pytest.approx(shares.mean())
    assert got.deviation == pytest.approx(shares.std(), abs=1e-9)


@given(st.integers(2, 7))
def test_the_moments_of_ascents_are_those_of_all_orders(size):
    orders = np.array(list(itertools.permutations(range(size))))
    shares = (orders[:, 1:] > orders[:, :-1]).mean(axis=1)
    got = chance.share_up(pl.DataFrame({"g": [0] * size, "v": range(size)}), ["g"], "v")
    assert got.expected == pytest.approx(shares.mean())
    # The variance (m + 1) / 12 is exact from 2 values on.
    assert got.deviation == pytest.approx(shares.std())


def test_ids_are_counted_as_numbers_only_if_all_are():
    assert chance.counted(pl.Series(["9", "10", "7"])).to_list() == [1, 2, 0]
    assert chance.counted(pl.Series(["9", "10", "x"])).to_list() == [1, 0, 2]

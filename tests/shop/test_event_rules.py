"""Rules over events: each finds what it names, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.shop.cleaning.event_links import match_returns, session_begins, session_name
from evenshelf.shop.cleaning.event_rules import (
    LOG_RULES,
    ROW_RULES,
    EventContext,
    refuse_from_log,
    refuse_rows,
)
from evenshelf.shop.schema import EVENTS, PROVENANCE

START = datetime(2024, 5, 1, tzinfo=UTC)
TYPES = {column.name: column.dtype for column in EVENTS.columns}


def log(rows, **constant):
    """Make events of dicts; what is not given gets a plain value."""
    plain = {
        "time": START,
        "user_id": "u",
        "item_id": "i",
        "kind": "purchase",
        "value": 1.0,
        "price": 1.0,
        "source_id": "s" * 12,
        "source_file": "f",
    }
    rows = [{**plain, "source_line": line, **constant, **row} for line, row in enumerate(rows, 1)]
    names = [name for name in TYPES if any(name in row for row in rows)] or [*plain, "source_line"]
    return pl.DataFrame(rows, schema={name: TYPES[name] for name in names})


def refused(frame, context=None, **options):
    """Return {line: reason} of the rules over the whole log."""
    out = refuse_from_log(frame.lazy(), context or EventContext(), **options)
    return dict(out.select("source_line", "reason").iter_rows())


INF, NAN = float("inf"), float("nan")

WRONG = [
    ("future_time", {"time": START + timedelta(days=2)}, "time 2024-05-03 00:00:00"),
    ("early_time", {"time": datetime(1970, 1, 1, tzinfo=UTC)}, "time 1970-01-01 00:00:00"),
    ("impossible_price", {"price": -0.5}, "purchase with price -0.5"),
    ("impossible_price", {"price": 0.0}, "purchase with price 0"),
    ("impossible_price", {"price": 0.0, "kind": "return"}, "return with price 0"),
    ("impossible_price", {"price": NAN, "kind": "view"}, "view with price NaN"),
    ("impossible_price", {"price": INF, "kind": "view"}, "view with price inf"),
    ("impossible_quantity", {"value": 0.0}, "purchase with quantity 0"),
    ("impossible_quantity", {"value": -2.0, "kind": "return"}, "return with quantity -2"),
    ("impossible_quantity", {"value": INF, "kind": "cart"}, "cart with quantity inf"),
    ("impossible_grade", {"value": 6.0, "kind": "rating"}, "rating with grade 6"),
    ("impossible_grade", {"value": None, "kind": "rating"}, "rating with grade none"),
    ("impossible_outcome", {"value": 2.0, "kind": "impression"}, "impression with outcome 2"),
    ("impossible_position", {"position": 0}, "purchase with position 0"),
    ("impossible_propensity", {"propensity": 0.0}, "purchase with propensity 0"),
    ("impossible_propensity", {"propensity": 1.5}, "purchase with propensity 1.5"),
]
RIGHT = [
    {},
    {"time": None},
    {"price": None},
    {"price": 0.0, "kind": "view"},
    {"value": None},
    {"value": 0.5},
    {"value": 5.0, "kind": "rating"},
    {"value": 0.0, "kind": "impression"},
    {"value": None, "kind": "impression"},
    {"position": 1, "propensity": 1.0},
]
CONTEXT = EventContext(now=START + timedelta(days=1), grades=(1, 5))


@pytest.mark.parametrize(("name", "row", "detail"), WRONG)
def test_a_row_rule_finds_its_row_and_says_what_is_wrong(name, row, detail):
    frame = log([{}, row, {}])
    out = refuse_rows(frame, CONTEXT)
    assert out["reason"].to_list() == [None, name, None]
    assert out["detail"].to_list() == [None, detail, None]
    assert refuse_rows(frame, CONTEXT, off=[name])["reason"].null_count() == 3
    rule = next(rule for rule in ROW_RULES if rule.name == name)
    assert rule.find(frame, CONTEXT).to_list() == [False, True, False]


def test_every_row_rule_is_tried():
    assert {name for name, _, _ in WRONG} == {rule.name for rule in ROW_RULES}


@pytest.mark.parametrize("row", RIGHT)
def test_what_may_be_is_kept(row):
    assert refuse_rows(log([row]), CONTEXT)["reason"].to_list() == [None]


def test_columns_that_are_missing_are_empty():
    frame = log([{}, {}]).select("time", "item_id", "kind", *PROVENANCE)
    assert refuse_rows(frame, CONTEXT)["reason"].to_list() == [None, None]
    assert refused(frame) == {}


def test_a_log_without_rows_has_nothing_to_refuse():
    assert refused(log([])) == {}
    assert refuse_rows(log([]), CONTEXT).height == 0
    assert refuse_from_log(log([]).lazy(), CONTEXT, off=[rule.name for rule in LOG_RULES]).height == 0


def test_the_first_rule_names_the_reason():
    assert refuse_rows(log([{"price": -1.0, "value": 0.0}]), CONTEXT)["reason"].to_list() == ["impossible_price"]


def test_unknown_rules_and_bad_contexts_are_refused_with_all_problems():
    with pytest.raises(SettingError, match=r"'outlier_prise' \(did you mean outlier_price\?\)"):
        refuse_rows(log([]), CONTEXT, off=["outlier_prise"])
    with pytest.raises(SettingError, match=r"now must have a time zone; per_day .*; grades must go"):
        EventContext(now=datetime(2024, 1, 1), per_day=0, grades=(5, 1))


def test_all_rules_have_names_of_their_own_and_reasons():
    rules = (*ROW_RULES, *LOG_RULES)
    assert len({rule.name for rule in rules}) == len(rules)
    assert len({rule.reason for rule in rules}) == len(rules)


def test_unknown_items_are_found_only_beside_a_table_of_items():
    frame = log([{"item_id": "a"}, {"item_id": "b"}])
    assert refused(frame) == {}
    items = pl.LazyFrame({"item_id": ["a"]})
    assert refused(frame, EventContext(items=items)) == {2: "unknown_item"}


def test_an_event_that_was_sent_twice_is_kept_once():
    frame = log(
        [
            {"event_id": "x"},
            {"event_id": "x"},
            {"event_id": "x", "item_id": "other"},
            {"event_id": None},
            {"event_id": None},
            {"event_id": "x", "source_file": "e"},
        ]
    )
    out = refuse_from_log(frame.lazy(), EventContext())
    assert out.select("source_file", "source_line").rows() == [("f", 1), ("f", 2)]


def clicks(user, seconds, **more):
    return [{"user_id": user, "time": START + timedelta(seconds=float(s)), "kind": "click", **more} for s in seconds]


def test_bots_are_told_from_people():
    context = EventContext(per_minute=10, per_day=50)
    rows = (
        clicks("fast", np.arange(11))
        + clicks("ten", np.arange(10))
        + clicks("steady", np.arange(51) * 600)
        + clicks("two days", np.arange(51) * 1800)
        + clicks(None, np.zeros(99))
        + clicks("buyer", np.zeros(99), kind="purchase")
        + clicks("page", np.zeros(99), kind="impression")
        + clicks("fast", [999_999])
        + clicks("fast", [5], kind="purchase")
    )
    frame = log(rows)
    out = refuse_from_log(frame.lazy(), context, off=["outlier_quantity"]).join(frame, on=PROVENANCE)
    counts = dict(out["user_id"].value_counts().iter_rows())
    assert counts == {"fast": 12, "steady": 51}
    assert set(out["kind"]) == {"click"}
    details = dict(out.select("user_id", "detail").unique().iter_rows())
    assert details["fast"] == "user fast did 11 things in the minute 2024-05-01 00:00"
    assert details["steady"] == "user steady did 51 things in the day 2024-05-01"


def plain_far(values, few=20, fewest=5, spreads=6.0, least=0.5):
    """Judge the prices of one item by medians of all values."""
    x = np.log(values)
    if x.size < fewest:
        return np.zeros(x.size, dtype=bool)
    lower = np.sort(x)[(x.size - 1) // 2]
    off = np.abs(x - lower)
    mad = np.sort(off)[(off.size - 1) // 2]
    return off > spreads * max(1.4826 * mad, least)


@given(st.lists(st.sampled_from([1.0, 1.1, 2.0, 3.0, 50.0, 1e4, 0.001]), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_outliers_of_price_agree_with_medians_of_all_values(prices):
    frame = log([{"price": p} for p in prices])
    expected = [line for line, far in enumerate(plain_far(np.array(prices)), 1) if far]
    assert sorted(refused(frame, off=["outlier_quantity"])) == expected


def test_outliers_are_judged_within_their_item_and_small_quantities_never():
    dear = [{"item_id": "ring", "price": 500.0} for _ in range(30)]
    cheap = [{"item_id": "pin", "price": 0.1} for _ in range(30)]
    boxes = [{"item_id": "nail", "value": 5000.0} for _ in range(30)]
    odd = [
        {"item_id": "pin", "price": 500.0},
        {"item_id": "ring", "price": 0.1},
        {"item_id": "nail", "value": 1.0},
        {"item_id": "ring", "value": 5000.0},
        {"item_id": "new", "price": 500.0},
    ]
    got = refused(log(dear + cheap + boxes + odd))
    assert got == {91: "outlier_price", 92: "outlier_price", 94: "outlier_quantity"}


def test_an_item_bought_once_is_held_against_all_items_and_returns_against_purchases():
    usual = [{"item_id": f"i{k % 50}", "value": float(1 + k % 7)} for k in range(500)]
    frame = log(
        [*usual, {"item_id": "once", "value": 80_995.0}, {"item_id": "once", "value": 80_995.0, "kind": "return"}]
    )
    assert refused(frame) == {501: "outlier_quantity", 502: "outlier_quantity"}


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "user_id": st.sampled_from(["a", "b", None]),
            "item_id": st.sampled_from(["x", "y"]),
            "kind": st.sampled_from(["purchase", "return", "view"]),
            "value": st.sampled_from([1.0, 2.0, 3.0, 0.5, None]),
            "time": st.integers(0, 5).map(lambda days: START + timedelta(days=days)),
        }
    ),
    max_size=25,
)


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_no_piece_comes_back_twice_or_before_it_was_bought(rows, random):
    frame = log(rows)
    match = match_returns(frame.lazy())
    out = frame.join(match.changes, on=PROVENANCE, how="left").sort(PROVENANCE)
    assert out.height == frame.height
    value = out["value"].fill_null(1.0)
    back = out["returned"].fill_null(0.0)
    assert (back <= value + 1e-6).all()
    assert back.sum() == pytest.approx(match.matched_pieces)
    assert set(out.filter(pl.col("returned").is_not_null())["kind"]) <= {"purchase"}
    matched = out.filter(pl.col("purchase_time").is_not_null())
    assert set(matched["kind"]) <= {"return"}
    assert (matched["purchase_time"] <= matched["time"]).all()
    assert matched["user_id"].null_count() == 0
    assert match.matched + match.partly == matched.height
    assert match.returns == frame.filter(kind="return").height
    for pair in (
        frame.filter(pl.col("user_id").is_not_null()).select("user_id", "item_id").unique().iter_rows(named=True)
    ):
        mine = out.filter(**pair)
        # A return is left unmatched only if nothing earlier was left.
        if mine.filter((pl.col("kind") == "return") & pl.col("purchase_time").is_null()).height == 0:
            continue
        lonely = mine.filter((pl.col("kind") == "return") & pl.col("purchase_time").is_null())["time"].min()
        before = mine.filter((pl.col("kind") == "purchase") & (pl.col("time") <= lonely))
        assert before["returned"].fill_null(0.0).sum() == pytest.approx(before["value"].fill_null(1.0).sum())
    order = list(range(frame.height))
    random.shuffle(order)
    assert match_returns(frame[order].lazy()).changes.equals(match.changes)


def days(number):
    return START + timedelta(days=number)


def test_a_return_undoes_the_latest_purchase_that_is_large_enough():
    frame = log(
        [
            {"time": days(0), "value": 10.0},
            {"time": days(1), "value": 2.0},
            {"time": days(2), "value": 5.0, "kind": "return"},
            {"time": days(3), "value": 2.0, "kind": "return"},
            {"time": days(4), "value": 9.0, "kind": "return"},
            {"time": days(5), "value": 9.0},
        ]
    )
    match = match_returns(frame.lazy())
    out = frame.join(match.changes, on=PROVENANCE, how="left").sort("source_line")
    assert out["returned"].to_list() == [10.0, 2.0, None, None, None, None]
    assert out["purchase_time"].to_list() == [None, None, days(0), days(1), days(0), None]
    assert (match.returns, match.matched, match.partly) == (3, 2, 1)
    assert (match.pieces, match.matched_pieces) == (16.0, 12.0)


def test_a_return_too_large_for_one_purchase_takes_from_several_backwards():
    frame = log(
        [{"time": days(k), "value": 2.0} for k in range(3)] + [{"time": days(3), "value": 3.0, "kind": "return"}]
    )
    out = frame.join(match_returns(frame.lazy()).changes, on=PROVENANCE, how="left").sort("source_line")
    assert out["returned"].to_list() == [None, 1.0, 2.0, None]
    assert out["purchase_time"][3] == days(2)


def test_without_times_the_place_in_the_file_is_the_order():
    frame = log([{"kind": "return"}, {"kind": "purchase"}, {"kind": "return"}], time=None)
    match = match_returns(frame.lazy())
    assert match.matched == 1
    assert match.changes["source_line"].to_list() == [2, 3]


def sessions(frame, gap):
    rows = frame.with_row_index("at")
    begins = session_begins(rows.lazy(), gap, "at")
    joined = rows.join(begins, on="at", how="left", maintain_order="left")
    return joined.with_columns(session_id=session_name()).drop(begins.columns)


def test_sessions_end_after_a_gap_and_orders_after_a_moment():
    at = [0, 10, 40, 41]
    frame = log([{"time": START + timedelta(minutes=m), "kind": "view"} for m in at])
    visits = sessions(frame, timedelta(minutes=30))["session_id"]
    assert visits.to_list() == ["u@2024-05-01T00:00:00/30"] * 4
    short = sessions(frame, timedelta(minutes=29))["session_id"]
    assert short.to_list() == ["u@2024-05-01T00:00:00/29"] * 2 + ["u@2024-05-01T00:40:00/29"] * 2
    orders = sessions(frame, timedelta(0))["session_id"]
    assert orders.n_unique() == 4


def test_returns_and_strangers_have_orders_of_their_own():
    frame = log(
        [
            {},
            {"kind": "return"},
            {"user_id": None},
            {"user_id": None},
            {},
            {"user_id": None},
            {"user_id": None, "time": days(1)},
            {"user_id": None, "time": None},
        ]
    )
    got = sessions(frame, timedelta(0))["session_id"].to_list()
    place = f"{'s' * 12}:f:"
    one = "u@2024-05-01T00:00:00/0"
    expected = [one, f"{one} return", place + "3", place + "3", one, place + "6", place + "7", None]
    assert got == expected


@given(ROWS, st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_sessions_part_what_is_far_apart_and_nothing_else(rows, gap):
    frame = log(rows)
    if frame.height == 0:
        return
    out = sessions(frame, timedelta(days=gap))
    assert out.drop("session_id").equals(frame)
    for (user, back), part in out.filter(pl.col("user_id").is_not_null()).group_by(
        "user_id", pl.col("kind") == "return"
    ):
        longest = 0 if back else gap
        step = part.sort("time")["time"].diff().fill_null(timedelta(0)).dt.total_days().to_numpy() > longest
        session = part.sort("time")["session_id"]
        changed = (session != session.shift()).fill_null(value=False).to_numpy()
        assert (step == changed).all(), user


def test_a_row_that_one_rule_must_leave_alone_is_asked_the_others():
    frame = log([{"event_id": "e"}, {"event_id": "e"}, {"event_id": "f", "item_id": "j"}])
    context = EventContext(items=pl.LazyFrame({"item_id": ["j"]}))
    found = refuse_from_log(frame.lazy(), context)
    assert dict(found.select("source_line", "reason").iter_rows()) == {1: "unknown_item", 2: "unknown_item"}
    excused = found.select(*PROVENANCE, "reason")
    assert refused(frame, context, excused=excused) == {2: "duplicate_event"}
    assert refused(frame, context, excused=excused.with_columns(reason=pl.lit("bot"))) == refused(frame, context)

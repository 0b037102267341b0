"""Which rows of a source are in a table already: the same ones, as often as they are there, in whatever order."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.shop.ingesting.known import KnownRows
from evenshelf.shop.ingesting.known_keys import KnownKeys
from evenshelf.shop.schema import TABLES

EVENTS, USERS = TABLES["events"], TABLES["users"]
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["view", "purchase"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([None, "", "u"]),
        st.sampled_from([None, 0.0, 1.0]),
        st.integers(0, 1),
    ),
    max_size=25,
)
PARTS = st.integers(1, 4)


def events(rows: list[tuple], **more: object) -> pl.DataFrame:
    schema = {"kind": pl.String, "item_id": pl.String, "user_id": pl.String, "value": pl.Float64, "minutes": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    frame = frame.with_columns(time=pl.lit(BEGIN) + pl.duration(minutes="minutes")).drop("minutes")
    return frame.with_columns(
        source_id=pl.lit("s"), source_file=pl.lit("f"), source_line=pl.int_range(frame.height, dtype=pl.Int64)
    ).with_columns(**{name: pl.lit(value) for name, value in more.items()})


def cut(frame: pl.DataFrame, parts: int) -> list[pl.DataFrame]:
    edges = np.linspace(0, frame.height, parts + 1).astype(int)
    return [frame[a:b] for a, b in pairwise(edges)]


def asked(known: KnownRows, rows: list[tuple], parts: int = 1) -> list[bool]:
    return [bool(hit) for part in cut(events(rows), parts) for hit in known.find(part)]


@settings(deadline=None)
@given(ROWS, ROWS, PARTS, PARTS)
def test_a_row_is_known_as_often_as_the_table_has_it(there, new, parts, portions):
    known = KnownRows(EVENTS, cut(events(there), portions))
    left = Counter(there)
    want = []
    for row in new:
        want.append(left[row] > 0)
        left[row] -= 1
    assert asked(known, new, parts) == want


@settings(deadline=None)
@given(ROWS, st.randoms(use_true_random=False), PARTS)
def test_order_and_portions_do_not_matter(rows, random, parts):
    mixed = list(rows)
    random.shuffle(mixed)
    assert all(asked(KnownRows(EVENTS, cut(events(rows), parts)), mixed, parts))


@settings(deadline=None)
@given(ROWS, ROWS, PARTS)
def test_a_source_does_not_know_its_own_rows_until_it_is_accepted(first, second, parts):
    known = KnownRows(EVENTS, [])
    assert not any(asked(known, first, parts))
    known.accept()
    common = (Counter(first) & Counter(second)).total()
    assert sum(asked(known, second, parts)) == common
    known.accept()
    # The table has what either source had most of.
    most = Counter(first) | Counter(second)
    assert all(asked(known, list(most.elements())))
    assert not any(asked(known, list(most.elements()))), "each was found once already"


def test_no_value_is_not_an_empty_text_nor_zero():
    rows = [("view", "a", user, value, 0) for user in (None, "") for value in (None, 0.0)]
    for k, row in enumerate(rows):
        known = KnownRows(EVENTS, [events([row])])
        assert asked(known, rows) == [k == other for other in range(len(rows))]


def test_a_column_that_is_missing_is_one_without_values():
    full, row = events([("view", "a", None, None, 0)]), events([("view", "a", None, None, 0)]).drop("user_id", "value")
    assert KnownRows(EVENTS, [full]).find(row).all()
    assert KnownRows(EVENTS, [row]).find(full.select(reversed(full.columns))).all()


def test_where_a_row_comes_from_and_what_is_made_here_do_not_count():
    rows = [("purchase", "a", "u", 1.0, 0)]
    later = BEGIN + timedelta(days=1)
    other = events(rows, source_id="t", source_file="g", source_line=9, returned=True, purchase_time=later)
    assert KnownRows(EVENTS, [other]).find(events(rows)).all()
    with_session = events(rows, session_id="x")
    assert KnownRows(EVENTS, [with_session]).find(events(rows)).all(), "a source that tells no sessions"
    assert not KnownRows(EVENTS, [with_session]).find(events(rows, session_id="y")).any()


def test_further_columns_count_if_both_sides_have_them():
    rows = [("view", "a", "u", 1.0, 0)]
    there = events(rows, shop="A")
    names = lambda: there.columns  # noqa: E731
    assert not KnownRows(EVENTS, [there], names=names).find(events(rows, shop="B")).any()
    assert KnownRows(EVENTS, [there], names=names).find(events(rows, shop="A", more=1)).all()
    assert KnownRows(EVENTS, [there], names=names).find(events(rows)).all()


def test_an_event_with_a_name_is_known_by_it():
    rows, others = [("view", "a", "u", 1.0, 0)], [("view", "a", "v", 2.0, 0)]
    known = KnownRows(EVENTS, [events(rows, event_id="e1")])
    assert known.find(events(others, event_id="e1")).all()
    known.accept()
    assert not known.find(events([("view", "b", "u", 1.0, 0)], event_id="e1")).any(), "other files count from 1 as well"
    known.accept()
    assert not known.find(events(rows, event_id="e2")).any()
    known.accept()
    assert not known.find(events(rows)).any()


def users(rows: list[tuple[str, str | None]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={"user_id": pl.String, "tags": pl.String}, orient="row")
    return frame.with_columns(source_id=pl.lit("s"), source_file=pl.lit("f"), source_line=pl.lit(1, pl.Int64))


USER_ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([None, "", "x"])), max_size=15)


@settings(deadline=None)
@given(USER_ROWS, USER_ROWS, PARTS)
def test_of_a_key_the_first_row_counts(first, second, parts):
    known = KnownKeys(USERS, [])
    table: dict[str, str | None] = {}
    for name, source in (("a", first), ("b", second)):
        before, asked, want = dict(table), set(), []
        for key, content in source:
            same = key in before and before[key] == content and key not in asked
            want.append((same, key in table and not same, False))
            asked |= {key} if same else set()
            table.setdefault(key, content)
        rows = users(source).with_columns(source_id=pl.lit(name))
        found = [found for part in cut(rows, parts) for found in zip(*known.find(part), strict=True)]
        assert found == want


@settings(deadline=None)
@given(st.lists(USER_ROWS, max_size=5), PARTS)
def test_of_a_key_the_first_row_of_the_newest_source_counts(sources, parts):
    known = KnownKeys(USERS, [])
    table: dict[str, str | None] = {}
    for name, source in enumerate(sources):
        asked, want = set(), []
        for key, content in source:
            first = key not in asked
            same = first and key in table and table[key] == content
            want.append((same, not first, first and key in table and not same))
            asked.add(key)
            if first:
                table[key] = content
        rows = users(source).with_columns(source_id=pl.lit(str(name)))
        found = [found for part in cut(rows, parts) for found in zip(*known.find(part, newer=True), strict=True)]
        assert found == want


@settings(deadline=None)
@given(USER_ROWS)
def test_keys_of_the_table_are_known_from_the_start(rows):
    table = dict(rows)
    known = KnownKeys(USERS, cut(users(list(table.items())), 2))
    found = known.find(users(list(table.items())).with_columns(source_id=pl.lit("another")))
    assert found.known.all()
    assert not found.clash.any()
    assert known.find(users(list(table.items()))).clash.all(), "its own rows are no copies"


@pytest.mark.parametrize("kind", [KnownRows, KnownKeys])
def test_nothing_is_known_of_nothing(kind):
    schema = EVENTS if kind is KnownRows else USERS
    frame = events([]) if kind is KnownRows else users([])
    assert not np.any(kind(schema, []).find(frame))


@settings(deadline=None)
@given(ROWS, ROWS, ROWS)
def test_files_of_one_source_with_other_columns_use_up_the_same_rows(there, first, second):
    """However they tell what they know, all files together find each row of the table once."""
    table = events(there, session_id="x").with_columns(source_id=pl.lit("t"))
    known = KnownRows(EVENTS, [table])
    hits = [*zip(first, known.find(events(first)), strict=True)]
    hits += zip(second, known.find(events(second, session_id="x")), strict=True)
    found = Counter(row for row, hit in hits if hit)
    assert found == Counter(there) & (Counter(first) + Counter(second))


def test_a_session_that_only_a_later_file_tells_counts():
    row = [("view", "a", "u", None, 0)]
    table = events(row, session_id="x").with_columns(source_id=pl.lit("t"))
    known = KnownRows(EVENTS, [table])
    assert not known.find(events([("view", "b", "u", None, 0)])).any()
    assert not known.find(events(row, session_id="y")).any()
    assert known.find(events(row, session_id="x")).all()


@settings(deadline=None)
@given(ROWS, ROWS)
def test_a_source_is_known_whole_after_its_columns_have_changed(first, second):
    table = [events([]).with_columns(source_id=pl.lit("t"))]
    known = KnownRows(EVENTS, table)
    for part in (events(first), events(second, session_id="x")):
        new = part.filter(pl.Series(~known.find(part), dtype=pl.Boolean))
        table.append(new)
    known.accept()
    later = events([*first, *second]).with_columns(source_id=pl.lit("later"))
    assert known.find(later).all()


@pytest.mark.parametrize("name", ["session_id", "till"])
def test_of_equal_rows_the_one_that_was_found_is_used_up(name):
    row = ("view", "a", "u", None, 0)
    table = events([row, row]).with_columns(
        pl.Series(name, ["L", "M"]), size=pl.Series(["x", "y"]), source_id=pl.lit("t")
    )
    known = KnownRows(EVENTS, [table], lambda: ["till", "size"])
    first, second = events([row], size="y"), events([row], size="x", **{name: "L"})
    assert known.find(first).all()
    assert known.find(second).all()
    assert not known.find(events([row])).any()

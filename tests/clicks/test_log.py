"""Click logs from columns: what is kept, what is refused, and how lists are split."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.clicks import ClickLog
from evenshelf.clicks.log import RANK_TAKEN
from evenshelf.errors import InputError

ROWS = st.lists(
    st.tuples(
        st.integers(0, 4), st.sampled_from(["tv", "radio"]), st.integers(1, 5), st.sampled_from("abc"), st.booleans()
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[:3],
)


def frame(rows):
    return pl.DataFrame(rows, schema=["list", "query", "rank", "item", "clicked"], orient="row")


def told(log: ClickLog) -> list[tuple]:
    """Each list as its query and its rows."""
    names = zip(log.listing, log.query, log.rank, log.item, log.clicked, strict=True)
    return [(int(n), log.queries[q], int(r), log.items[i], bool(c)) for n, q, r, i, c in names]


@given(ROWS, st.randoms())
def test_every_row_is_kept_in_lists_by_rank_whatever_the_order_of_the_rows_is(rows, random) -> None:
    log = ClickLog.of_frame(frame(rows))
    assert sorted((q, r, i, c) for _, q, r, i, c in told(log)) == sorted(row[1:] for row in rows)
    assert log.lists == len({row[:2] for row in rows})
    assert (np.diff(log.listing * 10 + log.rank) > 0).all(), "lists one after another, ranks ascending"
    assert not log.left_out
    mixed = rows.copy()
    random.shuffle(mixed)
    assert told(ClickLog.of_frame(frame(mixed))) == told(log)


@given(ROWS)
def test_rows_by_depth_are_all_rows_and_each_stands_right_below_one_of_the_depth_before(rows) -> None:
    log = ClickLog.of_frame(frame(rows))
    depths = list(log.by_depth())
    assert sorted(np.concatenate(depths).tolist()) == list(range(len(log)))
    assert depths[0].tolist() == log.start[:-1].tolist()
    for above, below in pairwise(depths):
        assert set(below - 1) <= set(above)


@given(ROWS, st.integers(0, 5), st.floats(0.1, 0.9))
def test_a_split_is_of_whole_lists(rows, seed: int, share: float) -> None:
    log = ClickLog.of_frame(frame(rows))
    if log.lists < 2:
        with pytest.raises(InputError, match="cannot be split"):
            log.split(share, seed=seed)
        return
    parts = log.split(share, seed=seed)
    assert sum(part.lists for part in parts) == log.lists
    lists = [[row[1:] for row in told(part) if row[0] == n] for part in parts for n in range(part.lists)]
    assert sorted(lists) == sorted([row[1:] for row in told(log) if row[0] == n] for n in range(log.lists))
    assert all(part.items == log.items for part in parts)


def test_of_two_rows_at_one_rank_the_first_is_kept_and_the_other_counted() -> None:
    log = ClickLog.of([1, 1, 1], ["q"] * 3, [1, 2, 1], ["a", "b", "c"], [0, 1, 1])
    assert told(log) == [(0, "q", 1, "a", False), (0, "q", 2, "b", True)]
    assert log.left_out == {RANK_TAKEN: 1}


def test_one_session_with_two_queries_has_two_lists_and_ranks_may_begin_at_0() -> None:
    log = ClickLog.of(["s"] * 3, ["tv", "radio", "tv"], [0, 0, 1], [7, 8, 9], ["False", "true", "1"], first=0)
    assert told(log) == [(0, "radio", 1, "8", True), (1, "tv", 1, "7", False), (1, "tv", 2, "9", True)]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("rank", 0, "row 2, column 'rank': 0 is not a whole number from 1 up"),
        ("rank", 1.5, "row 2, column 'rank': 1.5 is not"),
        ("rank", float("nan"), "row 2, column 'rank': nan is not"),
        ("rank", None, "row 2, column 'rank': None is empty"),
        ("item", None, "row 2, column 'item': None is empty"),
        ("list", None, "row 2, column 'list': None is empty"),
        ("clicked", 2, "row 2, column 'clicked': 2 is neither 0 nor 1"),
    ],
)
def test_what_cannot_be_used_is_named_by_row_and_column(column: str, value: object, says: str) -> None:
    columns = {"list": [1, 1], "query": ["q", "q"], "rank": [1, 2], "item": ["a", "b"], "clicked": [0, 1]}
    columns[column] = [columns[column][0], value]
    with pytest.raises(InputError, match=says):
        ClickLog.of_frame(pl.DataFrame(columns, strict=False))


def test_missing_columns_no_rows_and_uneven_columns_are_refused() -> None:
    with pytest.raises(InputError, match="no column 'clicked'"):
        ClickLog.of_frame(pl.DataFrame({"list": [1], "query": ["q"], "rank": [1], "item": ["a"]}))
    with pytest.raises(InputError, match="no row"):
        ClickLog.of([], [], [], [], [])
    with pytest.raises(InputError, match="differ in length"):
        ClickLog.of([1], ["q"], [1, 2], ["a"], [0])

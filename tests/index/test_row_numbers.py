"""Rows of items that come and go, and of a frame that grows, are those of a plain dictionary and a plain frame."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.index.row_numbers import RowNumbers
from evenshelf.index.view import appended

_changes = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.none() | st.integers(0, 99), max_size=4), max_size=5)


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 99)), _changes)
def test_changes_leave_what_a_dictionary_would_hold_and_older_values_as_they_are(first, changes):
    plain = dict(first)
    values = [(RowNumbers(first), dict(plain))]
    for change in changes:
        plain.update({item: row for item, row in change.items() if row is not None})
        for item in [item for item, row in change.items() if row is None]:
            plain.pop(item, None)
        values.append((values[-1][0].changed(change), dict(plain)))
    for rows, expected in values:
        assert {item: rows.get(item) for item in "abcdef" if item in rows} == expected
        for item in set("abcdef") - set(expected):
            with pytest.raises(KeyError):
                rows[item]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_a_frame_grows_without_falling_into_many_parts(sizes):
    start = 0
    parts = []
    for size in sizes:
        parts.append(pl.DataFrame({"a": range(start, start + size), "b": [str(n % 7) for n in range(size)]}))
        start += size
    grown = parts[0]
    for part in parts[1:]:
        grown = appended(grown, part)
        assert grown.n_chunks() <= grown.height.bit_length() + 1
    assert grown.equals(pl.concat(parts))
    more = appended(grown, pl.DataFrame({"a": [1.5], "c": [True]}))
    assert more.rows()[-1] == (1.5, None, True)
    assert more["c"].null_count() == grown.height

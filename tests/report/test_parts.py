"""Pieces of reports: numbers, notes, charts as SVG."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.report.class_charts import long_tail
from evenshelf.report.numbers import merged, number, p_value, span
from evenshelf.report.page import prose
from evenshelf.report.svg import ROLES, themed
from evenshelf.shop import Imbalance
from tests.report.reading import read


def test_numbers():
    assert [number(v) for v in (0.8123, 1.0, 0.0, float("nan"))] == [".812", "1.000", ".000", "n/a"]
    assert (span(3, 3), span(1, 1200)) == ("3", "1 – 1,200")
    assert prose("34% or 5 % of 7") == "34\u00a0% or 5\u00a0% of 7"


def test_no_p_value_is_zero():
    assert [p_value(p) for p in (1.0, 0.0124, 0.001, 0.00099, 0.0, float("nan"))] == [
        "1.000",
        ".012",
        ".001",
        "< .001",
        "< .001",
        "–",
    ]


def test_notes_are_merged_by_their_words():
    notes = ["1,002 of 8 rows dropped", "998 of 8 rows dropped", "k = 0.5", "nothing", "k = 0.25", "nothing"]
    assert merged(notes) == ["998 – 1,002 of 8 rows dropped", "k = 0.25 – 0.5", "nothing"]
    assert merged([]) == []


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=8))
def test_a_merged_note_spans_its_numbers(values):
    (note,) = merged(f"{v:,} rows" for v in values)
    low, high = f"{min(values):,}", f"{max(values):,}"
    assert note == (f"{low} rows" if low == high else f"{low} – {high} rows")


@pytest.mark.parametrize("name", ["a > b", 'x" onload="y', "1.23456 mm role=\"z\" aria-x='1'", "<&>", "Übergröße 靴子"])
def test_a_name_in_a_chart_stays_whole(name):
    figure = long_tail(Imbalance.from_counts({name: 30, "other": 3}))
    for svg in (figure.wide, figure.narrow):
        tree = read(svg)
        assert any(t.children == [f"{name}: 30 (head)"] for t in tree.all("title"))
        assert not [e for e in tree.elements() if any(a.startswith("on") for a in e.attributes)]


def test_charts_are_drawn_in_the_colours_of_the_page_and_refer_to_nothing():
    figure = long_tail(Imbalance.from_counts({str(i): 1 + 900 // (i + 1) for i in range(50)}))
    for svg in (figure.wide, figure.narrow):
        assert not [colour for colour in ROLES.values() if colour in svg]
        assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(|url\(|\bid=", svg)
        assert "var(--accent)" in svg
    assert "50 classes" in figure.alt


def test_labels_of_two_lines_are_centred():
    text = '<text text-anchor="end" transform="translate(-6,40)"><tspan>a</tspan><tspan x="0" dy="14">b</tspan></text>'
    assert 'translate(-6,33)"' in themed(text)

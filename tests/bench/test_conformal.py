"""``python -m bench.conformal`` on made-up titles, and its parts: what stands in its table is what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bench.conformal import ALPHAS, OURS, PEER, SHOWN, arguments, main
from bench.coverage import LEAST, Held, intervals, middle, one_threshold, too_low
from bench.render import markdown
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.fixture(scope="module")
def report(tmp_path_factory, cache_folder):
    path = tmp_path_factory.mktemp("conformal") / "conformal.json"
    assert main(["--quick", "--rows", "300", "--splits", "2", "--json", str(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_both_sides_stand_beside_each_other_at_every_alpha(report):
    (table,) = report["tables"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert [(row["alpha"], row["thresholds"]) for row in rows] == [(a, who) for a in ALPHAS for who in (OURS, PEER)]
    for ours, theirs in zip(rows[::2], rows[1::2], strict=True):
        assert theirs["more_tail"] is None
        assert ours["covered_rare"][0] >= theirs["covered_rare"][0]
        for row in (ours, theirs):
            value, low, high = row["covered"]
            assert 0 <= low <= value <= high <= 1
            assert abs(value - (1 - row["alpha"])) < 0.15, "about as often as was asked for"
    for name in ("covered", "set_size"):
        values = [row[name][0] for row in rows if row["thresholds"] == OURS]
        assert values == sorted(values, reverse=True), "who may be wrong more often says less"
    assert len(markdown(table["columns"], table["rows"], "zh").splitlines()) == len(rows) + 2


def test_figures_are_those_of_the_table(report):
    (table,) = report["tables"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    ours, theirs = (next(r for r in rows if (r["alpha"], r["thresholds"]) == (SHOWN, who)) for who in (OURS, PEER))
    assert report["figures"]
    for figure in report["figures"]:
        name = figure["name"].removesuffix("_simulated")
        assert (figure["value"], figure["peer_value"]) == (ours[name][0], theirs[name][0])
        better = figure["value"] / figure["peer_value"]
        assert figure["ratio"] == pytest.approx(better if figure["better"] == "higher" else 1 / better)


def test_the_same_seed_gives_the_same_numbers(report, tmp_path):
    assert main(["--quick", "--rows", "300", "--splits", "2", "--json", str(tmp_path / "again.json")]) == 0
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert again["tables"] == report["tables"]


def test_all_is_measured_unless_it_is_to_be_quick():
    asked = arguments([])
    assert (asked.data, asked.rows) == (("fashion", "zh"), None)
    assert arguments(["--rows", "500"]).rows == 500


@given(st.integers(1, 60), st.sampled_from([0.05, 0.1, 0.3]), st.integers(0, 1000))
def test_one_threshold_covers_a_new_row_of_the_same_kind(n, alpha, seed):
    """Of n + 1 exchangeable rows each is the new one as often: the mean over all of them is the coverage."""
    values = np.random.default_rng(seed).random(n + 1).astype(np.float32)
    hit = [values[i] >= np.float32(one_threshold(np.delete(values, i), alpha)) for i in range(n + 1)]
    assert np.mean(hit) >= 1 - alpha - 1e-9
    assert np.mean(hit) <= 1 - alpha + 1 / (n + 1) + 1e-9


@given(st.integers(1, 40), st.integers(0, 1000))
def test_intervals_hold_the_mean_and_do_not_shrink_when_titles_are_copied(groups, seed):
    rng = np.random.default_rng(seed)
    value, everything = rng.random(groups), np.ones(groups, bool)
    once = intervals({"a": (value, everything), "none": (value, ~everything)}, np.arange(groups), seed)
    times = 5
    copied = (np.repeat(value, times), np.repeat(everything, times))
    often = intervals({"a": copied}, np.repeat(np.arange(groups), times), seed)
    mean, low, high = once["a"]
    assert mean == pytest.approx(value.mean())
    assert low <= high
    assert often["a"] == pytest.approx(once["a"])
    assert np.isnan(once["none"]).all()


def test_sets_are_judged_by_what_they_hold():
    target = np.repeat([0, 1, 2], [LEAST, LEAST, LEAST - 1])
    held = Held(target, np.arange(len(target)), target == 2)
    sets = np.zeros((len(target), 3), bool)
    sets[:, 0] = True
    hit = held.hits(sets)
    np.testing.assert_array_equal(hit, target == 0)
    assert too_low(hit, target, 0.1) == 0.5, "the third class has too few titles to be looked at"
    assert np.isnan(too_low(hit[-3:], target[-3:], 0.1))


def test_the_middle_of_splits_leaves_out_what_is_not_known():
    nan = float("nan")
    assert middle([(0.1, 0.0, 0.4), (0.3, 0.2, 0.6), (nan, nan, nan), (0.5, 0.1, 0.5)]) == [0.3, 0.1, 0.5]
    assert middle([(nan,)]) is None

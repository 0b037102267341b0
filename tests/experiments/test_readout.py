"""Readouts of logs whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from evenshelf.errors import InputError, SettingError
from evenshelf.experiments.lines import unit_values
from evenshelf.experiments.metrics import MEASURES, WHOLE, metric
from evenshelf.experiments.placebos import placebo
from evenshelf.experiments.reading_out import readout
from evenshelf.experiments.units import GROUPS, column, item_groups, measure_units
from evenshelf.shop import Shop, simulate
from tests.experiments.logs import ITEMS, START, events, experiment, exposures

ONE = experiment(
    metrics=("conversion", "revenue_per_session"), guardrails={"purchases_per_unit": 0.2}, overrides={"u0": "new"}
)


@pytest.fixture(scope="module")
def shown():
    return exposures(ONE, 1600)


@pytest.fixture(scope="module")
def log(shown):
    return events(shown, lift=0.15, tail_lift=0.35)


@pytest.fixture(scope="module")
def found(shown, log):
    return readout(ONE, shown, log, ITEMS)


def test_what_was_planted_is_found_in_all_and_in_head_and_tail(found):
    line = found.primary[0]
    assert line.significant(0.05)
    assert line.better
    assert found.decision("new") == "ship"
    parts = {cut.items: cut.effect for cut in found.by_items if cut.metric.name == "ctr"}
    for group, lift in (("head", 0.15), ("tail", 0.5)):
        one = parts[group]
        assert abs(np.log1p(one.relative) - np.log1p(lift)) < 4 * one.log_error, group
    assert parts["tail"].relative > parts["head"].relative
    assert {cut.users for cut in found.by_users} >= {"head", "torso", "tail"}


def test_users_are_adjusted_by_what_they_did_before(shown, log, found):
    plain = readout(ONE, shown, log, ITEMS, before=0)
    assert plain.primary[0].effect.saved == 0
    assert found.primary[0].effect.saved > 0.3
    assert found.primary[0].effect.error < 0.85 * plain.primary[0].effect.error
    assert found.primary[0].unadjusted == pytest.approx(
        (plain.primary[0].effect.control, plain.primary[0].effect.variant)
    )


def test_nothing_planted_is_nothing_found(shown):
    nothing = readout(ONE, shown, events(shown, seed=8), ITEMS)
    assert not any(line.significant(0.01) for line in nothing.lines)
    assert nothing.decision("new") in ("wait", "no difference")


def test_testers_and_units_with_two_variants_are_left_out_and_told(shown, log):
    other = shown.filter(pl.col("unit") == "u1").with_columns(
        variant=pl.when(pl.col("variant") == "new").then(pl.lit("old")).otherwise(pl.lit("new")),
        time=pl.col("time") + timedelta(hours=1),
    )
    twice = readout(ONE, pl.concat([shown, other]), log, ITEMS)
    assert sum(twice.ratio.units.values()) == shown["unit"].n_unique() - 2
    assert any("1 testers" in note for note in twice.notes)
    assert any("1 units saw several variants" in note for note in twice.notes)


def test_only_the_first_exposure_counts(shown, log, found):
    later = shown.with_columns(pl.col("time") + timedelta(days=2))
    assert readout(ONE, pl.concat([later, shown]), log, ITEMS).lines == found.lines


def test_a_lost_tenth_of_a_variant_is_a_mismatch_and_nothing_is_trusted(shown, log):
    rng = np.random.default_rng(0)
    lost = (shown["variant"] == "new").to_numpy() & (rng.random(shown.height) < 0.25)
    bad = readout(ONE, shown.filter(~pl.Series(lost)), log, ITEMS)
    assert bad.ratio.mismatch
    assert bad.decision("new") == "distrust"


def test_another_salt_than_that_of_the_service_is_told(shown, log):
    other = readout(replace(ONE, salt="other"), shown, log, ITEMS)
    assert any("another variant than the hash" in note for note in other.notes)


def test_what_comes_after_the_end_does_not_count(shown, log):
    ends = START + timedelta(days=10)
    one = replace(ONE, ends=ends)
    whole = readout(one, shown, log, ITEMS)
    cut = readout(one, shown.filter(pl.col("time") < ends), log.filter(pl.col("time") < ends), ITEMS)
    assert whole.lines == cut.lines
    assert whole.last == ends


def test_guardrails_are_kept_broken_or_not_known(shown):
    for lift, guard, state, decision in (
        (0.2, {"purchases_per_unit": 0.2}, "kept", "ship"),
        (-0.6, {"purchases_per_unit": 0.05}, "broken", "stop"),
        (0.0, {"purchases_per_unit": 0.001}, "unknown", None),
    ):
        told = readout(replace(ONE, guardrails=guard), shown, events(shown, lift=lift), ITEMS)
        assert told.guardrails[0].state == state
        assert decision in (None, told.decision("new"))


def test_a_guardrail_of_which_less_is_better_is_broken_by_more(shown, log):
    back = log.filter(
        (pl.col("kind") == "purchase") & pl.col("user_id").is_in(shown.filter(variant="new")["unit"].to_list())
    )
    returns = pl.concat([log, back.with_columns(kind=pl.lit("return"))])
    some = log.filter(pl.col("kind") == "purchase").gather_every(4).with_columns(kind=pl.lit("return"))
    told = readout(replace(ONE, guardrails={"return_rate": 0.1}), shown, pl.concat([returns, some]), ITEMS)
    assert told.guardrails[0].state == "broken"


def test_power_and_time_left_are_told_and_shrink(shown, log):
    half = shown.filter(pl.col("time") < START + timedelta(days=7))
    one = replace(ONE, effect=0.04)
    early = readout(one, half, log.filter(pl.col("time") < START + timedelta(days=7)), ITEMS).remaining[0]
    late = readout(one, shown, log, ITEMS).remaining[0]
    assert early.power.detectable > late.power.detectable
    assert early.days > 0
    assert early.daily == pytest.approx(half.height / 7, rel=0.1)


def test_it_can_be_written_as_json(found):
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["decisions"] == {"new": "ship"}
    assert len(told["by_items"]) == len(found.by_items)


def test_sequential_intervals_hold_the_others(shown, log, found):
    always = readout(ONE, shown, log, ITEMS, sequential=True)
    for line, one in zip(always.lines, found.lines, strict=True):
        assert line.effect.low < one.effect.low
        assert line.effect.high > one.effect.high
        assert line.effect.difference == one.effect.difference


def test_sessions_have_no_time_before(log):
    one = experiment(unit="session")
    rows = log.filter(pl.col("session_id").is_not_null()).group_by("session_id").agg(pl.col("time").min())
    served = rows.select(
        experiment=pl.lit(one.name),
        variant=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("old")).otherwise(pl.lit("new")),
        unit="session_id",
        time="time",
    )
    told = readout(one, served, log, ITEMS)
    assert told.by_users == ()
    assert any("Sessions have no time before" in note for note in told.notes)


def test_groups_of_items_add_up_to_all(shown, log):
    units = measure_units(shown.select("unit", "variant", "time"), log, ITEMS, measures=list(MEASURES), before=28).frame
    for measure in MEASURES:
        if measure in (*WHOLE, "buyers"):
            continue
        for before in (False, True):
            parts = units.select(pl.sum_horizontal(column(measure, group, before=before) for group in GROUPS))
            assert np.allclose(parts.to_series(), units[column(measure, before=before)]), measure


def test_measures_are_what_a_count_of_the_events_of_a_unit_says(shown, log):
    units = measure_units(shown.select("unit", "variant", "time"), log, ITEMS, measures=list(MEASURES), before=3)
    row = units.frame.sort("revenue").row(-1, named=True)
    own = log.filter(pl.col("user_id") == row["unit"])
    for before, part in (
        (False, own.filter(pl.col("time") >= row["time"])),
        (True, own.filter(pl.col("time") < row["time"], pl.col("time") >= row["time"] - timedelta(days=3))),
    ):
        bought = part.filter(pl.col("kind") == "purchase")
        expected = {
            "impressions": part.filter(pl.col("kind") == "impression").height,
            "clicks": part.filter(pl.col("kind") == "click").height,
            "purchases": bought.height,
            "revenue": (bought["value"] * bought["price"]).sum(),
            "buyers": float(bought.height > 0),
            "sessions": part["session_id"].n_unique(),
        }
        assert {m: row[column(m, before=before)] for m in expected} == pytest.approx(expected)


def test_clicks_are_read_from_impressions_where_no_event_tells_them(shown, log):
    impressions = log.filter(pl.col("kind") == "impression").with_columns(value=pl.lit(1.0))
    told = readout(experiment(), shown, impressions, ITEMS)
    assert told.primary[0].effect.control == 1
    assert any("impressions whose value is 1" in note for note in told.notes)


def test_items_are_cut_by_what_people_chose_before(log):
    groups = item_groups(log, [*ITEMS, "never"], START)
    assert dict(groups.iter_rows())["never"] == "cold"
    assert dict(groups.iter_rows())[ITEMS[0]] == "head"
    tail_after = log.with_columns(item_id=pl.when(pl.col("time") >= START).then(pl.lit(ITEMS[-1])).otherwise("item_id"))
    assert item_groups(tail_after, [*ITEMS, "never"], START).equals(groups)


def test_what_does_not_fit_is_refused(shown, log):
    with pytest.raises(InputError, match=r"Nobody was exposed to the experiment 'other'; they are of: tail-first"):
        readout(replace(ONE, name="other"), shown, log, ITEMS)
    with pytest.raises(InputError, match="does not have: newest"):
        readout(ONE, shown.with_columns(variant=pl.lit("newest")), log, ITEMS)
    with pytest.raises(InputError, match="Too few units of new"):
        readout(ONE, shown.filter(pl.col("variant") == "old"), log, ITEMS)
    with pytest.raises(InputError, match="No event names its user"):
        readout(ONE, shown, log.drop("user_id"), ITEMS)
    with pytest.raises(InputError, match="'time'"):
        readout(ONE, shown, log.drop("time"), ITEMS)
    with pytest.raises(SettingError, match="before"):
        readout(ONE, shown, log, ITEMS, before=-1)


def test_on_the_simulated_shop_nothing_against_nothing_is_found_as_often_as_claimed(tmp_path):
    """A/A tests on people who visit when they like and buy seldom, with and without what was before."""
    simulate(tmp_path / "shop", 300, 3, users=500, events=40_000, days=60, pictures=0)
    shop = Shop.open(tmp_path / "shop")
    log = shop.read("events")
    start = log["time"].min() + timedelta(days=30)
    later = log.filter(pl.col("time") >= start, pl.col("user_id").is_not_null())
    exposed = later.group_by("user_id").agg(pl.col("time").min()).sort("user_id")
    exposed = exposed.select(unit="user_id", variant=pl.lit("all"), time="time")
    asked = ("ctr", "conversion", "revenue_per_session")
    needed = sorted({measure for name in asked for measure in metric(name).measures})
    units = measure_units(exposed, log, shop.items()["item_id"].to_list(), measures=needed, before=28)
    for name in asked:
        for before in (False, True):
            told = placebo(unit_values(units.frame, metric(name), before=before), runs=150, seed=11)
            assert told.low < 0.05 < told.high, (name, before, told.rate)


def test_what_is_shown_at_the_very_moment_of_the_exposure_is_after_it(shown):
    served = shown.select("unit", "variant", "time")
    at_once = served.select("time", user_id="unit", session_id="unit", item_id=pl.lit("i0"), kind=pl.lit("impression"))
    units = measure_units(served, at_once, ITEMS, measures=["impressions"], before=28).frame
    assert units["impressions"].to_list() == [1.0] * shown.height
    assert units["impressions:before"].sum() == 0


def test_the_ends_of_a_guardrail_are_one_sided_bounds(shown, log):
    told = readout(replace(ONE, metrics=("purchases_per_unit",)), shown, log, ITEMS)
    (two_sided,) = (line.effect for line in told.lines if line.role == "metric")
    one_sided = told.guardrails[0].line.effect
    assert one_sided.difference == two_sided.difference
    # a bound of level 95 % is 1.645 standard errors away, an interval of level 95 % 1.96
    ratio = (one_sided.high - one_sided.low) / (two_sided.high - two_sided.low)
    assert ratio == pytest.approx(1.645 / 1.96, abs=0.002)


def test_the_primary_metric_is_corrected_for_variants_and_the_others_together():
    one = experiment(variants={"old": 0.4, "new": 0.3, "newer": 0.3}, metrics=("conversion", "carts / units"))
    served = exposures(one, 900)
    told = readout(one, served, events(served, lift=0.1), ITEMS)
    assert [line.variant for line in told.primary] == ["new", "newer"]
    assert set(told.to_dict()["decisions"]) == {"new", "newer"}
    p = sorted(line.effect.p for line in told.primary)
    assert min(line.p_corrected for line in told.primary) == pytest.approx(min(1, 2 * p[0]))
    # nobody puts anything into the cart, so two comparisons of the four are none
    others = [line for line in told.lines if line.role == "metric" and line.metric.name == "conversion"]
    assert min(line.p_corrected for line in others) == pytest.approx(min(1, 2 * min(line.effect.p for line in others)))
    plain = readout(one, served, events(served, lift=0.1), ITEMS, correction="none")
    assert all(line.p_corrected == line.effect.p for line in plain.primary)


def test_a_change_of_both_signs_is_good_or_bad_by_the_metric(shown):
    worse = readout(replace(ONE, guardrails={}), shown, events(shown, lift=-0.5), ITEMS)
    assert not worse.primary[0].better
    assert worse.decision("new") == "stop"

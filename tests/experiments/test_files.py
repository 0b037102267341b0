"""Experiments and exposures in files: what is written is read again, and all faults are told at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.experiments import (
    Experiment,
    experiment_dict,
    experiment_of,
    experiment_text,
    metric,
    read_experiment,
    read_exposures,
    write_experiment,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}", fullmatch=True)


@st.composite
def experiments(draw):
    variants = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    weights = draw(st.lists(st.integers(1, 9), min_size=len(variants), max_size=len(variants)))
    shares = {name: weight / sum(weights) for name, weight in zip(variants, weights, strict=True)}
    ramp = draw(st.lists(st.floats(0.01, 0.5), min_size=1, max_size=3).map(sorted))
    steps = tuple((NOW + k * timedelta(days=1), share) for k, share in enumerate(ramp))
    return Experiment(
        draw(names),
        shares,
        draw(st.sampled_from(variants)),
        draw(st.sampled_from(["ctr", "revenue / units"])),
        unit=draw(st.sampled_from(["user", "session"])),
        traffic=draw(st.sampled_from([steps, ramp[0]])),
        layer=draw(st.sampled_from(["", "a b"])),
        offset=draw(st.floats(0, 0.5)),
        ends=draw(st.sampled_from([None, NOW + timedelta(days=30)])),
        overrides=draw(st.dictionaries(st.text(max_size=5), st.sampled_from(variants), max_size=2)),
        metrics=draw(st.sampled_from([(), ("conversion", "returns / pieces")])),
        guardrails=draw(st.sampled_from([{}, {"purchases / sessions": 0.02}])),
    )


@given(experiments())
def test_what_is_written_is_read_again(tmp_path_factory, one):
    path = write_experiment(one, tmp_path_factory.getbasetemp() / "experiment.toml")
    assert read_experiment(path) == one
    assert experiment_of(json.loads(json.dumps(experiment_dict(one)))) == one
    assert "effect" not in experiment_text(one), "what is usual is left out"


def test_every_fault_is_told_at_once():
    with pytest.raises(SettingError) as told:
        Experiment(
            "a name",
            {"old": 0.5, "new": 0.7},
            "none",
            "ctrr",
            unit="shop",  # type: ignore[arg-type]
            traffic=((NOW, 0.5), (NOW + timedelta(1), 0.4)),
            overrides={"ann": "newest"},
            guardrails={"conversion": 2.0},
            starts=NOW,
            ends=NOW - timedelta(1),
            alpha=0.9,
        )
    for part in (
        "letters, digits",
        "add up to 1.2",
        "'none' is none of its variants",
        "did you mean ctr",
        "user or session",
        "traffic falls",
        "newest",
        "'conversion' allows 2",
        "ends before it starts",
        "alpha is 0.9",
    ):
        assert part in told.value.message


def test_every_fault_of_a_file_is_told_at_once(tmp_path):
    path = tmp_path / "e.toml"
    path.write_text('name = 3\nvarants = {}\ntraffic = [{from = "now", share = 1}]\n', encoding="utf-8")
    with pytest.raises(SettingError) as told:
        read_experiment(path)
    for part in (
        "e.toml",
        "name must be a text",
        "'varants' (did you mean variants or",
        "'primary' is missing",
        "step 1",
    ):
        assert part in told.value.message
    path.write_text("name = ", encoding="utf-8")
    with pytest.raises(InputError, match="no TOML"):
        read_experiment(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_experiment(tmp_path / "none.toml")


def test_a_date_is_its_first_moment_in_utc():
    content = {"name": "x", "variants": {"a": 0.5, "b": 0.5}, "control": "a", "primary": "ctr"}
    one = experiment_of(content | {"starts": NOW.date()})
    assert one.starts == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_exposures_are_read_from_both_kinds_of_files(tmp_path, ending):
    frame = pl.DataFrame(
        {
            "experiment": ["x"],
            "variant": ["a"],
            "unit": ["007"],
            "time": [NOW.isoformat() if ending == "csv" else NOW],
            "more": [1],
        }
    )
    path = tmp_path / f"exposures.{ending}"
    getattr(frame, f"write_{ending}")(path)
    (row,) = read_exposures(path).to_dicts()
    assert row == {"experiment": "x", "variant": "a", "unit": "007", "time": NOW, "propensity": None}


def test_exposures_that_do_not_fit_are_refused_with_every_reason(tmp_path):
    path = tmp_path / "exposures.csv"
    path.write_text("experiment,variant,units,time\nx,a,u,1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"'unit' is missing \(did you mean units\?\)"):
        read_exposures(path)
    path.write_text("experiment,variant,unit,time\nx,a,u,yesterday\nx,,u,2026-01-01T00:00:00Z\n", encoding="utf-8")
    with pytest.raises(InputError, match="'variant' has 1 empty cells") as told:
        read_exposures(path)
    assert "1 cells of 'time' cannot be read" in told.value.message


def test_two_measures_are_a_metric_and_known_ones_keep_their_name():
    assert metric("clicks/impressions") is metric("ctr")
    assert metric("returns / sessions").better == "less"
    with pytest.raises(SettingError, match="did you mean clicks"):
        metric("click / impressions")
    with pytest.raises(SettingError, match="by itself"):
        metric("clicks / clicks")

"""The commands plan, assign and report of experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evenshelf.cli import main
from evenshelf.experiments import Experiment, experiment_text, plan, read_experiment, write_experiment
from evenshelf.shop import Shop, simulate
from tests.experiments.logs import ITEMS, events, experiment, exposures
from tests.report.reading import read

ONE = experiment(metrics=("conversion",), guardrails={"purchases_per_unit": 0.2})


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(arg) for arg in args])
    return int(end.value.code or 0)


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with an experiment that found something, its file and its exposures."""
    folder = tmp_path_factory.mktemp("experiment")
    shown = exposures(ONE, 800)
    items = pl.DataFrame({"item_id": ITEMS, "title": [f"Item {name}" for name in ITEMS]})
    Shop.create(folder / "shop").commit({"items": items, "events": events(shown, lift=0.3)})
    write_experiment(ONE, folder / "one.toml")
    shown.write_parquet(folder / "exposures.parquet")
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "shop"
    simulate(folder, 200, 5, users=300, events=20_000, days=60, pictures=0)
    return folder


def test_a_readout_is_told_as_json_as_a_table_and_as_a_page(folder, capsys):
    files = (folder / "shop", folder / "one.toml", folder / "exposures.parquet")
    assert run("experiment", "report", *files, "--json", "--html", folder / "readout.html") == 0
    found = told(capsys)
    assert found["decisions"] == {"new": "ship"}
    assert {line["items"] for line in found["by_items"]} >= {"head", "torso", "tail"}
    assert run("experiment", "report", *files) == 0
    shown = capsys.readouterr().out
    assert found["headline"] in shown
    page = read((folder / "readout.html").read_text(encoding="utf-8"))
    assert found["headline"] in page.text.replace("\u00a0", " ")
    (all_lines,) = [page.by_id("lines-1")]
    assert all_lines is not None
    assert len(all_lines.all("tr")) == 1 + len(found["lines"])


def test_a_sequential_readout_is_wider(folder, capsys):
    files = (folder / "shop", folder / "one.toml", folder / "exposures.parquet")
    widths = []
    for more in ((), ("--sequential",)):
        assert run("experiment", "report", *files, "--json", *more) == 0
        line = told(capsys)["lines"][0]
        widths.append(line["high"] - line["low"])
    assert widths[1] > widths[0]


def test_a_page_escapes_names(folder, tmp_path, capsys):
    one = Experiment(
        ONE.name, {"old": 0.5, "new": 0.5}, "old", "ctr", layer="<script>", metrics=("returns / sessions",)
    )
    write_experiment(one, tmp_path / "one.toml")
    out = tmp_path / "readout.html"
    assert (
        run("experiment", "report", folder / "shop", tmp_path / "one.toml", folder / "exposures.parquet", "--html", out)
        == 0
    )
    assert "<script" not in out.read_text(encoding="utf-8")
    capsys.readouterr()


def test_units_get_what_the_library_says(folder, tmp_path, capsys):
    (tmp_path / "users.txt").write_text("u1\n\nu2\n", encoding="utf-8")
    command = ("experiment", "assign", folder / "one.toml", "--unit", "u0", "--file", tmp_path / "users.txt", "--json")
    assert run(*command, "--at", "2026-03-02T00:00:00Z") == 0
    found = told(capsys)
    assert [one["unit"] for one in found["units"]] == ["u0", "u1", "u2"]
    shown = dict(pl.read_parquet(folder / "exposures.parquet").select("unit", "variant").iter_rows())
    for one in found["units"]:
        assert one["experiments"][ONE.name]["variant"] == shown[one["unit"]]
    assert run("experiment", "assign", folder / "one.toml") == 2
    assert run("experiment", "assign", folder / "one.toml", "--unit", "u", "--at", "noon") == 2
    assert run("experiment", "assign", folder / "one.toml", folder / "one.toml", "--unit", "u") == 2
    assert "name of two" in capsys.readouterr().err


def test_a_plan_is_told_and_drafts_an_experiment(simulated, tmp_path, capsys):
    draft = tmp_path / "tail-first.toml"
    assert run("experiment", "plan", simulated, "--effect", "20%", "--placebos", 30, "--write", draft, "--json") == 0
    found = told(capsys)
    assert found["effect"] == 0.2
    assert found["placebo"]["runs"] == 30
    units = [one["units"] for one in found["lengths"]]
    assert units == sorted(units)
    detectable = [one["detectable"] for one in found["lengths"]]
    assert detectable[-1] < detectable[0]
    one = read_experiment(draft)
    assert (one.name, one.primary, one.effect) == ("tail-first", "ctr", 0.2)
    assert one.planned == int(found["units"])
    assert run("experiment", "plan", simulated, "--placebos", 0) == 0
    assert "Nobody should wait so long" in capsys.readouterr().out


def test_less_traffic_and_smaller_effects_take_longer(simulated):
    log = Shop.open(simulated).read("events")
    usual = plan(log, "ctr", effect=0.2)
    assert plan(log, "ctr", effect=0.1).days > usual.days
    assert plan(log, "ctr", effect=0.2, traffic=0.3).days > usual.days
    one = plan(log, "ctr", effect=0.9)
    assert not one.extrapolated
    assert one.days in (7, 14, 21)


def test_what_cannot_be_planned_is_refused(simulated, capsys):
    assert run("experiment", "plan", simulated, "--effect", "much") == 2
    assert run("experiment", "plan", simulated, "--metric", "ctrl") == 2
    assert "did you mean ctr" in capsys.readouterr().err
    assert run("experiment", "plan", simulated, "--effect", "-1%", "--traffic", "200%") == 2
    shown = capsys.readouterr().err
    assert "the effect is -0.01" in shown
    assert "the traffic is 2" in shown


def test_help_has_a_whole_experiment_that_can_be_read(tmp_path, capsys):
    assert run("experiment", "plan", "--help") == 0
    shown = capsys.readouterr().out
    lines = [line.strip().removeprefix("│").removesuffix("│").strip() for line in shown.splitlines()]
    start = lines.index('name = "tail-first"')
    end = lines.index("For example:", start)
    (tmp_path / "one.toml").write_text("\n".join(lines[start:end]), encoding="utf-8")
    one = read_experiment(tmp_path / "one.toml")
    assert one.planned == 20000
    assert experiment_text(one)

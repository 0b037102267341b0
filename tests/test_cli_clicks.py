"""The command clicks: what it prints, as JSON and as tables, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from evenshelf import cli
from evenshelf.clicks import click_models, log_of_shop
from evenshelf.shop import Shop, simulate


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return int(caught.value.code or 0)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clicks") / "shop"
    simulate(folder, 200, 5, events=12_000, pictures=0)
    return folder


def test_json_has_the_log_the_bias_and_every_model(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("clicks", shop, "--groups", 5, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    log = log_of_shop(Shop.open(shop))
    assert (told["rows"], told["lists"], told["clicks"]) == (len(log), log.lists, log.clicked.sum())
    assert told["left_out"] == dict(log.left_out)
    ranks = told["position_bias"]["ranks"]
    assert sum(rank["shown"] for rank in ranks) == len(log)
    assert ranks[0]["examination"] == 1
    assert all(rank["low"] <= rank["examination"] <= rank["high"] for rank in ranks)
    comparison = told["comparison"]
    assert {one["model"] for one in comparison["models"]} == set(click_models())
    bits = [one["bits"] for one in comparison["models"]]
    assert bits == sorted(bits)
    assert comparison["best"] == comparison["models"][0]["model"]
    assert any(comparison["use"] in sentence for sentence in told["conclusions"])
    assert run("clicks", shop, "--groups", 5, "--json") == 0
    assert json.loads(capsys.readouterr().out) == told, "the same again"


def test_the_tables_show_ranks_models_and_what_to_use(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("clicks", shop, "--groups", 5, "--models", "rank_rate, position_based") == 0
    shown = capsys.readouterr().out
    for word in ("examination", "bits a row", "position_based", "rank_rate", "rows left out", "Use "):
        assert word in shown
    assert "dbn" not in shown


def test_unknown_models_and_shops_without_lists_are_refused(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("clicks", shop, "--models", "position") == 2
    assert "position_based" in capsys.readouterr().err
    empty = Shop.create(tmp_path / "empty")
    empty.commit({"items": pl.DataFrame({"item_id": ["a"], "title": ["A"]})})
    assert run("clicks", tmp_path / "empty") == 3
    assert "impression" in capsys.readouterr().err


def test_help_says_which_events_are_read_and_what_the_columns_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("clicks", "--help") == 0
    shown = capsys.readouterr().out
    for word in ("impression", "position", "session", "examination", "bits a row", "evenshelf clicks myshop"):
        assert word in shown

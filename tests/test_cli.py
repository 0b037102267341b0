"""The command line: messages, exit codes, JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from evenshelf import cli
from evenshelf.shop import Shop


def run(*args):
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return caught.value.code or 0


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("sku,Name,kind\n1,Red shoe,s\n2,Blue shoe,s\n3,Hat,h\n3,Cap,h\n1,2\n", encoding="utf-8")
    return file


def test_the_whole_line(source, tmp_path, capsys):
    shop = tmp_path / "shop"
    assert run("ingest", shop, source, "--map", "category=kind") == 0
    shown = capsys.readouterr().out
    assert "5 rows in = 3 kept + 2 in quarantine" in " ".join(shown.split())
    assert run("profile", shop) == 0
    assert "Imbalance of category" in capsys.readouterr().out
    assert run("ingest", shop, source, "--map", "category=kind") == 0
    assert "already there, unchanged" in capsys.readouterr().out


def test_json_is_all_there_is_on_standard_output(source, tmp_path, capsys):
    shop = tmp_path / "shop"
    assert run("ingest", shop, source, "--map", "category=kind", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sources"][0]["quarantined"] == {"wrong_field_count": 1, "duplicate_item_id": 1}
    assert run("profile", shop, "--target", "category", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 3
    assert run("simulate", tmp_path / "demo", "--items", 50, "--json") == 0
    assert json.loads(capsys.readouterr().out)["items"] == 50


def test_options_reach_the_library(tmp_path, capsys):
    file = tmp_path / "a.txt"
    file.write_text("7\tshoe\n7\that\n", encoding="utf-8")
    options = ["--columns", "id, title", "--no-header", "--delimiter", "\\t", "--off", "duplicate_item_id"]
    assert run("ingest", tmp_path / "shop", file, *options) == 0
    assert Shop.open(tmp_path / "shop").items()["item_id"].to_list() == ["7", "7#2"]
    assert run("simulate", tmp_path / "s", "--items", 30, "--world", "codes", "--language", "zh", "--seed", 3) == 0
    assert "30 simulated items" in " ".join(capsys.readouterr().out.split())
    assert "seed=3, world=codes, language=zh" in Shop.open(tmp_path / "s").manifest.origin


@pytest.mark.parametrize(
    "case",
    [
        (["profile", "nowhere"], 3, "there is no shop at nowhere"),
        (["ingest", "x", "nowhere.csv"], 3, "there is no file or folder nowhere.csv"),
        (["ingest", "x", "nowhere.csv", "--map", "title"], 2, "--map takes KEY=VALUE, not 'title'"),
        (["simulate", "x", "--items", "0"], 2, "items must be from 1"),
        (["simulate", "x", "--items", "many"], 2, "--items"),
        (["profil"], 2, "profil"),
    ],
)
def test_errors_are_one_message_on_standard_error(case, tmp_path, monkeypatch, capsys):
    args, code, message = case
    monkeypatch.chdir(tmp_path)
    assert run(*args) == code
    shown = capsys.readouterr()
    assert message in " ".join(shown.err.split())
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_text_in_brackets_is_no_markup(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("profile", "[bold]x[/]") == 3
    assert "[bold]x[/]" in capsys.readouterr().err


def test_interrupt(source, tmp_path, monkeypatch, capsys):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("evenshelf.shop.ingest", interrupted)
    assert run("ingest", tmp_path / "shop", source) == 130
    assert "Nothing was lost" in capsys.readouterr().err


def test_version_is_fast_to_ask_for():
    code = (
        "import sys\nfrom evenshelf import cli\n"
        "try:\n    cli.main(['--version'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'polars', 'scipy', 'sklearn', 'torch', 'onnxruntime'} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("evenshelf ")

"""The round of docs/annotation.md runs as it stands there, with people who err now and then."""

from __future__ import annotations

import json
import random
import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from evenshelf.cli import main
from evenshelf.shop import Shop
from tests.docs.blocks import blocks

SHEET = re.compile(r"[\w-]+\.csv")


def fill(file: Path, truth: dict[str, str], wrong: float) -> None:
    """Fill the column label of a sheet, one in so many labels at random."""
    rng, classes = random.Random(file.name), sorted(set(truth.values()))
    sheet = pl.read_csv(file, infer_schema=False)
    labels = [rng.choice(classes) if rng.random() < wrong else truth[item] for item in sheet["item_id"]]
    sheet.with_columns(pl.Series("label", labels, dtype=pl.String)).write_csv(file, include_bom=True)


def test_the_whole_round_runs(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = [b for b in blocks("docs/annotation.md") if b.language == "bash"]
    monkeypatch.chdir(tmp_path)
    truth: dict[str, str] = {}
    listed = []
    for line in block.code.splitlines():
        if line.startswith("#"):
            for name in SHEET.findall(line):
                fill(tmp_path / name, truth, 0.1 if name.startswith("round-") else 0.0)
            continue
        command = shlex.split(line)
        assert command[0] == "evenshelf"
        with pytest.raises(SystemExit) as end:
            main([*command[1:], "--json"])
        shown = capsys.readouterr()
        assert not end.value.code, f"{line}: {shown.err}"
        told = json.loads(shown.out)
        if command[1] == "simulate":
            truth = dict(Shop.open("myshop").items().select("item_id", "category").iter_rows())
        if command[2] == "agreement":
            assert 0.5 < told["alpha"] < 1
        if command[2] == "import":
            assert told["changed"]
            assert not told["refused"]
        if command[2] == "suspects":
            listed.append({row["item_id"] for row in told["rows"]})
    doubtful = set(pl.read_csv(tmp_path / "doubtful.csv", infer_schema=False)["item_id"])
    confirmed = {
        item
        for item, label in Shop.open("myshop").items().select("item_id", "kind").drop_nulls().iter_rows()
        if item in doubtful and label == truth[item]
    }
    assert confirmed
    votes = Shop.open("myshop").read("annotations").group_by("item_id", "label").len()
    settled = set(votes.filter(pl.col("len") >= 3)["item_id"])
    assert settled & doubtful
    assert not settled & listed[1], "what three people say is suspect no more"

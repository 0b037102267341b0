"""The round of docs/bundles.md runs as it stands there."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from evenshelf.cli import main
from tests.docs.blocks import blocks


def test_the_whole_round_runs(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = blocks("docs/bundles.md")
    (block,) = [b for b in page if b.language == "bash"]
    monkeypatch.chdir(tmp_path)
    titles = ["Running Shoe blue size 42", None, "something else altogether"]
    pl.DataFrame({"sku": ["1", "2", "3"], "name": titles}).write_csv(tmp_path / "new.csv")
    told = []
    for line in block.code.splitlines():
        command = shlex.split(line)
        assert command[0] == "evenshelf"
        with pytest.raises(SystemExit) as end:
            main([*command[1:], "--json"])
        shown = capsys.readouterr()
        assert not end.value.code, f"{line}: {shown.err}"
        told.append(json.loads(shown.out))
    trained, said = told[2], told[3]["predictions"]
    assert trained["evidence"]["study"]["headline"] == told[1]["verdict"]["headline"]
    assert "Running Shoe" in said[0]["label"]
    assert said[1]["unsure"]
    assert pl.read_csv(tmp_path / "labelled.csv")["refused"].to_list() == [None, "the title is empty", None]
    (python,) = [b for b in page if b.file == "label.py"]
    done = subprocess.run([sys.executable, "-c", python.code], capture_output=True, text=True, check=True)
    first, second, record = done.stdout.splitlines()
    assert first.startswith(said[0]["label"])
    assert second.endswith(said[1]["unsure"])
    assert trained["remedy"]["spec"] in record


def test_the_round_of_lists_runs(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = blocks("docs/bundles.md")
    (block,) = [b for b in page if b.language == "sh"]
    monkeypatch.chdir(tmp_path)
    told = []
    for line in ["evenshelf simulate myshop --items 120 --language en --pictures 0", *block.code.splitlines()]:
        command = shlex.split(line)
        assert command[0] == "evenshelf"
        with pytest.raises(SystemExit) as end:
            main([*command[1:], "--json"])
        shown = capsys.readouterr()
        assert not end.value.code, f"{line}: {shown.err}"
        told.append(json.loads(shown.out))
    assert told[2]["evidence"]["study"]["headline"] == told[1]["verdict"]["headline"]
    assert told[3]["histories"]
    assert len(told[4]["shown"]) == 5
    assert told[5]["user"] == "U00001"
    (python,) = [b for b in page if b.file == "recommend.py"]
    done = subprocess.run([sys.executable, "-c", python.code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert "('no such item',)" in lines[0]
    assert [line.partition(" ")[0] for line in lines[1:4]] == ["1", "2", "3"]
    assert lines[4] == "2 item_knn logit_adjust(tau=0.5)"

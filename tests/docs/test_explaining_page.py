"""The round of docs/explaining.md runs as it stands there, and its tables name what there is."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from evenshelf.cli import main
from evenshelf.explain import METHODS
from tests.docs.blocks import ROOT, blocks

PAGE = "docs/explaining.md"


def test_the_round_runs(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = [b for b in blocks(PAGE) if b.language == "bash"]
    monkeypatch.chdir(tmp_path)
    told = []
    for line in block.code.splitlines():
        command = shlex.split(line)
        assert command[0] == "evenshelf"
        with pytest.raises(SystemExit) as end:
            main([*command[1:], "--json"])
        shown = capsys.readouterr()
        assert not end.value.code, f"{line}: {shown.err}"
        told.append(json.loads(shown.out))
    whole, words = (document["explanations"][0] for document in told[2:])
    assert "Running Shoe" in whole["label"]
    assert whole["examples"]["supporting"]
    assert whole["remedy"]["steps"][0]["part"] == "nothing"
    assert (words["rival"], words["words"]["method"], words["examples"]) == ("Casual Shoe", "exact", None)
    (python,) = [b for b in blocks(PAGE) if b.file == "explain.py"]
    done = subprocess.run([sys.executable, "-c", python.code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{whole['answer']} rather than {whole['rival']}")
    assert lines[2].startswith(whole["examples"]["supporting"][0]["text"])
    mean, low, high = map(float, re.findall(r"[-\d.e]+", lines[4]))
    assert 0 < low < mean < high


def test_the_table_names_the_methods() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    table = text.partition("## Which words")[2].partition("## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == set(METHODS)

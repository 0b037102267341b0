"""The commands and the code of docs/clicks.md run as they stand there, and its table names the models there are."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evenshelf.cli import main
from evenshelf.clicks import click_models
from tests.docs.blocks import ROOT, blocks

PAGE = "docs/clicks.md"


def test_the_commands_run_and_find_the_model_of_the_simulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = [b for b in blocks(PAGE) if b.language == "bash"]
    monkeypatch.chdir(tmp_path)
    for line in block.code.splitlines():
        command = shlex.split(line)
        assert command[0] == "evenshelf"
        with pytest.raises(SystemExit) as end:
            main([*command[1:], "--json"])
        shown = capsys.readouterr()
        assert not end.value.code, f"{line}: {shown.err}"
    assert json.loads(shown.out)["comparison"]["use"] == "position_based"


def test_the_code_runs_and_its_estimates_are_near_to_what_made_the_log() -> None:
    (block,) = [b for b in blocks(PAGE) if b.language == "python"]
    names: dict[str, Any] = {}
    exec(compile(block.code, f"{block.page}, line {block.line}", "exec"), names)
    assert np.abs(names["bias"].examination - names["examination"]).mean() < 0.03
    assert names["comparison"].use.model.name == "position_based"
    truth = [names["attraction"][int(q), int(i)] for q, i in names["table"].select("query", "item_id").iter_rows()]
    assert np.corrcoef(names["table"]["attraction"].to_numpy(), truth)[0, 1] > 0.9
    assert names["weights"].weight.max() <= 10
    assert names["pooled"].strength in names["pooled"].tried


def test_every_model_is_in_the_table_with_its_summary() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.M))
    assert rows == {name: model.summary for name, model in click_models().items()}

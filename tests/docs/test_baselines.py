"""The code of docs/baselines.md runs as it stands there, and its commands and table name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evenshelf.baselines import baseline_kinds, baselines_of
from tests.docs.blocks import ROOT, blocks

PAGE = "docs/baselines.md"


def test_code_runs_from_the_first_line_to_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(PAGE):
        if block.file:
            Path(block.file).write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            exec(compile(block.code, f"{block.page}, line {block.line}", "exec"), names)
    difference, cannot, can = capsys.readouterr().out.splitlines()
    assert float(difference.removeprefix("largest difference ")) < 1e-6
    assert cannot == "RandomForestClassifier classifiers cannot act at the stage loss"
    assert can == "None"


def test_every_baseline_is_in_the_table_with_what_it_reads_and_every_command_is_valid() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.M))
    assert rows == {b.name: b.reads.value for b in baseline_kinds().values()}
    for asked in re.findall(r"--baselines (\S+)", text):
        baselines_of(asked)

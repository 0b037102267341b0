"""The commands and the code of docs/experiments.md run as they stand there, and its tables say what the code says."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from evenshelf.cli import main
from evenshelf.experiments import Experiment, read_experiment
from evenshelf.experiments.hashing import slot
from tests.docs.blocks import ROOT, blocks

PAGE = "docs/experiments.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (block,) = [b for b in blocks(PAGE) if b.file]
    (tmp_path / str(block.file)).write_text(block.code, encoding="utf-8")
    return tmp_path


def test_the_commands_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = [b for b in blocks(PAGE) if b.language == "bash"]
    for line in block.code.splitlines():
        with pytest.raises(SystemExit) as end:
            main(shlex.split(line)[1:])
        shown = capsys.readouterr()
        assert not end.value.code, f"{line}: {shown.err}"
    assert read_experiment(folder / "tail-first.toml").effect == 0.2


def test_the_code_runs_and_finds_what_it_planted(folder: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(PAGE):
        if block.language == "python":
            exec(compile(block.code, f"{block.page}, line {block.line}", "exec"), names)
    (line,) = names["found"].primary
    assert line.effect.relative_low < 0.3 < line.effect.relative_high
    assert line.significant(0.05)
    assert names["always"].primary[0].effect.low < line.effect.low
    for value in names["values"].values():
        assert value.low < 0.05 * 0.1 + 0.10 * 0.2 + 0.15 * 0.7 < value.high
    assert names["preferred"].margin > 0.3
    assert read_experiment(folder / "tail-first.toml").layer == "ranking"


def test_the_vectors_are_what_the_hash_gives() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(variant|own|layer)` \| `(\S+)` \| `(\S+)` \| (\d+) \|$", text, re.M)
    assert len(rows) == 5
    assert all(slot(kind, salt, unit) == int(number) for kind, salt, unit, number in rows)  # type: ignore[arg-type]


def test_every_setting_is_told() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    table = text[text.index("| setting |") : text.index("All faults of a file")]
    told = {name for cell in re.findall(r"^\| ([^|]*) \|", table, re.M) for name in re.findall(r"`(\w+)`", cell)}
    assert told == {one.name for one in fields(Experiment)}

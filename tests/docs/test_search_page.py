"""The commands and the code of docs/search.md run as they stand there, and what it says of words is so."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from evenshelf.cli import main
from evenshelf.index.ranking import Ranking
from evenshelf.index.text.analyzer import Analyzer
from tests.docs.blocks import ROOT, blocks

PAGE = "docs/search.md"
SMALL = "--remedies none --baselines none --folds 3 --budget 1 --workers 1 --no-report"


def test_the_commands_and_the_code_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [b for b in blocks(PAGE) if b.language == "bash"]
    monkeypatch.chdir(tmp_path)
    for line in (line for block in commands for line in block.code.splitlines()):
        command = shlex.split(line)
        assert command[0] == "evenshelf"
        if command[1] == "study":  # what is written is asked, of the least that can be compared
            command += shlex.split(SMALL)
        with pytest.raises(SystemExit) as end:
            main(command[1:])
        shown = capsys.readouterr()
        assert not end.value.code, f"{line}: {shown.err}"
        assert shown.out
    names: dict[str, Any] = {}
    for block in (b for b in blocks(PAGE) if b.language == "python"):
        exec(compile(block.code, f"{block.page}, line {block.line}", "exec"), names)
    assert names["results"].total > 0
    assert names["ranking"] != Ranking()
    assert (tmp_path / "demo-monday" / "index.toml").is_file()


def test_what_the_page_says_of_words_and_weights_is_so() -> None:
    analyzer = Analyzer()
    assert len({analyzer.query(text).words[-1].whole for text in ("XPS-13", "xps13", "XPS‑13")}) == 1
    assert analyzer.query("16 GB").words == analyzer.query("16 GB").words
    assert analyzer.tokens("16 GB") == analyzer.tokens("16gb")
    assert analyzer.tokens('13.3"') == analyzer.tokens("13.3 inches")
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    usual = Ranking()
    for value in (usual.dense_weight, usual.coverage_weight, 1 - usual.coverage_weight, usual.popularity_weight):
        assert f"{value:.2f}".lstrip("0") in text

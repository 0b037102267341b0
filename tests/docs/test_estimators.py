"""The code of docs/estimators.md runs as it stands there, one block after another."""

from __future__ import annotations

import pytest

from tests.docs.blocks import blocks


def test_code_runs_from_the_first_line_to_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    found = blocks("docs/estimators.md")
    assert [block.language for block in found] == ["python"] * 2
    names: dict[str, object] = {}
    for block in found:
        exec(compile(block.code, f"{block.page}, line {block.line}", "exec"), names)
    printed = capsys.readouterr().out
    assert "'cufflink': 300" in printed
    assert "900 rows, or 482 with weights" in printed

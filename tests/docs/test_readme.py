"""Both READMEs: their code runs as it stands, and is the same."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks

PAGES = ("README.md", "README.zh-CN.md")
MARKS = re.compile(r"<!-- (bench:\w+) (begin|end) -->")


def run(block: Block, folder: Path) -> str:
    """Run a block in `folder` and return what it printed; a block that fails names its page and line."""
    where = f"{block.page}, line {block.line}"
    if block.language == "python":
        printed = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
            exec(compile(block.code, where, "exec"), {"__name__": "__main__"})
        return printed.getvalue()
    assert block.language == "bash", f"{where}: nothing runs {block.language or 'a block without a language'}"
    # the commands of this environment, whatever the caller's path
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    command = ["bash", "-euo", "pipefail", "-c", block.code]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{where}:\n{done.stdout}{done.stderr}"
    return done.stdout


def test_blocks_are_the_same_in_both_languages() -> None:
    english, chinese = ([(b.note, b.language, b.code) for b in blocks(page)] for page in PAGES)
    assert english == chinese


def test_a_block_is_left_out_only_for_a_reason() -> None:
    for block in blocks("README.md"):
        assert not block.note or len(block.skipped or "") > 10, f"line {block.line}: {block.note!r} is no reason"


@pytest.mark.timeout(900)  # a whole study, on whatever machine this is
def test_code_runs_from_the_first_line_to_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSHELF_CACHE", str(tmp_path / "cache"))
    shop = tmp_path / "work"
    shop.mkdir()
    printed = [run(block, shop) for block in blocks("README.md") if not block.skipped]
    assert len(printed) >= 4
    assert any("macro-F1" in text for text in printed), "no block printed a verdict"
    written = {path.name for path in shop.glob("*.html")}
    named = {name for b in blocks("README.md") for name in re.findall(r"[\w-]+\.html", b.code)}
    assert written == named


@pytest.mark.parametrize("page", PAGES)
def test_places_of_benchmarks_are_marked_in_both(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert MARKS.findall(text) == [("bench:opening", "begin"), ("bench:opening", "end")]

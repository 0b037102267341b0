"""The example of CONTRIBUTING.md is a remedy that passes the checks, and the checks can tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import blocks


def run_example(folder: Path, change: tuple[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Write the example's files into `folder` and run its test there, apart from this process's catalogue."""
    for block in blocks("CONTRIBUTING.md"):
        if block.file:
            code = block.code
            if change is not None and block.file == "inverse_log.py":
                assert change[0] in code
                code = code.replace(*change)
            (folder / block.file).write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_inverse_log.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_example_passes_the_checks(tmp_path: Path) -> None:
    done = run_example(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.parametrize(
    "change",
    [("np.log1p(counts) ** -self.power", "np.log1p(counts) ** self.power"), ('{"power": 0.0}', '{"power": 1.0}')],
    ids=["weighs the frequent more", "wrong neutral value"],
)
def test_a_broken_example_does_not_pass(tmp_path: Path, change: tuple[str, str]) -> None:
    done = run_example(tmp_path, change)
    assert done.returncode == 1, done.stdout + done.stderr
    assert " failed" in done.stdout

"""What is in the repository is small: no shop, data set or model gets in by accident."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST = 1_000_000
"""Bytes."""


def test_no_tracked_file_is_over_a_megabyte():
    git = which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git repository, or no git: what is tracked is not known")
    listed = subprocess.run([git, "-C", str(ROOT), "ls-files", "-z"], check=True, capture_output=True).stdout
    tracked = [ROOT / name for name in listed.decode("utf-8").split("\0") if name]
    assert tracked
    large = {str(file.relative_to(ROOT)): file.stat().st_size for file in tracked if file.is_file()}
    assert {name: size for name, size in large.items() if size > MOST} == {}

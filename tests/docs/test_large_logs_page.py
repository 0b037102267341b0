"""The example of the page on large logs runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import blocks


def test_the_example_fits_on_disk_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = blocks("docs/large_logs.md")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(example.code, names)
    assert len(set(names["shown"])) == 10
    assert not set(names["shown"]) & set(names["model"].items[:2])
    assert names["model"].ranker.matrix.nnz > 0

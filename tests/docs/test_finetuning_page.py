"""What docs/finetuning.md distils is distilled as it stands there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import blocks
from tests.learners.finetune.tiny import bert


def test_a_bert_in_a_folder_is_distilled(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bert(tmp_path / "my-bert")
    (block,) = [b for b in blocks("docs/finetuning.md") if b.file == "distil.py"]
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([sys.executable, "-c", block.code], capture_output=True, text=True, check=True)
    assert 0.8 < float(done.stdout) <= 1.0001

"""A tiny BERT as a folder, and a cache folder of its own for each test."""

from __future__ import annotations

import pytest

from tests.learners.finetune.tiny import bert


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A checkpoint of a few thousand numbers that knows a dozen words."""
    pytest.importorskip("torch")
    return bert(tmp_path_factory.mktemp("models") / "bert", places=64)


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENSHELF_CACHE", str(tmp_path / "cache"))

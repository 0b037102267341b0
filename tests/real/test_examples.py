"""The longer examples on real titles, small."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def fashion(real_data, monkeypatch):
    """Where the examples look for the file."""
    monkeypatch.setenv("EVENSHELF_DATA", str(real_data))


def test_classic_recipe(tmp_path, capsys):
    pytest.importorskip("torch")
    pytest.importorskip("imblearn")
    from examples.classic_recipe.__main__ import main

    words = ["--rows", "500", "--epochs", "1", "--encoder", "tfidf", "--out", str(tmp_path / "page.html")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "hold a word that no training title of their class holds" in printed
    # on real titles nearly all that lies between word numbers is nonsense
    made = re.search(r"(\d+) % of them say", printed)
    assert made is not None
    assert int(made[1]) > 50, printed
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_sports_shoes(tmp_path, capsys):
    from examples.sports_shoes.__main__ import main

    words = ["--sample", "800", "--remedies", "balanced", "--encoder", "tfidf", "--workers", "1"]
    assert main([*words, "--out", str(tmp_path / "page.html")]) == 0
    printed = capsys.readouterr().out
    fallen = re.search(r"F1 falls from (\S+) to (\S+), recall", printed)
    assert fallen is not None
    assert float(fallen[1]) > float(fallen[2]), printed
    assert (tmp_path / "page.html").stat().st_size > 10_000

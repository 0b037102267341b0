"""The commands of the page on relevance run, on fewer pairs, and what it says of its text form holds."""

from __future__ import annotations

import shlex

import pytest

from evenshelf import cli
from evenshelf.encoders.sides import pair_text
from tests.docs.blocks import blocks

FEWER = ["--sample", "200", "--workers", "1", "--encoder", "pair:tfidf", "--budget", "2"]


@pytest.mark.usefixtures("cache_folder")
def test_the_commands_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (shown,) = (b for b in blocks("docs/relevance.md") if b.language == "bash" and "simulate" in b.code)
    lines = [shlex.split(line)[1:] for line in shown.code.splitlines()]
    assert [words[0] for words in lines] == ["simulate", "study", "train", "predict"]
    for words in lines[:2]:
        with pytest.raises(SystemExit) as ended:
            cli.main([*words, *(FEWER if words[0] == "study" else [])])
        assert not ended.value.code, words
    assert list((tmp_path / "demo" / "studies").glob("relevance-*/report.html"))


def test_the_text_of_a_pair_is_what_the_page_asks_for():
    (shown,) = (b for b in blocks("docs/relevance.md") if "evenshelf predict" in b.code)
    asked = shown.code.partition("$'")[2].partition("'")[0].encode().decode("unicode_escape")
    assert asked == pair_text(*asked.split("\t"))

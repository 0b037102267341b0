"""Judgements in words: exact, substitute, complement, irrelevant become grades, and the words are kept."""

from __future__ import annotations

import pytest

from evenshelf.shop import Shop, ingest
from evenshelf.shop.ingesting.grade_words import ESCI

HEAD = "query,product_id,{}\n"


@pytest.fixture
def judged(tmp_path):
    def make(column, cells):
        rows = "".join(f"q{n},a,{cell}\n" for n, cell in enumerate(cells))
        (tmp_path / "j.csv").write_text(HEAD.format(column) + rows, encoding="utf-8")
        (source,) = ingest(tmp_path / "shop", [tmp_path / "j.csv"], table="judgements").sources
        return Shop.open(tmp_path / "shop").read("judgements"), source

    return make


def test_words_become_the_gains_of_their_paper_and_are_kept(judged):
    table, source = judged("esci_label", ["exact", "Substitute", "complement", "irrelevant"])
    assert table["grade"].to_list() == [1.0, 0.1, 0.01, 0.0]
    assert table["esci_label"].to_list() == ["exact", "Substitute", "complement", "irrelevant"]
    assert source.mapping["grade"][0] == "esci_label"
    assert sorted(ESCI.values(), reverse=True) == [1.0, 0.1, 0.01, 0.0]


def test_letters_alone_are_the_same_scale(judged):
    table, _ = judged("esci_label", ["E", "I", "S", "C", "E"])
    assert table["grade"].to_list() == [1.0, 0.0, 0.1, 0.01, 1.0]


def test_letters_of_another_scale_are_no_grades(judged):
    table, source = judged("grade", ["A", "B", "C"])
    assert table.height == 0
    assert source.quarantined == {"unreadable_value": 3}


def test_one_wrong_word_is_refused_by_itself(judged):
    table, source = judged("label", ["exact", "exakt", "irrelevant"])
    assert table["grade"].to_list() == [1.0, 0.0]
    assert source.quarantined == {"unreadable_value": 1}


def test_a_column_that_is_called_grade_keeps_its_words_beside_the_numbers(judged):
    table, _ = judged("grade", ["exact", "irrelevant"])
    assert table["grade"].to_list() == [1.0, 0.0]
    assert table["grade_source"].to_list() == ["exact", "irrelevant"]


def test_numbers_stay_numbers_and_nothing_is_added(judged):
    table, _ = judged("rating", ["3", "0", "1.5"])
    assert table["grade"].to_list() == [3.0, 0.0, 1.5]
    assert set(table.columns) == {"query", "item_id", "grade", "source_id", "source_file", "source_line"}

"""Descriptions of classes: read from a file, told apart from slips, and read by encoders beside the names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evenshelf.errors import SettingError
from evenshelf.tasks.descriptions import described
from evenshelf.tasks.label import LabelTask

TASK = LabelTask.of(["shoes|clogs", "tea", "tea", "shoes|heels"], ["a b", "c d", "e f", "g h"])


def written(folder: Path, text: str, name: str = "said.csv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_description_stands_after_the_name_and_only_where_there_is_one(tmp_path: Path) -> None:
    text = 'class,description\ntea,"leaves, to brew"\nshoes|clogs, with wood soles \nsofas,to sit on\nshoes|heels,  \n'
    task, notes = described(TASK, written(tmp_path, text))
    said = dict(zip(task.classes, task.class_texts, strict=True))
    assert said == {
        "tea": "tea: leaves, to brew",
        "shoes|clogs": "shoes clogs: with wood soles",
        "shoes|heels": "shoes heels",
    }
    assert notes == (
        "1 class has no description in the table, known by name alone: 'shoes|heels'",
        "1 line of the table is of classes that are not here",
    )
    assert task.describe()["descriptions"] == {"tea": "leaves, to brew", "shoes|clogs": "with wood soles"}
    assert "descriptions" not in TASK.describe()


def test_json_says_the_same_as_csv_and_a_sample_keeps_what_it_needs(tmp_path: Path) -> None:
    of_csv, _ = described(TASK, written(tmp_path, "class;description\ntea;茶叶\n"))
    of_json, _ = described(TASK, written(tmp_path, json.dumps({"tea": "茶叶"}), "said.json"))
    assert of_csv.class_texts == of_json.class_texts
    assert "tea: 茶叶" in of_json.class_texts


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "class,text\ntea,leaves\n", r"a.csv has no column 'description' \(its columns are 'class', 'text'\)"),
        (
            "a.csv",
            "class,description\ntea,leaves\nshoes|clog,wood\n",
            r"'shoes\|clog' \(row 3\).*did you mean shoes\|clogs",
        ),
        (
            "a.csv",
            "class,description\ntea,leaves\ntea,more\n",
            r"row 3: the class 'tea' was given a description before",
        ),
        ("a.json", '{"tea": "leaves", "shoes|clogs": "\\ud83d"}', r"a.json, entry 2: half of a pair of \\u escapes"),
        ("a.csv", "class,description\ntea,leaves, to brew\n", "row 2: 3 cells, where the header has 2"),
        ("a.csv", "class,description\nsofas,to sit on\n", "describes none of the 3"),
        ("a.csv", "class,description\n", "holds no description"),
        ("a.json", '{"tea": 7}', "entry 1: the description 7 of 'tea' is no text"),
        ("a.json", "[1]", "does not hold a JSON object"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        described(TASK, written(tmp_path, text, name))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="there is no such file"):
        described(TASK, str(tmp_path / "none.csv"))


@pytest.mark.parametrize("path", ["~nobody-of-this-name/said.csv", "a\0b.csv", "."])
def test_a_path_that_leads_nowhere_is_told(path: str) -> None:
    with pytest.raises(SettingError, match="it cannot be read"):
        described(TASK, path)


def test_a_file_that_is_too_deep_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is not JSON"):
        described(TASK, written(tmp_path, '{"tea": ' + "[" * 100_000, "said.json"))

"""The example of the classic recipe, on a small made-up shop: what it prints and writes is what it found."""

from __future__ import annotations

import re

import numpy as np
import pytest

from evenshelf.encoders.bag import tokens
from evenshelf.shop import simulate

pytest.importorskip("torch")
pytest.importorskip("imblearn")

from examples.classic_recipe.__main__ import main
from examples.classic_recipe.ladder import METRICS, climb
from examples.classic_recipe.made_up import account
from examples.classic_recipe.page import changes, sentences, table, write_page
from examples.classic_recipe.recipe import NEIGHBOURS, NO_WORD, Vocabulary, fewest_rows, random_split, run
from examples.shop_file import read_task


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    simulate(folder / "shop", items=300, language="en").items().select("title", "category").write_csv(
        folder / "products.csv"
    )
    return folder / "products.csv"


@pytest.fixture(scope="module")
def task(file):
    return read_task(file, "category", None, 0)


@pytest.fixture(scope="module")
def found(task, cache_folder):
    return climb(task, epochs=1, encoder="tfidf", seed=0, workers=1)


@pytest.fixture(scope="module")
def smoted(task):
    """The recipe as it is taught, with the rows that it was trained on."""
    kept = np.flatnonzero(task.counts[task.target] >= fewest_rows())
    given, tested = random_split(task, kept, 0)
    return given, run(task, given, tested, epochs=1, smote=True, seed=0)


def test_made_up_words_stand_in_no_title(task, smoted):
    given, trained = smoted
    said = account(trained, task.texts, given, task.target, task.classes, shown=100, seed=0)
    assert said.examples
    assert said.foreign <= said.unwritten <= said.made == len(trained.made) == trained.rows - len(given)
    for row in said.examples:
        words = [word for word, _ in row.words]
        assert all(sorted(words) != sorted(tokens(title)) for title in task.texts)
        mine = {word for i in given if task.classes[task.target[i]] == row.label for word in tokens(task.texts[i])}
        assert [word not in mine and word != NO_WORD for word in words] == [foreign for _, foreign in row.words]
        assert any(foreign for _, foreign in row.words)
        assert {task.classes[task.target[i]] for i in given if task.texts[i] in (row.first, row.second)} >= {row.label}


def test_made_rows_make_all_classes_equally_large(task, smoted):
    given, trained = smoted
    sizes = np.bincount(task.target[given])
    made = np.bincount(trained.made_of, minlength=len(sizes))
    assert set((sizes + made)[sizes > 0]) == {sizes.max()}
    assert sizes[sizes > 0].min() > NEIGHBOURS


def test_rows_of_numbers_read_as_their_titles(task):
    vocabulary = Vocabulary.of(task.texts)
    for title, row in zip(task.texts, vocabulary.rows(task.texts), strict=True):
        assert vocabulary.read(row) == tuple(tokens(title))
    assert set(vocabulary.read(vocabulary.rows(["zzzunheardofzzz"])[0])) == {NO_WORD}


def test_steps_are_measured_on_all_classes_once_these_are_asked_for(task, found):
    names = [step.name for step in found.steps]
    later = found.steps[names.index("All classes asked") :]
    assert len({(step.tested, step.classes) for step in later}) == 1
    assert found.steps[1].tested < later[0].tested, "classes were dropped"
    assert later[0].rows == found.steps[1].rows, "the same model"
    for step in later[1:]:
        for metric in METRICS:
            assert step.changes[metric].low <= step.changes[metric].value <= step.changes[metric].high
    assert found.dropped.classes > 0
    assert any(refusal.startswith("SMOTE: ") for refusal in found.dropped.refusals)
    assert 0 < found.repeats.rows < found.repeats.of, "a random split has titles on both sides"


def test_changes_add_up(found):
    for metric in METRICS:
        total = sum(change[metric] for change in changes(found.steps) if change)
        assert total == pytest.approx(found.steps[-1].values[metric] - found.steps[0].values[metric], nan_ok=True)


def test_page_holds_what_was_found_and_loads_nothing(task, found, tmp_path):
    document = write_page(found, task, tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|@import|(src|href)=\"(?!#)|url\(", document)
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", document)).replace("\u00a0", " ").replace("&#39;", "'")
    for sentence in sentences(found):
        assert sentence in plain
    for step in found.steps:
        row = document.split(f'<th scope="row">{step.name.replace(chr(39), "&#39;")}<')[1].split("</tr>")[0]
        cells = re.findall(r'<td class="num">([^<]*)', row)
        assert cells[0] == f"{step.rows:,}"
        for value, cell in zip(step.values.values(), cells[2:5], strict=True):
            assert (cell == "n/a") == np.isnan(value)
            assert cell == "n/a" or float(cell) == pytest.approx(value, abs=5.1e-4)
    for row in found.words.examples:
        assert row.label in plain
    assert [line[:20].strip() for line in table(found).splitlines()[1:]] == [step.name for step in found.steps]


def test_without_a_file_it_says_how_to_name_one(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("EVENSHELF_DATA", raising=False)
    assert main(["--out", str(tmp_path / "page.html")]) == 1
    assert "--data" in capsys.readouterr().err
    assert main(["--data", str(tmp_path / "none.csv")]) == 1
    assert "none.csv" in capsys.readouterr().err

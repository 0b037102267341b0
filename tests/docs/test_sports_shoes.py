"""The example of a thinned class, on a small made-up shop: nothing removed is trained on, the page tells the truth."""

from __future__ import annotations

import re

import numpy as np
import pytest
from examples.shop_file import read_task
from examples.sports_shoes.__main__ import main
from examples.sports_shoes.contest import CHOICE, FULL, LEAST, NOTHING, REMEDIES, Asked, family_of, hold
from examples.sports_shoes.measures import measure
from examples.sports_shoes.page import ordered, sentences, table, taken, write_page
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.remedies import catalogue, parse, remedy_set
from evenshelf.shop import simulate

LABEL = "T-Shirt"
ASKED = Asked(label=LABEL, share=0.05, remedies="balanced, effective_number, logit_adjust", budget=4, workers=1)


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
def encoded(task, cache_folder):
    encoder, cache = open_encoder("tfidf", task.texts), VectorCache()
    return cache.encode(encoder, task.texts), cache.encode(encoder, task.class_texts)


@pytest.fixture(scope="module")
def contest(task, encoded):
    return hold(task, *encoded, ASKED)


@pytest.fixture(scope="module")
def found(task, contest):
    return measure(task, contest, replicates=100)


def test_every_family_for_labels_takes_part():
    families = {family for remedy in remedy_set(REMEDIES) for family in remedy.families}
    assert families == {kind.family for kind in catalogue().values() if kind().serves_labels and not kind.needs}


def test_what_is_removed_changes_nothing(task, encoded, contest):
    removed = (task.target == contest.code) & ~np.isin(np.arange(len(task.target)), np.concatenate(contest.kept))
    assert removed.sum() > 20
    vectors = encoded[0].copy()
    vectors[removed] = np.random.default_rng(0).standard_normal((removed.sum(), vectors.shape[1]))
    again = hold(task, vectors, encoded[1], ASKED)
    for name, line in contest.lines.items():
        same = (again.lines[name].answers == line.answers)[~removed].all()
        assert same == (name != FULL), name
        assert (again.lines[name].answers != line.answers)[removed].any(), "removed rows are tested"


def test_kept_rows_are_few_and_of_different_titles(task, contest):
    for number, (kept, had) in enumerate(zip(contest.kept, contest.had, strict=True)):
        assert len(kept) == max(LEAST, round(ASKED.share * had))
        assert len(np.unique(task.group[kept])) == len(kept)
        assert (task.target[kept] == contest.code).all()
        assert (contest.fold[kept] != number).all()


def test_lines_take_remedies_of_their_family(contest):
    assert next(iter(contest.lines)) == NOTHING
    for name, line in contest.lines.items():
        assert sum(line.remedies.values()) == ASKED.folds
        if name not in {NOTHING, CHOICE, FULL}:
            assert {family_of(parse(spec)) for spec in line.remedies} == {name}
        assert ((line.answers < 0) == (contest.fold < 0)).all()


def test_measures_are_those_of_scikit_learn(task, contest, found):
    rows = contest.fold >= 0
    truth, others = task.target[rows], task.target[rows] != contest.code
    for name, line in contest.lines.items():
        labels = np.arange(len(task.classes))
        precision, recall, f1, support = precision_recall_fscore_support(
            truth, line.answers[rows], labels=labels, zero_division=0
        )
        values, there = found.values[name], (support > 0) & (labels != contest.code)
        assert values["precision"].value == pytest.approx(precision[contest.code], abs=1e-6)
        assert values["recall"].value == pytest.approx(recall[contest.code], abs=1e-6)
        assert values["f1"].value == pytest.approx(f1[contest.code], abs=1e-6)
        assert values["others"].value == pytest.approx(f1[there].mean(), abs=1e-6)
        assert values["head"].value == pytest.approx(f1[there & (task.bucket == "head")].mean(), abs=1e-6)
        accuracy = accuracy_score(truth[others], line.answers[rows][others])
        assert values["accuracy"].value == pytest.approx(accuracy, abs=1e-6)
        assert found.single[name] == pytest.approx(f1[list(found.neighbours)], abs=1e-6)
        assert sum(found.ends[name]) == found.tested[0] == (truth == contest.code).sum()
    assert found.won_back[FULL] == pytest.approx(1)
    assert found.won_back[NOTHING] == pytest.approx(0)


def test_page_holds_what_was_found_and_loads_nothing(task, contest, found, tmp_path):
    path = write_page(found, contest, task, asked=ASKED, encoder=("tfidf", "asked for"), out=tmp_path / "page.html")
    document = path.read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|@import|(src|href)=\"(?!#)|url\(", document)
    assert document.count("<figure") == 4
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", document)).replace("\u00a0", " ").replace("&#39;", "'")
    for sentence in sentences(found, contest, task):
        assert sentence in plain
    body = document.split('id="won-table"')[1].split("</table>")[0]
    for name, row in zip(ordered(found), re.findall(r"<tr.*?</tr>", body.split("<tbody>")[1], re.S), strict=True):
        assert name.replace("'", "&#39;") in row
        cells = re.findall(r'<td class="num">([^<]*)', row)
        for key, cell in zip(("recall", "precision", "f1"), cells, strict=False):
            assert float(cell) == pytest.approx(found.values[name][key].value, abs=5.1e-4)
    assert all(taken(contest, name) in table(found, contest) for name in contest.lines)


def test_a_class_that_is_not_there_is_refused_with_a_near_name(file, cache_folder, capsys, tmp_path):
    words = ["--data", str(file), "--encoder", "tfidf", "--out", str(tmp_path / "page.html")]
    assert main([*words, "--label", "T-Shrit"]) == 1
    assert LABEL in capsys.readouterr().err
    assert main([*words, "--sample", "20", "--label", LABEL]) == 1
    assert "too few" in capsys.readouterr().err

"""The task of relevance: pairs of a shop's judgements, folds by query, and a study through the command line."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from evenshelf import cli
from evenshelf.encoders.sides import sides
from evenshelf.errors import InputError
from evenshelf.shop import Shop, ingest, simulate
from evenshelf.study.prepare import shop_task
from evenshelf.tasks.relevance import RelevanceTask
from evenshelf.testing import check_task

ITEMS = "id,title,brand,price\na,Red  shoe,Nike,20\nb,Blue shoe,Puma,30\nc,Black\twatch,Titan,\n"
JUDGED = [
    ("red shoe", "a", "exact"),
    ("red shoe", "b", "substitute"),
    ("Red shoe!", "c", "irrelevant"),
    ("shoe red", "b", "substitute"),
    ("watch", "c", "exact"),
    ("watch", "a", "irrelevant"),
    ("watch", "gone", "exact"),
    ("running shoes for men", "a", "exact"),
    ("running shoe for men", "b", "exact"),
]


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    pl.DataFrame(JUDGED, ["query", "item_id", "label"], orient="row").write_csv(tmp_path / "judged.csv")
    ingest(tmp_path / "shop", [tmp_path / "items.csv"])
    ingest(tmp_path / "shop", [tmp_path / "judged.csv"], table="judgements")
    return Shop.open(tmp_path / "shop")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("simulated") / "shop", items=300, language="en", seed=3)


def test_examples_are_the_judgements_of_known_items(shop):
    task = RelevanceTask.from_shop(shop, "label")
    assert sides(task.texts) == (
        [query for query, item, _ in JUDGED if item != "gone"],
        [{"a": "Red shoe", "b": "Blue shoe", "c": "Black watch"}[i] for _, i, _ in JUDGED if i != "gone"],
    )
    assert [task.classes[code] for code in task.target] == [label for _, item, label in JUDGED if item != "gone"]
    assert task.dropped == {"the shop has no such item": 1}
    assert task.traits.columns == ["brand", "price"]
    assert task.traits["brand"].to_list()[:3] == ["Nike", "Puma", "Titan"]


def test_grades_are_classes_by_their_numbers(shop):
    task = RelevanceTask.from_shop(shop)
    assert task.classes == ("1", "0", "0.1")
    assert task.counts.tolist() == [4, 2, 2]


def test_equal_and_nearly_equal_queries_are_one_group(shop):
    task = RelevanceTask.from_shop(shop, "label")
    assert task.group.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert len(np.unique(task.same)) == len(task.texts)
    for fold in range(3):
        kept = task.split(3, seed=fold)
        assert all(len(set(kept[task.group == g].tolist())) == 1 for g in range(3))


def test_labels_that_are_not_there_are_counted(shop, tmp_path):
    rows = [("hat", "a", 1.0, None), ("hat", "b", 0.0, "no"), ("cap", "c", 0.0, "yes"), ("cap", "away", 0.0, "yes")]
    pl.DataFrame(rows, ["query", "item_id", "grade", "said"], orient="row").write_csv(tmp_path / "more.csv")
    ingest(shop.path, [tmp_path / "more.csv"], table="judgements")
    task = RelevanceTask.from_shop(Shop.open(shop.path), "said")
    assert sorted(task.classes) == ["no", "yes"]
    assert task.dropped == {"no said": len(JUDGED), "the shop has no such item": 2}


def test_what_cannot_be_asked_is_said(shop, tmp_path):
    with pytest.raises(InputError, match=r"no column 'lable' to learn .did you mean label"):
        RelevanceTask.from_shop(shop, "lable")
    with pytest.raises(InputError, match="no column 'query' to learn"):
        RelevanceTask.from_shop(shop, "query")
    with pytest.raises(InputError, match=r"items of .* have no column 'titel'"):
        RelevanceTask.from_shop(shop, "label", "titel")
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    ingest(tmp_path / "bare", [tmp_path / "items.csv"])
    with pytest.raises(InputError, match="has no judgements") as caught:
        RelevanceTask.from_shop(Shop.open(tmp_path / "bare"))
    assert "--table judgements" in caught.value.hint
    (tmp_path / "others.csv").write_text("query,item_id,grade\nhat,x,1\ncap,y,0\n", encoding="utf-8")
    ingest(tmp_path / "bare", [tmp_path / "others.csv"], table="judgements")
    with pytest.raises(InputError, match=r"None of the 2 judgements .*: 2 because the shop has no such item"):
        RelevanceTask.from_shop(Shop.open(tmp_path / "bare"))


def test_a_simulated_shop_passes_the_suite(simulated):
    task = RelevanceTask.from_shop(simulated)
    check_task(task)
    judged = simulated.read("judgements")
    assert len(task.target) == judged.height
    grades = {f"{grade:g}": count for grade, count in judged["grade"].value_counts().iter_rows()}
    assert dict(zip(task.classes, task.counts.tolist(), strict=True)) == grades
    queries, _ = sides(task.texts)
    assert queries == judged["query"].to_list()


def test_a_sample_is_of_pairs_and_keeps_their_groups(simulated):
    task = shop_task(simulated, "grade", kind="relevance", sample=300, seed=1)
    assert len(task.target) == task.things == 300
    assert isinstance(task, RelevanceTask)
    group = dict(zip(sides(task.texts)[0], task.group.tolist(), strict=True))
    assert [group[query] for query in sides(task.texts)[0]] == task.group.tolist()
    check_task(task, 3)


@pytest.mark.usefixtures("cache_folder")
def test_a_study_speaks_of_pairs_and_queries(simulated, tmp_path, capsys):
    words = ["study", str(simulated.path), "--task", "relevance", "--sample", "400", "--folds", "3", "--budget", "2"]
    words += ["--remedies", "balanced, logit_adjust", "--encoder", "pair:tfidf", "--workers", "1"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--out", str(tmp_path / "study"), "--json"])
    assert not ended.value.code
    out = capsys.readouterr().out
    told = json.loads(out)
    study, verdict = told["study"], told["verdict"]
    assert (study["task"], study["target"], study["rows"]) == ("relevance", "grade", 400)
    assert study["split"].endswith("pairs of query and product of equal and nearly equal queries stay on one side")
    assert {c["spec"] for c in verdict["comparisons"]} >= {"none", "balanced", "logit_adjust", "words + balanced"}
    report = (tmp_path / "study" / "report.html").read_text(encoding="utf-8")
    assert "query groups" in report
    assert "equal and nearly equal queries count as one" in report
    assert "--task relevance" in report
    # what reads the pair beats words that are read as one text, and guessing
    scores = {c["spec"]: c["macro_f1"] for c in verdict["comparisons"]}
    assert scores["none"] > scores["words + balanced"] > 0

"""``python -m bench.relevance`` on made-up pairs: what stands in its tables is what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bench.relevance import BOTH, PEER, VECTORS, arguments, locales, main, peer

from evenshelf.shop import Shop, ingest
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.relevance import RelevanceTask


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("relevance") / "relevance.json"
    words = ["--quick", "--rows", "240", "--remedies", "balanced", "--json", str(path)]
    assert main(words) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def rows(report, name):
    (table,) = (t for t in report["tables"] if t["name"] == name)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def test_the_figures_follow_from_the_tables(report):
    found = {row["remedy"]: row for row in rows(report, "relevance")}
    assert set(found) == {"none", "balanced", "words + balanced", PEER}
    figures = {figure["name"]: figure for figure in report["figures"]}
    none = figures["relevance_macro_f1_none"]
    assert none["value"] == pytest.approx(found["none"]["macro_f1"][0])
    assert none["peer_value"] == pytest.approx(found[PEER]["macro_f1"][0])
    gain = found["balanced"]["macro_f1"][0] - found["none"]["macro_f1"][0]
    assert figures["relevance_gain_over_none"]["value"] == pytest.approx(gain, abs=1e-6)
    assert found["none"]["difference"] is None
    for row in found.values():
        for score in ("macro_f1", "tail_f1", "last_f1", "accuracy"):
            value, low, high = row[score]
            assert low <= value <= high


def test_vectors_stand_beside_each_other_under_two_remedies(report):
    found = rows(report, "relevance_vectors")
    assert [(row["encoder"], row["remedy"]) for row in found] == [
        (spec, remedy) for spec in ("pair:tfidf", "tfidf") for remedy in ("none", BOTH)
    ]


def test_the_peer_learns_what_is_there_from_other_folds_alone():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 90)
    texts = [f"{'red' if x else 'blue'} shoe\tmodel {n}" for n, x in enumerate(label)]
    task = LabelTask.of(label.tolist(), texts, group=np.arange(90))
    fold = np.arange(90) % 3
    fold[:3] = -1
    predicted = peer(task, fold)
    assert (predicted[3:] == task.target[3:]).mean() > 0.95
    assert set(predicted[:3].tolist()) == {-1}


def test_locales_are_those_of_the_queries(tmp_path):
    (tmp_path / "i.csv").write_text("id,title\na,Shoe\nb,Hat\n", encoding="utf-8")
    lines = "query,item_id,label,query_locale\nred  shoe,a,exact,us\nsombrero,b,exact,es\nhat,a,irrelevant,us\n"
    (tmp_path / "j.csv").write_text(lines, encoding="utf-8")
    ingest(tmp_path / "shop", [tmp_path / "i.csv"])
    ingest(tmp_path / "shop", [tmp_path / "j.csv"], table="judgements")
    shop = Shop.open(tmp_path / "shop")
    assert locales(shop, RelevanceTask.from_shop(shop)).tolist() == ["us", "es", "us"]


def test_the_full_run_asks_for_all_standard_remedies_and_vectors():
    asked = arguments([])
    assert (asked.data, asked.target, asked.rows, asked.remedies) == ("esci", "esci_label", None, "standard")
    assert asked.vectors == VECTORS
    assert "tfidf" in asked.vectors
    assert "pair:tfidf" in asked.vectors

"""``python -m bench.tags`` on made-up items: what stands in its tables is what it says."""

from __future__ import annotations

import json

import pytest
from bench.tags import SETS, TOGETHER, arguments, main

from evenshelf.learners.binary import BINARY
from evenshelf.remedies import remedy_set
from evenshelf.study.plan import settings


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("tags") / "tags.json"
    words = ["--quick", "--rows", "200", "--remedies", "balanced, label_thresholds", "--json", str(path)]
    assert main(words) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def rows(report, name):
    (table,) = (t for t in report["tables"] if t["name"] == name)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def test_the_figures_follow_from_the_table(report):
    found = {row["remedy"]: row for row in rows(report, "sets")}
    assert set(found) == {"none", "balanced", "label_thresholds", "words + balanced"}
    figures = {figure["name"]: figure["value"] for figure in report["figures"]}
    best = max((found[spec] for spec in ("balanced", "label_thresholds")), key=lambda row: row["macro_f1"])
    assert figures["macro_f1_gain_over_none"] == best["macro_f1"] - found["none"]["macro_f1"]
    assert found["label_thresholds"]["map"] <= 1


def test_both_learners_stand_beside_each_other(report):
    found = rows(report, "learners")
    assert [(row["learner"], row["remedy"]) for row in found] == [
        (learner, spec) for learner in ("binary_heads", "heads") for spec in ("none", "balanced", "words + balanced")
    ]
    assert all(0 < row[name] <= 1 for row in found for name in SETS)


def test_every_remedy_that_serves_is_measured_and_can_be_tuned():
    asked = arguments([])
    assert asked.target == "baseColour,season,usage,gender"
    specs = {remedy.spec for remedy in remedy_set(asked.remedies)}
    wanted = {"balanced", "effective_number", "positive_weight", "asymmetric", "distribution_balanced", "mlsmote"}
    assert specs >= wanted | {"label_thresholds", "rank_cut", "name_prior", TOGETHER}
    for remedy in remedy_set(asked.remedies):
        assert BINARY.unsupported(remedy) is None
        assert settings(remedy, asked.budget, BINARY)

"""``python -m bench.label_quality`` on made-up titles: the promised figures, and a table that says what was done."""

from __future__ import annotations

import json

import pytest
from bench.label_quality import _reweights, arguments, main

from evenshelf.study.comparison import Comparison


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("quality") / "quality.json"
    words = [
        "--quick",
        "--rows",
        "300",
        "--remedies",
        "balanced, temperature, logit_adjust, rank_cut",
        "--json",
        str(path),
    ]
    assert main(words) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_figures_are_those_that_were_promised(report):
    figures = {figure["name"]: figure["value"] for figure in report["figures"]}
    assert figures["remedies_total"] == 3, "one for sets of labels is not measured here, and must not count"
    assert figures["study_seconds_simulated"] > 0
    assert set(figures) >= {
        "tail_f1_gain_over_none_simulated",
        "tail_f1_gain_over_best_reweighting_simulated",
        "head_loss_relative_simulated",
    }


def test_the_table_holds_every_remedy_and_the_figures_follow_from_it(report):
    (table,) = report["tables"]
    rows = {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}
    assert set(rows) == {"none", "balanced", "temperature", "logit_adjust", "words + balanced"}
    assert rows["temperature"]["macro_f1"] == rows["none"]["macro_f1"]
    assert rows["temperature"]["ece"] != rows["none"]["ece"]
    best = max((r for name, r in rows.items() if name not in {"none", "words + balanced"}), key=lambda r: r["macro_f1"])
    figures = {figure["name"]: figure["value"] for figure in report["figures"]}
    assert figures["tail_f1_gain_over_none_simulated"] == best["tail_f1"] - rows["none"]["tail_f1"]


def test_all_is_measured_unless_it_is_to_be_quick():
    assert arguments([]).data == ("fashion", "zh")
    assert arguments([]).remedies == "standard"


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [("balanced", True), ("weighted_ce", True), ("effective_number + none", True), ("smote", False), ("ldam", False)],
)
def test_what_only_weighs_is_told_from_what_does_more(spec, wanted):
    blank = dict.fromkeys(Comparison.__dataclass_fields__, 0.0)
    assert _reweights(Comparison(**(blank | {"spec": spec, "title": "", "stages": ()}))) is wanted

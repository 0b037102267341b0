"""``python -m bench.search_speed`` on a simulated shop: every engine answers, and ratios are those of the values."""

from __future__ import annotations

import json

import pytest
from bench.render import markdown
from bench.search_catalogue import Catalogue, made_up
from bench.search_speed import ENGINES, LANCEDB_HOME, OURS, main

from evenshelf.errors import InputError


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("speed") / "speed.json"
    assert main(["--quick", "--queries", "40", "--json", str(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_engine_is_asked_for_words_and_ours_for_both(report):
    (table,) = report["tables"]
    asked = {(row[1], row[2]) for row in table["rows"]}
    assert {(engine, "words") for engine in (*ENGINES, OURS)} <= asked
    assert {(OURS, mode) for mode in ("hybrid", "hybrid, asked before", "hybrid, filtered")} <= asked
    assert all(value > 0 for row in table["rows"] for value in row[3:])
    assert OURS in markdown(table["columns"], table["rows"], "zh")


def test_ratios_are_those_of_the_values(report):
    figures = {figure["name"]: figure for figure in report["figures"]}
    assert {"hybrid_p99_ms_1k", "hybrid_qps_1k"} <= figures.keys()
    for figure in figures.values():
        better = figure["value"] / figure["peer_value"]
        assert figure["ratio"] == pytest.approx(better if figure["better"] == "higher" else 1 / better)


def test_a_catalogue_has_as_many_items_as_asked_for_and_no_text_twice(tmp_path):
    made = made_up(250, 30, simulated=True)
    assert made.items.height == len(made.vectors) == 250
    assert len(set(made.queries)) == len(made.queries) == 30
    made.write(tmp_path)
    read = Catalogue.read(tmp_path)
    assert read.items.equals(made.items)
    assert read.queries == made.queries


def test_a_missing_environment_is_told_before_anything_is_measured():
    if not (LANCEDB_HOME / ".made").exists():
        with pytest.raises(InputError, match="LanceDB"):
            main(["--sizes", "1000"])

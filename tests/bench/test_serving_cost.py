"""``python -m bench.serving_cost`` on made-up titles: all that can be served is measured, and figures follow."""

from __future__ import annotations

import json

import pytest
from bench.render import markdown
from bench.serving_cost import DISTILLED, PEER, TUNED, arguments, main


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("serving") / "found.json"
    assert main(["--quick", "--json", str(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_figures_follow_from_the_table(report):
    (table,) = report["tables"]
    rows = {
        row[table["columns"].index("served")]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]
    }
    assert {TUNED, DISTILLED, PEER, "frozen minilm"} == set(rows)
    assert all(row["ms_alone"] > 0 and row["ms_together"] > 0 and row["megabytes"] > 0 for row in rows.values())
    assert rows[DISTILLED]["megabytes"] < rows[TUNED]["megabytes"]
    assert 0 <= rows[DISTILLED]["same_label"] <= 1
    figures = {figure["name"]: figure for figure in report["figures"]}
    for name in ("macro_f1", "ms_alone", "ms_together", "megabytes"):
        assert figures[f"masked_{name}"]["value"] == pytest.approx(rows[DISTILLED][name])
        assert figures[f"masked_{name}"]["peer_value"] == pytest.approx(rows[TUNED][name])
    assert figures["masked_macro_f1_beside_peer"]["peer_value"] == pytest.approx(rows[PEER]["macro_f1"])
    for language in ("en", "zh"):
        assert len(markdown(table["columns"], table["rows"], language).splitlines()) == len(rows) + 2


def test_what_is_asked_is_read():
    asked = arguments(["--titles", "plain", "masked", "--folds", "1", "--rows", "50"])
    assert (asked.rows, asked.folds, len(asked.titles), asked.quick) == (50, 1, 2, False)

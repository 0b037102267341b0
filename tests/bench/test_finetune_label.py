"""``python -m bench.finetune_label`` on made-up titles: both kinds of models are measured, and figures follow."""

from __future__ import annotations

import json

import pytest
from bench.finetune_label import FROZEN, QUICK, arguments, main
from bench.render import markdown


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("finetune") / "found.json"
    assert main(["--quick", "--rows", "150", "--json", str(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.timeout(600)  # it tunes three models, on whatever machine this is
def test_figures_follow_from_the_table(report):
    (table,) = report["tables"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert {row["learner"] for row in rows} == {FROZEN, *QUICK}
    assert all(row["cpu_minutes"] > 0 for row in rows)
    figures = {figure["name"]: figure for figure in report["figures"]}
    for side, value in ((False, "value"), (True, "peer_value")):
        best = max((row for row in rows if (row["learner"] == FROZEN) is side), key=lambda row: row["macro_f1"])
        for metric in ("macro_f1", "tail_f1", "head_f1", "cpu_minutes"):
            assert figures[f"masked_{metric}"][value] == pytest.approx(best[metric])
    tuned = [row["cpu_minutes"] for row in rows if row["learner"] != FROZEN]
    assert min(tuned) > 0.3 * max(tuned), "what one tuning serves is told of each remedy"
    for language in ("en", "zh"):
        assert len(markdown(table["columns"], table["rows"], language).splitlines()) == len(rows) + 2


def test_made_texts_are_told_beside_as_many_copies(tmp_path):
    path = tmp_path / "found.json"
    words = [
        "--quick",
        "--rows",
        "150",
        "--learners",
        FROZEN,
        "--makers",
        "crop",
        "--workers",
        "1",
        "--json",
        str(path),
    ]
    assert main(words) == 0
    report = json.loads(path.read_text(encoding="utf-8"))
    (table,) = report["tables"]
    rows = {row["remedy"]: row for row in (dict(zip(table["columns"], r, strict=True)) for r in table["rows"])}
    made, copied = "augment_texts(maker='crop')", "augment_texts(maker='crop', copied=True)"
    assert rows[made]["over_copies"][0] == pytest.approx(rows[made]["macro_f1"] - rows[copied]["macro_f1"], abs=1e-6)
    assert rows[copied]["over_copies"] is None
    (figure,) = report["figures"]
    assert figure["name"] == "masked_augmentation_gain_over_duplication"
    assert figure["value"] == pytest.approx(rows[made]["over_copies"][0])


def test_what_is_asked_is_read():
    asked = arguments(["--titles", "masked", "--rows", "50", "--learners", "heads"])
    assert (asked.rows, asked.learners, len(asked.titles)) == (50, ("heads",), 1)

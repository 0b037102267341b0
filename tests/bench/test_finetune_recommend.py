"""``python -m bench.finetune_recommend`` on a made-up shop: all lines are there, and figures follow from them."""

from __future__ import annotations

import json

import pytest
from bench.finetune_recommend import BOTH, FIGURES, FROZEN, TUNED, WORDS, arguments, main
from bench.recommend_data import KINDS, made_up
from bench.render import markdown

from bench import finetune_recommend
from evenshelf.learners.ranking import lambdamart


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    pytest.importorskip("torch")
    pytest.importorskip("lightgbm")
    folder = tmp_path_factory.mktemp("finetune")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENSHELF_CACHE", str(folder / "cache"))
        patch.setattr(lambdamart, "TREES", 15)
        patch.setattr(finetune_recommend, "SETTINGS", 2)
        assert main(["--quick", "--json", str(folder / "found.json")]) == 0
    return json.loads((folder / "found.json").read_text(encoding="utf-8"))


@pytest.mark.timeout(600)  # it tunes a model, on whatever machine this is
def test_figures_follow_from_the_table(report):
    (table,) = report["tables"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert [(row["model"], row["reads"]) for row in rows] == [
        (model, reads) for model in ("texts alone", "learned blend") for reads in (WORDS, FROZEN, TUNED, BOTH)
    ]
    line = {(row["model"], row["reads"]): row for row in rows}
    figures = {figure["name"]: figure for figure in report["figures"]}
    for model, prefix in (("learned blend", ""), ("texts alone", "text_")):
        for name in (*FIGURES, "cpu_minutes"):
            assert figures[f"{prefix}{name}"]["value"] == line[model, BOTH][name]
            assert figures[f"{prefix}{name}"]["peer_value"] == line[model, FROZEN][name]
        for reads in (WORDS, TUNED, BOTH):
            difference, low, high = line[model, reads]["recall_difference"]
            assert low <= difference <= high
            gap = line[model, reads]["recall_at_10"] - line[model, FROZEN]["recall_at_10"]
            assert difference == pytest.approx(gap, abs=0.02)
        assert line[model, FROZEN]["recall_difference"] is None
    tuned = [line[model, reads]["cpu_minutes"] for model in ("texts alone", "learned blend") for reads in (TUNED, BOTH)]
    assert min(tuned[:2]) > line["texts alone", FROZEN]["cpu_minutes"], "what the tuning took is told of each"
    for language in ("en", "zh"):
        assert len(markdown(table["columns"], table["rows"], language).splitlines()) == len(rows) + 2


def test_what_is_asked_is_read():
    assert arguments(["--settings", "epochs=2"]).settings == "epochs=2"
    assert main(["--quick", "--settings", "epochs=0"]) == 1
    with pytest.raises(SystemExit):
        arguments(["--text", "there"])


def test_a_made_up_shop_has_titles_that_a_language_model_knows():
    shop = made_up(0)
    assert len(shop.facts.titles) == len(shop.before.items)
    assert {title.split()[0] for title in shop.facts.titles} == set(KINDS)

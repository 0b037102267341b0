"""What the terminal shows of a verdict, and the metrics kept beside it."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from rich.cells import cell_len
from rich.console import Console
from sklearn.metrics import f1_score, recall_score

from evenshelf.study.advising import Advice, advise
from evenshelf.study.metrics import POOLED, metrics_table, save_findings
from evenshelf.study.progress import TimeLeft, progress_bar
from evenshelf.study.terminal import MARKS, StudyReport, standing, verdict_text
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.label_metrics import METRICS

from . import factory


@pytest.fixture(scope="module")
def result():
    return factory.study(rows=2000)


@pytest.fixture(scope="module")
def verdict(result):
    return decide(result)


def shown(renderable, width):
    console = Console(width=width, file=io.StringIO(), highlight=False)
    console.print(renderable)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [100, 80, 60])
def test_it_fits_and_holds_every_remedy(result, verdict, width, tmp_path):
    text = shown(StudyReport(result, verdict, tmp_path, tmp_path / "report.html"), width)
    assert max(map(cell_len, text.splitlines())) <= width
    joined = "".join(text.split())
    brief = advise(result, verdict).brief
    assert brief
    for part in (verdict.headline, *verdict.reasons, *brief, *(c.spec for c in verdict.comparisons)):
        assert "".join(part.split()) in joined
    assert "…" not in text.replace(" … ", ""), "no cell is cut off"
    for spec in ("none", "focal"):
        line = next(row for row in text.splitlines() if f" {spec} " in row[:20])
        assert f"{verdict[spec]['macro_f1']:.3f}".removeprefix("0") in line
    assert "hierarchy_prior was not applicable" in " ".join(text.split())
    assert ("untuned" in text) == (width == 100)


def test_best_first_and_each_with_its_sign(result, verdict):
    text = shown(StudyReport(result, verdict), 120)
    rows = [line for line in text.splitlines() if line[2:].split("  ")[0] in {c.spec for c in verdict.comparisons}]
    assert [row[2:].split("  ")[0] for row in rows] == [c.spec for c in verdict.comparisons]
    assert [row[0] for row in rows] == [MARKS[standing(verdict, c)][0] for c in verdict.comparisons]
    assert {standing(verdict, c) for c in verdict.comparisons} >= {"recommended", "baseline", "worse"}


def test_a_refused_remedy_is_marked(verdict):
    refused = replace(verdict.comparisons[-1], significant=True, guardrail_ok=False)
    assert standing(verdict, refused) == "refused"
    assert standing(verdict, replace(refused, guardrail_ok=True)) == "better"


def test_names_that_look_like_markup_are_shown_as_they_are(result, verdict):
    strange = replace(verdict, headline="Use [bold]x[/]", reasons=("[red]why[/]",))
    assert "Use [bold]x[/]" in shown(StudyReport(result, strange), 100)
    assert "[red]why[/]" in shown(StudyReport(result, strange), 100)


def test_plain_text_has_the_same_numbers(result, verdict):
    text = verdict_text(result, verdict)
    assert text.startswith(verdict.headline)
    assert "\x1b" not in text
    table = text.split("tail F1\n", 1)[1].splitlines()
    for c in verdict.comparisons:
        line = next(row for row in table if row[4:].startswith(f"{c.spec}  "))
        assert f"{c['macro_f1']:.3f}".removeprefix("0") in line


def test_metrics_are_those_of_scikit_learn(result):
    table = metrics_table(result)
    kept = table.filter(remedy="smote", mode="default")
    for fold in (POOLED, "2"):
        rows = result.fold >= 0 if fold == POOLED else result.fold == 2
        y, guess = result.y[rows], result["smote"].default.predicted[rows]
        values = dict(kept.filter(fold=fold).select("metric", "value").iter_rows())
        labels = np.unique(y)
        assert values["macro_f1"] == pytest.approx(f1_score(y, guess, labels=labels, average="macro", zero_division=0))
        assert values["balanced_accuracy"] == pytest.approx(
            recall_score(y, guess, labels=labels, average="macro", zero_division=0)
        )
        assert set(values) - {"seconds", "bytes"} == set(METRICS)
        assert kept.filter(fold=fold)["rows"].unique().to_list() == [rows.sum()]
    costs = dict(kept.filter(pl.col("metric").is_in(["seconds", "bytes"])).select("metric", "value").iter_rows())
    assert costs == {"seconds": result["smote"].default.seconds, "bytes": result["smote"].default.bytes}
    assert "hierarchy_prior" not in table["remedy"]
    assert set(table["fold"]) == {POOLED, "0", "1", "2", "3", "4"}


def test_findings_can_be_read_back(result, verdict, tmp_path):
    save_findings(result, verdict, tmp_path)
    assert Verdict.from_dict(json.loads((tmp_path / "verdict.json").read_text())).to_dict() == verdict.to_dict()
    advice = Advice.from_dict(json.loads((tmp_path / "advice.json").read_text()))
    assert advice.to_dict() == advise(result, verdict).to_dict()
    assert pl.read_parquet(tmp_path / "comparisons.parquet").equals(verdict.table())
    table = pl.read_parquet(tmp_path / "metrics.parquet")
    assert table.equals(metrics_table(result))
    nested = json.loads((tmp_path / "metrics.json").read_text())
    for line in table.sample(50, seed=0).iter_rows(named=True):
        assert nested[line["remedy"]][line["mode"]][line["fold"]][line["metric"]] == line["value"]
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".parquet"}


def test_progress_is_silent_where_no_one_looks_and_says_the_time_left():
    console = Console(file=io.StringIO())
    with progress_bar(console, "encoding") as tell:
        tell(1, 2, "words")
    assert not console.file.getvalue().strip()
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with progress_bar(console, "encoding") as tell:
        tell(1, 4)
    assert "encoding" in console.file.getvalue()
    with progress_bar(console, "encoding", shown=False) as tell:
        tell(1, 4, "never seen")
    assert "never seen" not in console.file.getvalue()


@pytest.mark.parametrize("case", [(125.2, "about 2:05 left"), (3700, "about 1:01:40 left"), (None, "")])
def test_time_left_in_words(case):
    from types import SimpleNamespace

    seconds, words = case
    task = SimpleNamespace(time_remaining=seconds, total=10, finished=False)
    assert TimeLeft().render(task).plain == words

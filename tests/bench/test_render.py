"""Pages are filled from result files, in the language of the page, and from nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench.harness import RESULTS, Figure, Listing, Report
from bench.opening import COLUMNS
from bench.wording import cell

from bench import render

PAGE = """# Title

before

<!-- bench:opening begin -->
old text
<!-- bench:opening end -->

after
"""


def made_up(name: str = "label_study", **changes: Any) -> dict[str, Any]:
    """A study beside its peer."""
    report = Report(
        name,
        settings={"data": "fashion", "rows": 12_345, "folds": 5, "budget": 8},
        figures=[
            Figure("speed_ratio", 42.31, "x", "higher", "peer", 4231.0, 42.31),
            Figure("memory_ratio", 2.5, "x", "higher", "peer", 2500.0, 2.5),
            Figure("study_seconds", 100.0, "s", "lower", "peer", 4231.0, 42.31),
            Figure("macro_f1_gap_max", 0.00312, "macro-F1", "lower", "peer"),
            Figure("macro_f1_gap_same_setting_not_drawn_max", 0.00112, "macro-F1", "lower", "peer"),
            Figure("macro_f1_gap_at_optimum_max", 0.00021, "macro-F1", "lower", "peer"),
        ],
        tables=[
            Listing("remedies", ("remedy", "macro_f1"), (("balanced", 0.9), ("words + balanced", 0.8), ("none", 0.7)))
        ],
        notes=["A note.", "The peer ran 2 of 5 outer folds."],
    )
    return {**report.to_dict(), "commit": "abc1234", **changes}


SCORES = (0.91, [0.0456, 0.02, 0.07], 0.002, 0.8, [0.1, 0.0, 0.2], 0.95, 0.03, 0.83)
NOTHING = (0.8667, None, None, 0.7, None, 0.9, 0.02, None)
TUNED = (
    ("balanced | twice", "class weights", *SCORES),
    ("weighted_ce", "class weights", *SCORES),
    ("none", "doing nothing", *NOTHING),
)


def quality(**changes: Any) -> dict[str, Any]:
    """Remedies of several families."""
    columns = ("remedy", "family", *(c for c in COLUMNS if c not in ("remedy", "family")))
    data = {"fashion": {"rows": 12_345, "classes": 67, "encoder": "minilm"}}
    report = Report(
        "label_quality",
        settings={"data": data, "folds": 5, "budget": 8},
        figures=[Figure("remedies_total", 43, "remedies", "higher")],
        tables=[Listing("quality_fashion", columns, TUNED)],
    )
    return {**report.to_dict(), "commit": "abc1234", **changes}


def of_names() -> dict[str, Any]:
    """What names are worth."""
    report = Report(
        "name_prior",
        settings={"data": ["fashion"]},
        figures=[
            Figure("gain_fashion", 0.073, "macro-F1", "higher", "names shuffled", -0.009),
            Figure("gain_of_codes_fashion", -0.008, "macro-F1", "lower", "names as they are", 0.073),
            Figure("unseen_recall_fashion", 0.233, "share", "higher", "best remedy without names", 0.0),
        ],
    )
    return {**report.to_dict(), "commit": "abc1234"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "results").mkdir()
    for page in ("README.md", "README.zh-CN.md", "docs/deep.md"):
        (tmp_path / page).write_text(PAGE, encoding="utf-8")
    (tmp_path / "docs" / "other.md").write_text("no place here\n", encoding="utf-8")
    for document in (quality(), of_names(), made_up()):
        write(tmp_path, document)
    return tmp_path


def write(project: Path, document: dict[str, Any]) -> None:
    file = project / "results" / f"{document['name']}.json"
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def run(project: Path, *words: str) -> int:
    return render.main([*words, "--root", str(project), "--results", str(project / "results")])


def test_places_are_filled_and_the_rest_is_left(project: Path) -> None:
    assert run(project) == 0
    for page in ("README.md", "docs/deep.md"):
        text = (project / page).read_text(encoding="utf-8")
        assert text.startswith("# Title\n\nbefore\n\n<!-- bench:opening begin -->\n")
        assert text.endswith("\n<!-- bench:opening end -->\n\nafter\n")
        assert "old text" not in text
        assert "| class weights | `balanced \\| twice` | .910 | +.046 [+.020, +.070] | < .01 | .800 |" in text
        assert "weighted_ce" not in text, "it is not the best of its family"
        assert "| doing nothing | `none` | .867 | – | – | .700 | – | .900 | .020 | – |" in text
        assert "12,345 rows" in text
        assert "of 2 that were tuned alike" in text
        assert "gains +.073 with the names as they are, -.009 with names shuffled" in text
        assert "A study of 1 of them took 100 s" in text
        assert "42.3 times as long" in text
        assert "abc1234" in text
    assert (project / "docs" / "other.md").read_text(encoding="utf-8") == "no place here\n"


def test_what_recommends_stands_beside_what_was_published(project: Path) -> None:
    columns = ("model", "directed", "recall_at_10", "ndcg_at_10", "descending_recall_at_10", "tail50_recall_at_10")
    fitted = Listing("recommenders", (*columns, "fit_seconds"), (("ours", False, 0.1, 0.05, 0.08, 0.09, 12.0),))
    published = Listing("recommenders_published", ("model", "recall_at_10", "ndcg_at_10", "source"), ())
    published = replace(published, rows=(("Theirs", 0.2, 0.06, "A & B, X 2020; as run by C"),))
    report = Report("recommend_beauty", settings={"users": 1_234, "items": 567}, tables=[fitted, published])
    write(project, {**report.to_dict(), "commit": "fff0000"})
    assert run(project) == 0
    text = (project / "README.md").read_text(encoding="utf-8")
    assert "1,234 users, 567 items" in text
    assert text.index("| *Theirs, A & B, X 2020* | – | .2000 | .0600 | – | – | – |") < text.index(
        "| ours | no | .1000 | .0500 | .0900 | .0800 | 12 |"
    )
    assert "fff0000 (recommendation)" in text


def test_tables_have_as_many_cells_in_every_line(project: Path) -> None:
    run(project)
    lines = [line for line in (project / "README.md").read_text().splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_chinese_pages_have_chinese_words_and_the_same_numbers(project: Path) -> None:
    run(project)
    english, chinese = ((project / p).read_text(encoding="utf-8") for p in ("README.md", "README.zh-CN.md"))
    assert "与 none 之差" in chinese
    assert "difference to none" not in chinese
    assert "12,345 行" in chinese
    assert "| 类别权重 |" in chinese
    assert "class weights" not in chinese

    def cells(text: str) -> list[str]:
        rows = [line for line in text.splitlines() if "| `" in line]
        return [c.strip() for row in rows for c in row.split("|")[2:]]

    assert cells(english) == cells(chinese)


def test_rendering_again_changes_nothing(project: Path) -> None:
    run(project)
    before = (project / "README.md").read_text(encoding="utf-8")
    assert run(project, "--check") == 0
    run(project)
    assert (project / "README.md").read_text(encoding="utf-8") == before


def test_check_finds_a_figure_typed_by_hand(project: Path) -> None:
    run(project)
    page = project / "README.md"
    page.write_text(page.read_text(encoding="utf-8").replace(".910", ".999"), encoding="utf-8")
    assert run(project, "--check") == 1
    assert ".999" in page.read_text(encoding="utf-8"), "a check must write nothing"


def test_a_missing_result_fails_and_leaves_the_page(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "results" / "label_quality.json").unlink()
    assert run(project) == 1
    assert (project / "README.md").read_text(encoding="utf-8") == PAGE
    assert "label_quality.json" in capsys.readouterr().err


def test_what_else_was_measured_is_told_where_it_was(project: Path) -> None:
    run(project)
    assert "44,000" not in (project / "README.md").read_text(encoding="utf-8")
    full = made_up("label_study_full", figures=[{"name": "study_seconds", "value": 151.2}])
    full["settings"]["rows"] = 44_000
    write(project, full)
    assert run(project) == 0
    assert "All 44,000 rows take 151 s." in (project / "README.md").read_text(encoding="utf-8")
    for name in ("name_prior", "label_study"):
        (project / "results" / f"{name}.json").unlink()
    assert run(project) == 0
    text = (project / "README.md").read_text(encoding="utf-8")
    assert "`balanced" in text
    assert "shuffled" not in text
    assert "times as long" not in text


def test_each_run_is_named_by_its_own_commit(project: Path) -> None:
    run(project)
    assert "at abc1234, " in (project / "README.md").read_text(encoding="utf-8")
    write(project, made_up("label_study", commit="def5678"))
    run(project)
    said = "at abc1234 (families), abc1234 (names), def5678 (speed), "
    assert said in (project / "README.md").read_text(encoding="utf-8")
    assert "abc1234（类目名）、def5678（速度），" in (project / "README.zh-CN.md").read_text(encoding="utf-8")


def test_a_page_may_show_all_of_a_result(project: Path) -> None:
    write(project, made_up("other_run"))
    page = project / "docs" / "all.md"
    page.write_text("<!-- bench:other_run begin -->\n<!-- bench:other_run end -->\n", encoding="utf-8")
    run(project)
    text = page.read_text(encoding="utf-8")
    assert "| speed_ratio | 42.3 | x | higher | peer | 4,231 | 42.3 |" in text
    assert "- A note." in text


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("macro_f1", 0.9, ".900"),
        ("macro_f1", 1.0, "1.000"),
        ("macro_f1", [0.9, 0.85, 0.95], ".900 [.850, .950]"),
        ("macro_f1", [0.9, None, None], ".900"),
        ("macro_f1", [None, None, None], "–"),
        ("difference", -0.0123, "-.012"),
        ("value", 1234.5, "1,234"),
        ("value", 0.01234, "0.0123"),
        ("vanished", -3.92, "none"),
        ("vanished", 1.2, "all"),
        ("vanished", 0.83, "83%"),
        ("excess", 0.0028, "+0.28%"),
        ("macro_f1", None, "–"),
    ],
)
def test_numbers(column: str, value: object, text: str) -> None:
    assert cell(column, value, "en") == text


def test_the_pages_of_this_project_are_what_its_results_say() -> None:
    if not (RESULTS / "label_quality.json").is_file():
        pytest.skip("nothing has been measured yet: make bench")
    assert render.main(["--check"]) == 0

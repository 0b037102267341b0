"""``python -m bench.recommend_beauty`` on a made-up shop and on files, and what its figures are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench.recommend_beauty import BLEND, COLUMNS, FIGURES, Fitted, arguments, best_of, main, tuned
from bench.recommend_data import Shop, attributes_by_item, made_up, words_by_item
from bench.recommend_peers import OUTSIDE, PEER
from threadpoolctl import threadpool_limits

from evenshelf.learners.ranking import lambdamart
from evenshelf.learners.ranking.base import ItemFacts
from evenshelf.learners.ranking.registry import ranking_learner, ranking_learners
from evenshelf.tasks.histories import Histories

WITHOUT = [peer.flag for peer in OUTSIDE]


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("lightgbm")
    pytest.importorskip("implicit")
    monkeypatch.setattr(lambdamart, "TREES", 20)
    with threadpool_limits(1):  # trees are too small for more, which then only wait for each other
        yield


def run(*words: object) -> dict:
    file = Path(str(words[-1]))
    assert main([*WITHOUT, *(str(word) for word in words)]) == 0
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_figures_are_those_of_the_blend_and_of_its_peer(tmp_path: Path) -> None:
    report = run("--quick", "--learners", "popular", "transitions", "--json", tmp_path / "out.json")
    (table,) = report["tables"]
    lines = {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}
    assert set(table["columns"]) == set(COLUMNS)
    figures = {figure["name"]: figure for figure in report["figures"]}
    assert set(figures) == {*FIGURES, "fit_seconds"}
    for name, figure in figures.items():
        assert figure["value"] == lines[BLEND][name]
        assert figure["peer_value"] == lines[PEER][name]
    assert lines[BLEND]["recall_at_10"] > lines["popularity"]["recall_at_10"]
    learners = {learner.title: learner for learner in ranking_learners().values()}
    assert {name: line["directed"] for name, line in lines.items() if name != PEER} == {
        learners[name].title: learners[name].directed for name in lines if name != PEER
    }
    assert {"popular", "transitions", "blend", PEER} == set(report["settings"]["chosen"])


def test_the_same_data_in_files_gives_the_same_figures_whatever_the_ids(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    steps = [[f"B{kind}{n:02d}" for n in rng.permutation(12)[:6]] for kind in rng.integers(0, 3, 60)]
    lines = [f"u{number} {' '.join(sequence)}" for number, sequence in enumerate(steps)]
    (tmp_path / "seq.txt").write_text("\n".join(lines), encoding="utf-8")
    items = sorted({item for sequence in steps for item in sequence})
    (tmp_path / "text.txt").write_text("".join(f"{item} |kind{item[1]}|thing\n" for item in items), encoding="utf-8")
    asked = ["--sequences", tmp_path / "seq.txt", "--text", tmp_path / "text.txt", "--learners", "recent"]
    report = run(*asked, "--json", tmp_path / "out.json")
    assert report["settings"]["users"] == 60
    assert report["settings"]["texts"] == ["text"]
    assert any("times" in note for note in report["notes"])  # why there is no line of recent popularity
    with gzip.open(tmp_path / "att.json.gz", "wt") as stream:
        json.dump({str(n): ["a"] for n in range(1, 9)}, stream)
    more = run(*asked, "--attributes", tmp_path / "att.json.gz", "--json", tmp_path / "more.json")
    assert more["settings"]["texts"] == ["text", "attributes"]


def test_attributes_go_by_id_or_by_first_appearance(tmp_path: Path) -> None:
    (tmp_path / "seq.txt").write_text("u1 B9 B2\nu2 B2 B5\n", encoding="utf-8")
    made = Histories.read(tmp_path / "seq.txt")
    for said in ({"1": [7], "3": [8]}, {"B9": [7], "B5": [8]}):
        (tmp_path / "att.json").write_text(json.dumps(said), encoding="utf-8")
        found = attributes_by_item(tmp_path / "att.json", made, tmp_path / "seq.txt")
        assert (found["B9"], found.get("B2", []), found["B5"]) == (["7"], [], ["8"])
    (tmp_path / "text.txt").write_text("B9 |one| two\nB2 \n", encoding="utf-8")
    assert words_by_item(tmp_path / "text.txt") == {"B9": ["one", "two"], "B2": []}


def test_descending_users_want_a_lower_id_than_their_last() -> None:
    shop = Shop.of(Histories.of([["c", "d", "a"], ["a", "b", "d"]]), ItemFacts())
    assert shop.descending.tolist() == [True, False]
    assert [shop.before.items[code] for code in shop.target] == ["a", "d"]


def test_the_setting_that_finds_most_on_the_validation_step_is_kept() -> None:
    shop = made_up(0)

    def fit(setting: dict[str, str]) -> Fitted:
        learner = ranking_learner(setting["learner"])
        return tuned(replace(learner, grid={name: values[:1] for name, values in learner.grid.items()}), shop, 0)

    worse, better = {"learner": "popular"}, {"learner": "item_knn"}
    for order in ([worse, better], [better, worse]):
        assert best_of(order, fit, shop, 0).title == "item neighbourhoods"


def test_files_are_asked_for_together(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        arguments(["--sequences", "a"])
    assert main([*WITHOUT, "--sequences", str(tmp_path / "none"), "--text", str(tmp_path / "none")]) == 1
    assert "cannot be read" in capsys.readouterr().err

"""The quick run of the label study: both sides really run, and what they find has the form that is promised."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench.label_study import arguments

ROOT = Path(__file__).resolve().parents[2]
FIGURE = {"name", "value", "unit", "better", "peer", "peer_value", "ratio"}
SPECS = ["none", "smote", "focal", "name_prior + logit_adjust(tau=0.5)"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "bench.label_study", "--quick", "--json", str(folder / "out.json")]
    env = {**os.environ, "EVENSHELF_CACHE": str(folder / "cache")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "speed_ratio" in done.stdout, "no table was printed"
    assert "peer: fold 1 of 5" in done.stderr, "no progress was told"
    return json.loads((folder / "out.json").read_text(encoding="utf-8"))


def table(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    (listing,) = (t for t in found["tables"] if t["name"] == name)
    return [dict(zip(listing["columns"], row, strict=True)) for row in listing["rows"]]


@pytest.mark.timeout(900)  # two studies and torch, on whatever machine this is
def test_the_file_has_the_promised_form(found: dict[str, Any]) -> None:
    assert {"name", "commit", "machine", "seconds", "figures"} <= set(found)
    assert found["machine"]["libraries"].keys() >= {"scikit-learn", "imbalanced-learn", "torch"}
    for figure in found["figures"]:
        assert set(figure) == FIGURE
        assert math.isfinite(figure["value"])
        assert figure["better"] in ("higher", "lower")
    names = [figure["name"] for figure in found["figures"]]
    assert len(names) == len(set(names))
    assert set(names) >= {"speed_ratio", "memory_ratio", "study_seconds", "macro_f1_gap_max", "encode_ratio"}


def test_ratios_are_those_of_the_values(found: dict[str, Any]) -> None:
    figures = {figure["name"]: figure for figure in found["figures"]}
    seconds = figures["study_seconds"]
    assert figures["speed_ratio"]["value"] == pytest.approx(seconds["peer_value"] / seconds["value"])
    # one of five folds was run, and its seconds scaled
    per_remedy = [row["peer_seconds"] for row in table(found, "peer")]
    assert seconds["peer_value"] == pytest.approx(5 * sum(per_remedy))
    assert any("1 of 5 outer folds; its seconds are multiplied by 5/1" in note for note in found["notes"])


def test_the_peer_fitted_every_remedy_to_the_same_optimum(found: dict[str, Any]) -> None:
    rows = {row["remedy"]: row for row in table(found, "peer")}
    assert list(rows) == SPECS
    for spec, row in rows.items():
        assert row["peer_seconds"] > 0
        assert row["theirs"] > 0.05, "worse than guessing"
        if spec != "smote":  # which draws other rows on each side
            assert abs(row["default_gap"]) < 0.02
    for row in table(found, "objectives"):
        assert -1e-3 < row["excess_ours"] < 0.02
        assert -1e-3 < row["excess_peer"] < 0.02
        assert abs(row["excess_peer_tight"]) < 1e-3
        assert row["ours_tight"] == pytest.approx(row["theirs_tight"], abs=0.02)


def test_gap_is_the_largest_of_the_table(found: dict[str, Any]) -> None:
    figures = {figure["name"]: figure["value"] for figure in found["figures"]}
    rows = table(found, "peer")
    assert figures["macro_f1_gap_max"] == max(abs(row["gap"]) for row in rows)
    assert figures["macro_f1_gap_default_max"] == max(abs(row["default_gap"]) for row in rows)
    for row in rows:
        assert row["gap"] == pytest.approx(row["ours"] - row["theirs"])


def test_remedies_table_holds_all_with_intervals(found: dict[str, Any]) -> None:
    rows = {row["remedy"]: row for row in table(found, "remedies")}
    assert set(rows) == {*SPECS, "words + balanced"}
    assert rows["none"]["difference"] is None
    for spec in SPECS[1:]:
        value, low, high = rows[spec]["difference"]
        assert low <= value <= high
        assert value == pytest.approx(rows[spec]["macro_f1"] - rows["none"]["macro_f1"], abs=1e-6)


def test_smote_as_it_comes_was_tried(found: dict[str, Any]) -> None:
    assert any("SMOTE as it comes raises on 5 of 5" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("words", "data", "rows", "encoder", "peer"),
    [
        ([], "fashion", 10_000, "minilm", True),
        (["--full"], "fashion", None, "minilm", False),
        (["--full", "--peer"], "fashion", None, "minilm", True),
        (["--data", "zh"], "zh", 10_000, "tfidf", True),
        (["--quick"], "simulated", 600, "minilm", True),
        (["--quick", "--data", "fashion", "--rows", "300"], "fashion", 300, "minilm", True),
    ],
)
def test_arguments(words: list[str], data: str, rows: int | None, encoder: str, *, peer: bool) -> None:
    asked = arguments(words)
    assert (asked.data, asked.rows, asked.encoder, asked.peer) == (data, rows, encoder, peer)

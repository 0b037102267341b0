"""The quick run of the annotation benchmark, and how it counts labels."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from bench.annotation import Rows, arguments, flipped, labels_needed, main, once_a_title


@pytest.mark.usefixtures("cache_folder")
def test_the_quick_run_has_the_promised_form(tmp_path: Path) -> None:
    assert main(["--quick", "--seeds", "1", "--json", str(tmp_path / "a.json")]) == 0
    found = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    figures = {figure["name"]: figure for figure in found["figures"]}
    assert {"macro_f1_at_80", "labels_saved_ratio", "suspects_precision_at_10_near"} <= set(figures)
    assert all(math.isfinite(figure["value"]) for figure in figures.values())
    tables = {table["name"]: table for table in found["tables"]}
    assert {row[0] for row in tables["choosing"]["rows"]} >= {"tail", "random", "margin", "badge"}
    assert len({row[1] for row in tables["choosing"]["rows"]}) == 1, "all begin with the same labels"
    assert figures["macro_f1_at_80"]["peer_value"] == next(
        row[tables["choosing"]["columns"].index("at_80")] for row in tables["choosing"]["rows"] if row[0] == "random"
    )


def test_labels_needed_are_read_off_the_curve() -> None:
    budgets, f1 = np.array([100.0, 200.0, 400.0]), np.array([0.2, 0.4, 0.5])
    assert labels_needed(budgets, f1, 0.45) == (pytest.approx(300.0), True)
    assert labels_needed(budgets, f1, 0.1) == (100.0, True)
    assert labels_needed(budgets, f1, 0.6) == (400.0, False)


def test_flips_are_wrong_and_as_many_as_said() -> None:
    rng = np.random.default_rng(0)
    target = np.repeat(np.arange(5), 40)
    rows = Rows(rng.normal(size=(200, 8)).astype(np.float32), np.zeros((5, 8), np.float32), target, np.arange(200) // 2)
    for kind in ("random", "near"):
        given, wrong = flipped(rows, np.arange(200), kind, rng)
        assert wrong.sum() == 10
        assert (given[~wrong] == target[~wrong]).all()
    assert once_a_title(rows, np.arange(10), np.array([0])).tolist() == [2, 4, 6, 8]


def test_arguments() -> None:
    assert arguments([]).at in arguments([]).budgets
    assert arguments(["--quick"]).at in arguments(["--quick"]).budgets

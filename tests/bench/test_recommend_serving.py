"""``python -m bench.recommend_serving`` on a small shop, and what its figures are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench.recommend_serving import COLUMNS, DECAY, LENGTH, PEER, REMEDIES, Asked, lines_of, made_up, main

MODELS = ("item_knn", "als", "text", "popular")


@pytest.fixture(autouse=True)
def _peer() -> None:
    pytest.importorskip("implicit")


def test_each_model_is_asked_under_each_remedy_beside_the_peer(tmp_path: Path) -> None:
    assert main(["--quick", "--requests", "5", "--json", str(tmp_path / "out.json")]) == 0
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    (table,) = report["tables"]
    assert tuple(table["columns"]) == COLUMNS
    lines = {(row[0], row[1]): dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}
    ours = {(model, remedy) for model in MODELS for remedy in REMEDIES}
    assert set(lines) == ours | {(f"{PEER}, item_knn", "none"), (f"{PEER}, als", "none")}
    figures = {figure["name"]: figure for figure in report["figures"]}
    for model in MODELS:
        for key in ("requests_per_second", "p99_ms"):
            figure = figures[f"{key}_{model}"]
            assert figure["value"] == lines[model, "none"][key]
            theirs = lines.get((f"{PEER}, {model}", "none"))
            assert figure["peer_value"] == (theirs[key] if theirs else None)
    assert figures["p99_ms_slowest"]["value"] == max(lines[one]["p99_ms"] for one in ours)
    assert figures["history_bytes_per_user"]["value"] > 0


def test_both_sides_show_the_same() -> None:
    histories = made_up(Asked(300, 400, 1, 1, None))
    assert 0 < DECAY < 1
    serves = {line.model: line.serve for line in lines_of(histories) if line.remedy == "none"}
    for model in ("item_knn", "als"):
        for user in np.flatnonzero(histories.lengths)[:20]:
            own = histories.of_users(np.array([user]))
            ours, theirs = serves[model](own), serves[f"{PEER}, {model}"](own)
            assert len(ours) == LENGTH
            assert not set(ours) & set(own.item)
            # the peer's neighbourhoods show nothing where nothing speaks for an item
            assert set(theirs) <= set(ours)
